package verdict

import (
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// Cursor follows the trace of one member through its processes and notices when
// events do not come in the order that the history promises. Rules that depend
// on order stop at such a member: better no verdict than a wrong one.
type Cursor struct {
	Seen   bool
	Inc    uint64
	seq    uint64
	Broken bool // out of order: no further rule applies
}

// Advance takes the member's next trace event. It reports false when the event
// is out of order, or one before it was.
func (c *Cursor) Advance(r *history.Raft) bool {
	if c.Broken {
		return false
	}
	ordered := !c.Seen || r.Inc > c.Inc || r.Inc == c.Inc && r.Seq > c.seq
	if !ordered {
		c.Broken = true
		return false
	}
	c.Seen, c.Inc, c.seq = true, r.Inc, r.Seq
	return true
}

// Sources is what the run says about where raft events come from.
type Sources struct {
	Nodes  []string
	Traced bool // every member writes a trace
	Tapped bool // every peer link is decoded
	Holes  bool // … but for some connection
	Ended  bool // the history is whole
	Seen   bool // there was a raft event

	configs [][]string        // other sets of voters that the harness asked for
	renewed map[string]uint64 // members to be replaced, by the first process of the new one
}

// Deed returns what a member or a tap tells in an event, nil if it is not of that
// kind, and takes what the harness says of the run.
func (s *Sources) Deed(e *history.Event) *history.Raft {
	if e.Run != nil {
		s.Run(e.Run)
		return nil
	}
	if e.Raft == nil || s.reconfigured(e.Raft) {
		return nil
	}
	s.Seen = true
	return e.Raft
}

// Run takes what the harness says of the run.
func (s *Sources) Run(r *history.Run) {
	switch r.What {
	case history.RunBegin:
		s.Nodes = append([]string(nil), r.Nodes...)
		s.Traced, s.Tapped = r.Traced, r.Tapped
	case history.RunUntap:
		s.Holes = true
	case history.RunEnd:
		s.Ended = true
	}
}

// reconfigured takes the harness's word that it is about to change the members,
// and tells whether r is one.
//
// It is written before the change is asked for, so in the history it stands before
// everything that the change may have led to. Whether and when the members took it
// is not known: from then on each set of voters so far may be the one that decides.
func (s *Sources) reconfigured(r *history.Raft) bool {
	if r.Source != history.Harness {
		return false
	}
	if !SameMembers(r.Voters, s.Nodes) {
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

// Renew tells whether the start event r is the first of a new member under an old
// name: nothing that the old one did binds it.
func (s *Sources) Renew(r *history.Raft) bool {
	inc, ok := s.renewed[r.Node]
	if !ok || r.Inc < inc {
		return false
	}
	delete(s.renewed, r.Node)
	return true
}

// Decides tells whether the givers are a majority of any set of voters that may
// have decided so far.
func (s *Sources) Decides(givers []string) bool {
	return IsMajority(s.Nodes, givers) ||
		slices.ContainsFunc(s.configs, func(voters []string) bool { return IsMajority(voters, givers) })
}

// Everybody lists all who may ever have had a vote.
func (s *Sources) Everybody() []string {
	all := s.Nodes
	for _, voters := range s.configs {
		all = Union(all, voters)
	}
	return all
}

// Blind tells whether some of what passed on the wire was seen by nobody.
func (s *Sources) Blind() bool { return s.Holes && !s.Traced }

// Silent returns the summary of a checker that had nothing to look at, and
// false when there was something. A run that promised raft events and has none
// is the business of coverage.
func (s *Sources) Silent() (string, bool) {
	if s.Seen {
		return "", false
	}
	if s.Traced || s.Tapped {
		return "nothing to check: no member said or sent anything", true
	}
	return "not checked: the target has neither trace nor tap", true
}
