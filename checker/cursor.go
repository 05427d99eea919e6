package checker

import (
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// cursor follows the trace of one member through its processes and notices when
// events do not come in the order that the history promises. Rules that depend
// on order stop at such a member: better no verdict than a wrong one.
type cursor struct {
	seen   bool
	inc    uint64
	seq    uint64
	broken bool // out of order: no further rule applies
}

// advance takes the member's next trace event. It reports false when the event
// is out of order, or one before it was.
func (c *cursor) advance(r *history.Raft) bool {
	if c.broken {
		return false
	}
	ordered := !c.seen || r.Inc > c.inc || r.Inc == c.inc && r.Seq > c.seq
	if !ordered {
		c.broken = true
		return false
	}
	c.seen, c.inc, c.seq = true, r.Inc, r.Seq
	return true
}

// sources is what the run says about where raft events come from.
type sources struct {
	nodes  []string
	traced bool // every member writes a trace
	tapped bool // every peer link is decoded
	holes  bool // … but for some connection
	ended  bool // the history is whole
	seen   bool // there was a raft event

	configs [][]string        // other sets of voters that the harness asked for
	renewed map[string]uint64 // members to be replaced, by the first process of the new one
}

// deed returns what a member or a tap tells in an event, nil if it is not of that
// kind, and takes what the harness says of the run.
func (s *sources) deed(e *history.Event) *history.Raft {
	if e.Run != nil {
		s.run(e.Run)
		return nil
	}
	if e.Raft == nil || s.reconfigured(e.Raft) {
		return nil
	}
	s.seen = true
	return e.Raft
}

func (s *sources) run(r *history.Run) {
	switch r.What {
	case history.RunBegin:
		s.nodes = append([]string(nil), r.Nodes...)
		s.traced, s.tapped = r.Traced, r.Tapped
	case history.RunUntap:
		s.holes = true
	case history.RunEnd:
		s.ended = true
	}
}

// reconfigured takes the harness's word that it is about to change the members,
// and tells whether r is one.
//
// It is written before the change is asked for, so in the history it stands before
// everything that the change may have led to. Whether and when the members took it
// is not known: from then on each set of voters so far may be the one that decides.
func (s *sources) reconfigured(r *history.Raft) bool {
	if r.Source != history.Harness {
		return false
	}
	if !sameMembers(r.Voters, s.nodes) {
		s.configs = append(s.configs, slices.Clone(r.Voters))
	}
	if r.Inc > 0 {
		if s.renewed == nil {
			s.renewed = make(map[string]uint64)
		}
		s.renewed[r.Node] = r.Inc
	}
	return true
}

// renew tells whether the start event r is the first of a new member under an old
// name: nothing that the old one did binds it.
func (s *sources) renew(r *history.Raft) bool {
	inc, ok := s.renewed[r.Node]
	if !ok || r.Inc < inc {
		return false
	}
	delete(s.renewed, r.Node)
	return true
}

// decides tells whether the givers are a majority of any set of voters that may
// have decided so far.
func (s *sources) decides(givers []string) bool {
	return isMajority(s.nodes, givers) ||
		slices.ContainsFunc(s.configs, func(voters []string) bool { return isMajority(voters, givers) })
}

// everybody lists all who may ever have had a vote.
func (s *sources) everybody() []string {
	all := s.nodes
	for _, voters := range s.configs {
		all = union(all, voters)
	}
	return all
}

// blind tells whether some of what passed on the wire was seen by nobody.
func (s *sources) blind() bool { return s.holes && !s.traced }

// silent returns the summary of a checker that had nothing to look at, and
// false when there was something. A run that promised raft events and has none
// is the business of coverage.
func (s *sources) silent() (string, bool) {
	if s.seen {
		return "", false
	}
	if s.traced || s.tapped {
		return "nothing to check: no member said or sent anything", true
	}
	return "not checked: the target has neither trace nor tap", true
}
