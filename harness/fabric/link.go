package fabric

import (
	"hash/fnv"
	"math/rand/v2"
	"strconv"
	"sync/atomic"
)

// link is the state of one directed link. rules and decoded are guarded by the
// fabric's mutex; connections keep a copy of rules and are told of changes, so
// that carrying bytes looks at nothing shared.
type link struct {
	name    Link
	rules   *ruleSet
	decoded bool // some listener of the pair decodes

	bytes, frames, conns atomic.Int64
}

// ruleSet is what is in force on a link, in order of installation. It is never
// changed, only replaced.
type ruleSet struct {
	effects []*effect
	cut     bool
	limited bool // some throttle covers the whole link
}

var noRules = &ruleSet{}

// taking is in force where a schedule is followed, below all other rules: it
// does nothing, but brings everything to the queue, where frames can wait.
var taking = newRuleSet([]*effect{{action: "take"}})

func newRuleSet(effects []*effect) *ruleSet {
	if len(effects) == 0 {
		return noRules
	}
	rs := &ruleSet{effects: effects}
	for _, e := range effects {
		rs.cut = rs.cut || e.action == Cut
		rs.limited = rs.limited || e.limits()
	}
	return rs
}

func (rs *ruleSet) empty() bool { return len(rs.effects) == 0 }

func (rs *ruleSet) with(e *effect) *ruleSet {
	effects := make([]*effect, 0, len(rs.effects)+1)
	return newRuleSet(append(append(effects, rs.effects...), e))
}

func (rs *ruleSet) without(a *Applied) *ruleSet {
	var effects []*effect
	for _, e := range rs.effects {
		if e.of != a {
			effects = append(effects, e)
		}
	}
	return newRuleSet(effects)
}

func (rs *ruleSet) has(e *effect) bool {
	for _, x := range rs.effects {
		if x == e {
			return true
		}
	}
	return false
}

// refusedBy returns the rules that refuse connections carrying the link.
func (rs *ruleSet) refusedBy() []*effect {
	var by []*effect
	for _, e := range rs.effects {
		if e.action == Refuse {
			by = append(by, e)
		}
	}
	return by
}

// randomStream derives the generator of one rule on one link.
func randomStream(seed, number uint64, l Link) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(strconv.FormatUint(number, 10) + "\x00" + l.From + "\x00" + l.To))
	return rand.New(rand.NewPCG(seed, h.Sum64()))
}
