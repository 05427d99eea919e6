package checker

import "github.com/usurper/usurper/harness/history"

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
