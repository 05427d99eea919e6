package nemesis

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A step waits for the assertion that it names, or for any that fails.
func TestAssertionsFire(t *testing.T) {
	for text, want := range map[string]string{
		`on assertion "two leaders" kill one`:                          "n2",
		`on assertion by n3 kill one`:                                  "n3",
		`on assertion kill one`:                                        "n1",
		`on assertion "every = a > b | c" by n3 after 1s kill one`:     "n3",
		`maybe on assertion "two leaders" times 2 for 1s pause leader`: "n2",
	} {
		step, err := ParseStep(text)
		require.NoError(t, err)
		again, err := ParseStep(step.String())
		require.NoError(t, err)
		require.Equal(t, step, again)
		v := NewView()
		w := v.watch(step.Trigger)
		v.Asserted("n2", "something", false)
		v.Asserted("n1", "other", true)
		v.Asserted("n2", "two leaders", false)
		v.Asserted("n3", "every = a > b | c", true)
		require.Equal(t, want, (<-w.found).raft.Node, text)
	}
	for text, want := range map[string]string{
		`on assertion "two leaders kill one`: "close the quotes",
		`on assertion "" kill one`:           "names no assertion",
		`on leader "x" kill one`:             "only an assertion has a message",
	} {
		_, err := ParseStep(text)
		require.ErrorContains(t, err, want)
	}
}
