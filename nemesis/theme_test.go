package nemesis_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/nemesis"
)

// themeNames are those that need no disks and machines of their own.
func themeNames() []string {
	var names []string
	for _, t := range nemesis.Themes() {
		if t.Usual() {
			names = append(names, t.Name)
		}
	}
	return names
}

// Seeds that follow each other are about other themes until all had their turn, and
// every plan says which, also once it was printed and read.
func TestThemesTakeTurns(t *testing.T) {
	for first := uint64(0); first < 40; first += 10 {
		var short []string
		for seed := first; seed < first+10; seed++ {
			o := generating(5)
			o.Duration = 15 * time.Second
			plan := nemesis.Generate(seed, o)
			require.Len(t, plan.Themes, 1, "a short run is about one thing")
			short = append(short, plan.Themes...)
			again, err := nemesis.Parse("p", plan.String())
			require.NoError(t, err)
			require.Equal(t, plan.Themes, again.Themes)
		}
		require.ElementsMatch(t, themeNames(), short)
	}
	lengths := make(map[int]int)
	for seed := range uint64(100) {
		plan := nemesis.Generate(seed, generating(5))
		require.Equal(t, plan.String(), nemesis.Generate(seed, generating(5)).String())
		lengths[len(plan.Themes)]++
	}
	for _, n := range []int{1, 2, 3} {
		require.Positive(t, lengths[n], "%v", lengths)
	}
	require.Len(t, lengths, 3)
}

// A chosen theme is what the plan is about, in any cluster that can play it, and
// leaves room for others. Its first fault does not wait for slow elections.
func TestChosenThemes(t *testing.T) {
	for _, name := range themeNames() {
		for n := 1; n <= 7; n++ {
			for seed := range uint64(8) {
				o := generating(n)
				o.Themes = []string{name}
				if err := o.CheckThemes(); err != nil {
					require.Less(t, n, 3, "%s: %v", name, err)
					continue
				}
				o.Election = time.Duration(50+seed*300) * time.Millisecond
				plan := nemesis.Generate(seed, o)
				require.Equal(t, o.Themes, plan.Themes)
				require.NoError(t, plan.Validate(nemesis.Setting{Nodes: o.Nodes}), "%s", plan)
				first := slices.MinFunc(plan.Steps, func(a, b nemesis.Step) int {
					return int(max(a.At, a.Trigger.From) - max(b.At, b.Trigger.From))
				})
				require.LessOrEqual(t, max(first.At, first.Trigger.From), 2*o.Election, "%s", plan)
			}
		}
	}
	o := generating(5)
	o.Themes = []string{"late-elections"}
	about, all, others := 0, 0, 0
	for seed := range uint64(20) {
		text := nemesis.Generate(seed, o).String()
		about += strings.Count(text, " vote")
		all += strings.Count(text, "\n")
		others += strings.Count(text, "append") + strings.Count(text, "partition")
	}
	require.Greater(t, 4*about, all, "every fourth step at least is about votes")
	require.Greater(t, 20*others, all, "and there is an undercurrent of all others")
}

func TestCheckThemes(t *testing.T) {
	for _, tt := range []struct {
		themes  []string
		nodes   int
		classes bool
		want    string // "" for none
	}{
		{[]string{"late-elections", "power-loss"}, 5, true, ""},
		{nil, 5, true, ""},
		{nil, 1, false, ""},
		{[]string{"power-loss"}, 1, false, ""},
		{[]string{"power-lost"}, 5, true, `unknown theme "power-lost" (did you mean power-loss?): use some of late-elections, `},
		{[]string{"calm"}, 5, true, `unknown theme "calm": use some of late-elections, `},
		{[]string{"stragglers", "stragglers"}, 5, true, "theme stragglers is named twice"},
		{[]string{"late-elections"}, 1, true, "theme late-elections: a cluster of 1 "},
		{[]string{"slow-machines"}, 5, true, "theme slow-machines: its scenes need faults of files (--disk fuse) or of the machine"},
		{[]string{"late-appends"}, 2, false, "not told apart has none of its scenes: use some of power-loss"},
	} {
		o := generating(tt.nodes)
		o.Themes = tt.themes
		if !tt.classes {
			o.Classes = nil
		}
		if err := o.CheckThemes(); tt.want == "" {
			require.NoError(t, err)
		} else {
			require.ErrorContains(t, err, tt.want)
		}
	}
}

// What was a theme once need not be one now.
func TestParseThemes(t *testing.T) {
	plan, err := nemesis.Parse("p", "generated one-of-old power-loss # a comment\nat 1s restart n1\n")
	require.NoError(t, err)
	require.Equal(t, []string{"one-of-old", "power-loss"}, plan.Themes)
	for _, line := range []string{"generated power-loss power-loss", "generated at 5s", "generated n1"} {
		_, err := nemesis.Parse("p", line)
		require.ErrorContains(t, err, "stand the names of themes")
	}
}

// A favoured theme takes the place of one that was drawn, where it can be played and
// nobody chose the themes; all else is as it was.
func TestFavouredTheme(t *testing.T) {
	for seed := range uint64(40) {
		o := generating(5)
		plain := nemesis.Generate(seed, o)
		o.Favour = "stragglers"
		require.NoError(t, o.CheckThemes())
		favoured := nemesis.Generate(seed, o)
		require.Contains(t, favoured.Themes, "stragglers")
		require.Len(t, favoured.Themes, len(plain.Themes))
		require.Equal(t, plain.Themes[1:], favoured.Themes[1:])
		if slices.Contains(plain.Themes, "stragglers") {
			require.Equal(t, plain.String(), favoured.String())
		}
		alone := generating(1)
		before := nemesis.Generate(seed, alone)
		alone.Favour = "even-quorums"
		require.Equal(t, before.String(), nemesis.Generate(seed, alone).String(), "nobody can play it alone")
		o.Themes = []string{"power-loss"}
		require.Equal(t, o.Themes, nemesis.Generate(seed, o).Themes)
	}
	o := generating(5)
	o.Favour = "straglers"
	require.ErrorContains(t, o.CheckThemes(), `unknown theme "straglers" to favour (did you mean stragglers?)`)
}
