package nemesis_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/usurper/usurper/nemesis"
	"github.com/usurper/usurper/nemesis/draw"
)

// Each run draws the same cases, so that a change is to blame for what fails, and
// rapid leaves no files: the seed is the failure. -rapid.seed=0 draws others.
func TestMain(m *testing.M) {
	for name, value := range map[string]string{"rapid.seed": "1", "rapid.nofailfile": "true", "rapid.checks": "2000"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}

// A plan of any faults, triggers and targets is the same plan once it is printed
// and read.
func TestDrawnPlansRoundTrip(t *testing.T) {
	plans := draw.Plan(draw.Options{})
	rapid.Check(t, func(t *rapid.T) {
		plan := plans.Draw(t, "plan")
		text := plan.String()
		again, err := nemesis.Parse("drawn", text)
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		require.Equal(t, plan, again, text)
		for _, s := range plan.Steps {
			one, err := nemesis.ParseStep(s.String())
			require.NoError(t, err)
			s.Line = 0 // a single step has none
			require.Equal(t, s, one, s.String())
		}
	})
}

// The drawn plans have everything in them that the language has.
func TestDrawnPlansKnowTheLanguage(t *testing.T) {
	missing := map[string]bool{}
	for _, e := range nemesis.Catalog() {
		missing[e.Name] = true
	}
	for _, w := range nemesis.Triggers() {
		missing["on "+w.Name] = true
	}
	for _, w := range nemesis.Words() {
		missing[w.Name] = true
	}
	for _, clause := range []string{"maybe", "from", "until", "times", "after", "for", "by", "first", "<>", "every", "staggered"} {
		missing[clause] = true
	}
	steps := draw.Step(draw.Options{})
	for seed := 0; seed < 5000 && len(missing) > 0; seed++ {
		text := " " + steps.Example(seed).String() + " "
		for words := range missing {
			if strings.Contains(text, " "+words+" ") {
				delete(missing, words)
			}
		}
	}
	require.Empty(t, missing)
}
