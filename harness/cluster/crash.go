package cluster

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/usurper/usurper/harness/target"
)

// crashes knows by which lines the members of a cluster tell that they crash.
type crashes struct {
	patterns []*crashPattern
	vain     atomic.Pointer[error] // why one of them tells nothing
	say      func(error)           // takes vain, once
}

type crashPattern struct {
	*regexp.Regexp
	words string // without which it holds for no line, "" if there are none
	own   bool   // the target's own, and no runtime's
	vain  atomic.Bool
}

func newCrashes(t target.Target, say func(error)) *crashes {
	c := &crashes{say: say}
	known := target.CrashLines()
	for _, p := range target.Crashes(t) {
		own := !slices.ContainsFunc(known, func(k *regexp.Regexp) bool { return k.String() == p.String() })
		c.patterns = append(c.patterns, &crashPattern{Regexp: p, words: literal(p), own: own})
	}
	return c
}

// literal returns the longest text that every line for which p holds contains, as far as
// that is easily told: members that flood their logs are read as fast as they print.
func literal(p *regexp.Regexp) string {
	longest := ""
	parsed, err := syntax.Parse(p.String(), syntax.Perl)
	if err != nil || parsed.Op != syntax.OpConcat {
		return longest
	}
	for _, part := range parsed.Sub {
		if part.Op == syntax.OpLiteral && part.Flags&syntax.FoldCase == 0 && len(string(part.Rune)) > len(longest) {
			longest = string(part.Rune)
		}
	}
	return longest
}

// tells whether the line tells of a crash. first says that it is the first line that
// its member ever printed: a pattern of the target's own that holds for that most
// likely holds for every line, and from then on what it holds for counts for nothing.
func (c *crashes) tells(line string, first bool) bool {
	for _, p := range c.patterns {
		if !strings.Contains(line, p.words) || p.vain.Load() || !p.MatchString(line) {
			continue
		}
		if !p.own || !first {
			return true
		}
		p.vain.Store(true)
		err := fmt.Errorf("the crash pattern %q holds for the first line of a member that was just started, %.80q: use one that holds only for what is printed in a crash", p, line)
		if c.vain.CompareAndSwap(nil, &err) && c.say != nil {
			c.say(err)
		}
	}
	return false
}

// Vain returns why a pattern by which the target knows crashes says nothing about them,
// nil if it may. What the history lacks of crashes then proves nothing.
func (c *Cluster) Vain() error {
	if err := c.crashed.vain.Load(); err != nil {
		return *err
	}
	return nil
}
