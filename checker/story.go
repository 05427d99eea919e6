package checker

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// storyLines bounds the timeline of a story, so that all of it is on a screen.
const storyLines = 16

// Story tells how a violation came about: who led when, which faults were in
// force, what broke the rule and who saw it, from the same history, in at most a
// screen of text, wrapped to a width in columns. It proves nothing: the violation does.
// An error of the history is returned.
func Story(b Breach, v Violation, events iter.Seq2[*history.Event, error], width int) (string, error) {
	s := newStory(v)
	for e, err := range events {
		if err != nil {
			return "", err
		}
		s.event(e)
	}
	return s.text(b, width), nil
}

// story is what its events tell of a violation.
type story struct {
	violation   Violation
	first, last time.Duration // of the proof
	election    time.Duration
	clocks      clocks

	who     history.Leaders
	tells   bool                       // somebody may tell who leads
	leaders []led                      // each leadership that was told of
	votes   map[uint64]map[string]bool // voters by term and candidate: "n2 for n5"
	open    map[int]*interval
	faults  []*interval
	procs   []history.Event
}

// led is a leadership, and the event that first told of it.
type led struct {
	history.Leadership
	event history.Event
}

// String is "n1 of term 2": who led, as far as that is told.
func (l *led) String() string {
	if l.Term == 0 {
		return l.Node
	}
	return fmt.Sprintf("%s of term %d", l.Node, l.Term)
}

// interval is a fault in force.
type interval struct {
	begin history.Event
	end   *history.Event
}

func newStory(v Violation) *story {
	s := &story{violation: v, who: history.Leaders{Group: verdict.GroupOf(v.Events)}, votes: make(map[uint64]map[string]bool), open: make(map[int]*interval)}
	for i := range v.Events {
		at := v.Events[i].At
		if i == 0 {
			s.first = at
		}
		s.first, s.last = min(s.first, at), max(s.last, at)
	}
	return s
}

func (s *story) event(e *history.Event) {
	s.clocks.event(e)
	if lead, first := s.who.Take(e); first {
		if lead.By != history.BySelf { // what members say of themselves gives way to it
			s.leaders = slices.DeleteFunc(s.leaders, func(l led) bool { return l.By == history.BySelf })
		}
		s.leaders = append(s.leaders, led{lead, verdict.Keep(e)})
	}
	s.tells = s.tells || e.Raft != nil || e.Claim != nil && e.Claim.Role != ""
	switch {
	case e.Run != nil && e.Run.What == history.RunBegin:
		s.election = e.Run.Election
		s.tells = e.Run.Traced || e.Run.Tapped
	case e.Fault != nil:
		s.fault(e)
	case e.Proc != nil && e.At <= s.last && (e.Proc.What == history.ProcStart || e.Proc.What == history.ProcExit):
		s.procs = append(s.procs, verdict.Keep(e))
	case e.Raft != nil && e.Raft.Stage != history.Dropped && e.Raft.Group == s.who.Group:
		s.raft(e)
	}
}

func (s *story) fault(e *history.Event) {
	if e.Fault.What == history.FaultInject {
		if e.At <= s.last {
			f := &interval{begin: verdict.Keep(e)}
			s.open[e.Fault.Step] = f
			s.faults = append(s.faults, f)
		}
		return
	}
	if f := s.open[e.Fault.Step]; f != nil {
		end := verdict.Keep(e)
		f.end = &end
		delete(s.open, e.Fault.Step)
	}
}

func (s *story) raft(e *history.Event) {
	r := e.Raft
	if r.What != history.RaftVote || !r.Granted || r.Peer == "" {
		return
	}
	if s.votes[r.PeerTerm] == nil {
		s.votes[r.PeerTerm] = make(map[string]bool)
	}
	s.votes[r.PeerTerm][r.Node+" for "+r.Peer] = true
}

func (s *story) text(b Breach, width int) string {
	out := printer{width: width}
	out.line(2, "%s", b)
	out.line(2, "%s", s.violation.Text)
	out.line(0, "")
	s.timeline(&out)
	out.line(0, "")
	for _, line := range []string{s.whoLed(), s.whoVoted(), s.inForce(), s.whoSaw(), s.clocks.String()} {
		if line != "" {
			out.line(2, "%s", line)
		}
	}
	return out.String()
}

// moment is a line of the timeline.
type moment struct {
	at    time.Duration
	seq   uint64
	proof bool
	text  string
}

// timeline tells the events of the proof among the elections, faults and
// restarts about them. What is furthest from the proof gives way first.
func (s *story) timeline(out *printer) {
	var proof, around []moment
	for i := range s.violation.Events {
		e := &s.violation.Events[i]
		text, _, _ := strings.Cut(verdict.Describe(e), "\n")
		proof = append(proof, moment{e.At, e.Seq, true, text})
	}
	add := func(e *history.Event) {
		if e.At <= s.last && e.At >= s.first-10*s.election && !s.proves(e) {
			around = append(around, moment{e.At, e.Seq, false, verdict.Describe(e)})
		}
	}
	for i := range s.leaders {
		add(&s.leaders[i].event)
	}
	for _, f := range s.faults {
		add(&f.begin)
		if f.end != nil {
			add(f.end)
		}
	}
	for i := range s.procs {
		add(&s.procs[i])
	}
	slices.SortFunc(around, func(a, b moment) int { return cmp.Compare(s.distance(a.at), s.distance(b.at)) })
	left := len(around) - min(len(around), max(0, storyLines-len(proof)))
	lines := append(proof, around[:len(around)-left]...)
	slices.SortFunc(lines, func(a, b moment) int { return cmp.Compare(a.seq, b.seq) })
	for _, m := range lines {
		mark := " "
		if m.proof {
			mark = ">"
		}
		text, _, _ := strings.Cut(m.text, "\n")
		out.line(moments, "%s %9s  %s", mark, verdict.Seconds(m.at), text)
	}
	if left > 0 {
		out.line(4, "  … and %s about them", count.Many(left, "event"))
	}
}

// distance is how far from the proof a time is.
func (s *story) distance(at time.Duration) time.Duration {
	best := time.Duration(-1)
	for i := range s.violation.Events {
		if d := (at - s.violation.Events[i].At).Abs(); best < 0 || d < best {
			best = d
		}
	}
	return best
}

func (s *story) proves(e *history.Event) bool {
	return slices.ContainsFunc(s.violation.Events, func(p history.Event) bool { return p.Seq == e.Seq })
}

// whoLed names the leader before the first event of the proof, and those after, and
// how it is known.
func (s *story) whoLed() string {
	var before *led
	var during []string
	for i := range s.leaders {
		l := &s.leaders[i]
		switch {
		case l.At < s.first && (before == nil || l.Term >= before.Term):
			before = l
		case l.At >= s.first && l.At <= s.last:
			during = append(during, fmt.Sprintf("%s from %s (%s)", l, verdict.Seconds(l.At), l.By))
		}
	}
	text := "leader before it: none yet"
	switch {
	case !s.tells:
		text = "leader before it: nobody tells"
	case before != nil:
		text = fmt.Sprintf("leader before it: %s, from %s (%s)", before, verdict.Seconds(before.At), before.By)
	}
	if len(during) > 4 {
		during = append(during[:4], fmt.Sprintf("%d more", len(during)-4))
	}
	if len(during) > 0 {
		text += "; meanwhile " + strings.Join(during, ", ")
	}
	return text
}

// whoVoted tells the votes of the terms that the proof is about, if it is about
// few.
func (s *story) whoVoted() string {
	var terms []uint64
	for i := range s.violation.Events {
		r := s.violation.Events[i].Raft
		if r == nil || r.What != history.RaftLeader && r.What != history.RaftVote && r.What != history.RaftCandidate {
			continue
		}
		terms = append(terms, cmp.Or(r.PeerTerm, r.Term))
	}
	slices.Sort(terms)
	terms = slices.Compact(terms)
	var parts []string
	for _, t := range terms[:min(2, len(terms))] {
		var votes []string
		for v := range s.votes[t] {
			votes = append(votes, v)
		}
		slices.Sort(votes)
		if len(votes) > 0 {
			parts = append(parts, fmt.Sprintf("votes of term %d: %s", t, strings.Join(votes, ", ")))
		}
	}
	return strings.Join(parts, "; ")
}

// inForce names the faults in force between the first and the last event of the
// proof, and those that had ended no longer before than an election takes.
func (s *story) inForce() string {
	var texts []string
	for _, f := range s.faults {
		text := verdict.OrElse(f.begin.Fault.Resolved, f.begin.Fault.Text)
		switch {
		case f.end == nil || f.end.At >= s.first:
			texts = append(texts, text)
		case f.end.At >= s.first-2*s.election:
			texts = append(texts, fmt.Sprintf("%s (over since %s)", text, verdict.Seconds(f.end.At)))
		}
	}
	if len(texts) == 0 {
		return "faults in force: none"
	}
	if len(texts) > 4 { // what took something first
		slices.SortStableFunc(texts, func(a, b string) int { return cmp.Compare(powerless(a), powerless(b)) })
		texts = append(texts[:4], fmt.Sprintf("%d more", len(texts)-4))
	}
	return "faults in force: " + strings.Join(texts, "; ")
}

// powerless puts power failures, 0, before all other faults, 1.
func powerless(fault string) int {
	if strings.Contains(fault, "power-failure ") {
		return 0
	}
	return 1
}

// whoSaw names the clients whose operations are part of the proof.
func (s *story) whoSaw() string {
	var who []string
	for i := range s.violation.Events {
		op := s.violation.Events[i].Op
		if op == nil || op.Type != history.OK {
			continue
		}
		one := fmt.Sprintf("client %d at %s", op.Process, op.Node)
		if !slices.Contains(who, one) {
			who = append(who, one)
		}
	}
	if len(who) == 0 {
		return "seen by no client: the members' own evidence proves it"
	}
	if len(who) > 6 {
		who = append(who[:6], fmt.Sprintf("%d more", len(who)-6))
	}
	return "seen by " + strings.Join(who, ", ")
}
