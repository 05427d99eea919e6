package mutants

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/nemesis"
)

// plans are those of the scenarios, and some that say the same as often as they can.
func plans(t *testing.T) subject {
	files, err := filepath.Glob("../scenario/plans/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	texts := make(map[string][]byte)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		texts[filepath.Base(file)] = text
	}
	texts["many"] = []byte(`at 1s for 500ms partition leader | rest
at 2s for 500ms isolate one
at 3s for 1s    drop append 30% leader > *
at 4s for 500ms pause follower
maybe at 5s for 500ms delay vote 50ms±20ms * > *
at 6s for 500ms kill minority
on vote-granted for 300ms kill it
`)
	of := func(name string, does meaning, do func(r *rand.Rand, words []string) []string) mutator {
		return mutator{name, does, func(r *rand.Rand, text []byte) []byte {
			l := split(text)
			i := l.pick(r, func(i int) bool { return len(step(l[i])) > 3 })
			if i < 0 {
				return nil
			}
			words := do(r, step(l[i]))
			if words == nil {
				return nil
			}
			l[i] = []byte(strings.Join(words, " "))
			return l.join()
		}}
	}
	own := []mutator{
		of("more spaces", kept, func(_ *rand.Rand, w []string) []string { return []string{strings.Join(w, "   ") + "   # why"} }),
		of("a word twice", broken, func(r *rand.Rand, w []string) []string {
			i := slices.IndexFunc(w, func(s string) bool { return s == "at" || s == "on" || s == "for" })
			if i < 0 {
				return nil
			}
			return slices.Insert(w, i, w[i])
		}),
		of("a word that is none", broken, func(r *rand.Rand, w []string) []string {
			i := r.IntN(len(w))
			if strings.Trim(w[i], "abcdefghijklmnopqrstuvwxyz-") != "" || len(w[i]) < 3 {
				return nil
			}
			w[i] += "x"
			return w
		}),
		of("the beginning and the length in another order", broken, func(_ *rand.Rand, w []string) []string {
			at, length := slices.Index(w, "at"), slices.Index(w, "for")
			if at < 0 || length < 0 {
				return nil
			}
			w[at], w[length] = w[length], w[at]
			return w
		}),
		of("a time that is none", broken, func(_ *rand.Rand, w []string) []string {
			at := slices.Index(w, "at")
			if at < 0 {
				return nil
			}
			w[at+1] = "-" + w[at+1]
			return w
		}),
	}
	return subject{texts: texts, judge: judgePlan, mutators: slices.Concat(anywhere(), own)}
}

// step returns the words of a line's step.
func step(line []byte) []string {
	text, _, _ := bytes.Cut(line, []byte("#"))
	return strings.Fields(string(text))
}

// judgePlan accepts what parses, and whose text then says the same again.
func judgePlan(t testing.TB, text []byte) (bool, error) {
	plan, err := nemesis.Parse("plan.txt", string(text))
	if err != nil {
		require.Contains(t, err.Error(), "plan.txt:")
		return false, nil
	}
	again, err := nemesis.Parse("again", plan.String())
	if err == nil && again.String() != plan.String() {
		t.Errorf("a plan says something else when it is read again: %q", text)
	}
	return err == nil, err
}
