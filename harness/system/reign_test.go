package system

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// A leader that was killed and came back between two questions reigns anew.
func TestReignEnds(t *testing.T) {
	for _, c := range []struct {
		name      string
		alone     bool
		leader    string
		term, inc uint64
		want      bool
	}{
		{"as before", false, "n1", 4, 1, false},
		{"somebody else", false, "n2", 5, 1, true},
		{"nobody", false, "", 0, 1, true},
		{"another process, elected anew", false, "n1", 5, 2, true},
		{"another process, which others still name", false, "n1", 4, 2, false},
		{"the same process, whose term is told late", false, "n1", 5, 1, false},
		{"another process of one alone", true, "n1", 5, 2, true},
		{"another process of one alone, without terms", true, "n1", 0, 2, true},
		{"the same process of one alone", true, "n1", 4, 1, false},
	} {
		r := reign{alone: c.alone, leader: "n1", term: 4, inc: 1}
		require.Equal(t, c.want, r.ends(c.leader, c.term, c.inc), c.name)
	}
	require.False(t, (&reign{}).ends("", 0, 0), "nobody as before")
}
