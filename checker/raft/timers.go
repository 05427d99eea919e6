package raft

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Timers checks that heartbeats hold elections off (Raft §5.2): a member whose
// election timer is drawn from [T, 2T) and reset by every message of its leader
// does not stand before it has heard nothing for T.
//
// The time since it heard its leader is the member's own count of ticks, taken
// in the loop that also takes the messages. A slow machine makes ticks late, a
// pause leaves them out, and both only make the count smaller than the time that
// passed for the timer as well: timer and count run on the same ticks, so the
// rule needs no healthy machine. A candidacy at the leader's own word (leadership
// transfer, thesis §3.10) has no timer to wait for. Whoever stands in the very tick
// in which it heard its leader did so at a message, not at a timer; a trace that
// does not say which is given the benefit of the doubt. The slack covers the ticks in progress at either
// end. There is no upper bound: standing late is no harm. Taps cannot know what a
// member heard, so only traces count; each candidacy is judged by itself, so a
// trace cut short hides, but never invents.
//
// It also checks that the timers are random, so that members do not stand
// together time after time; see chance.
type Timers struct {
	verdict.Findings
	verdict.Sources
	election time.Duration
	waits    []time.Duration // from hearing the leader to standing
	first    history.Event   // the candidacies after the shortest and the longest wait
	last     history.Event
}

// NewTimers returns the checker "timers".
func NewTimers() *Timers { return &Timers{} }

// Name returns "timers".
func (*Timers) Name() string { return "timers" }

// Early returns AsEventsCome.
func (*Timers) Early() verdict.Early { return verdict.AsEventsCome }

// Kinds returns Rafts and Others.
func (*Timers) Kinds() verdict.Kinds { return verdict.Rafts | verdict.Others }

// Event takes the next event.
func (c *Timers) Event(e *history.Event) {
	if e.Run != nil {
		c.Run(e.Run)
		if e.Run.What == history.RunBegin {
			c.election = e.Run.Election
		}
		return
	}
	r := e.Raft
	if r == nil || r.Source != history.Trace {
		return
	}
	c.Seen = true
	if r.What != history.RaftCandidate {
		return
	}
	c.Count("candidacies", 1)
	if transferred(r) {
		c.Count("transfers", 1)
		return
	}
	if !r.Known || c.election <= 0 || !c.States(history.Timers) {
		return
	}
	if len(c.waits) == 0 || r.Heard < c.first.Raft.Heard {
		c.first = verdict.Keep(e)
	}
	if len(c.waits) == 0 || r.Heard >= c.last.Raft.Heard {
		c.last = verdict.Keep(e)
	}
	c.waits = append(c.waits, r.Heard)
	if r.Heard < c.election-slack(c.election) {
		c.Violate("stood although its leader was alive",
			fmt.Sprintf("%s stood in term %d only %v after it had heard its leader, with an election timer of at least %v",
				r.Node, r.Term, r.Heard.Round(time.Millisecond), c.election), verdict.Keep(e))
	}
}

// transferred tells whether a candidate stood at the word of its leader.
func transferred(r *history.Raft) bool {
	return r.Reason == history.ReasonTransfer || r.Source == history.Trace && r.Known && r.Heard == 0
}

// slack is how much less than it lasted a silence may seem, by ticks that have begun
// or not ended.
func slack(election time.Duration) time.Duration { return max(20*time.Millisecond, election/8) }

// Finish gives the verdict.
func (c *Timers) Finish() verdict.Result {
	if !c.Seen {
		return c.Unchecked(c.Name(), "the members write no trace")
	}
	if c.election <= 0 {
		return c.Unchecked(c.Name(), "the election timeout is not known")
	}
	if !c.States(history.Timers) {
		return c.Unchecked(c.Name(), "the target states no rule for its timers")
	}
	if len(c.waits) == 0 {
		return c.Result(c.Name(), "no member lost a leader that it knew")
	}
	slices.Sort(c.waits)
	low, mid, high := c.waits[0], c.waits[len(c.waits)/2], c.waits[len(c.waits)-1]
	c.Count("wait-min-ms", low.Milliseconds())
	c.Count("wait-median-ms", mid.Milliseconds())
	c.Count("wait-max-ms", high.Milliseconds())
	if high-low < c.election/50 && c.chance() < 1e-9 {
		c.Violate("the election timer is not random",
			fmt.Sprintf("all %d members that stood had not heard their leader for the same %v", len(c.waits), mid.Round(time.Millisecond)),
			c.first, c.last)
	}
	return c.Result(c.Name(), fmt.Sprintf("%s after silences of %v to %v, median %v; the timer is at least %v",
		count.Many(len(c.waits), "candidacy"), low.Round(time.Millisecond), high.Round(time.Millisecond), mid.Round(time.Millisecond), c.election))
}

// chance bounds how probable it is that timers drawn evenly from [T, 2T) let all
// candidacies come after the same silence, give or take T/50. Whoever stands had
// the shortest timer of all other members but the leader, at most: that favours
// waits near T. A timer runs in ticks of at most T/12, so that at most a share of
// 1/12+1/50 of the draws fall together; with a T below 50 ms ticks may be coarser,
// and nothing is concluded. A wait may also have been lengthened by what befell
// the member, but only to become different. The last factor is for where the
// waits lie.
func (c *Timers) chance() float64 {
	others := len(c.Nodes) - 1
	if others < 1 || c.election < 50*time.Millisecond {
		return 1
	}
	const share = 1.0/12 + 1.0/50
	one := 1 - math.Pow(1-share, float64(others))
	return 50 * math.Pow(one, float64(len(c.waits)-1))
}
