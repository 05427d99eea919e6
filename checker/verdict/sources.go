package verdict

import (
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// Cursor follows the trace of one member through its processes and notices when
// events do not come in the order that the history promises, or when some are
// missing. Rules that depend on order stop at a member whose events are out of it:
// better no verdict than a wrong one.
type Cursor struct {
	Stretch        // of the last event
	Broken  bool   // out of order: no further rule applies
	seq     uint64 // of the last event, 0 before the first
	node    string
}

// Stretch is a part of a member's trace in which nothing is missing: between two
// events of one stretch the member has done nothing that it did not tell.
type Stretch struct {
	Inc   uint64 // the process
	Holes int    // so far
}

// advance takes the member's next trace event. Each process counts its events
// from 1. A process without any was ended before it could say that it started, so
// before it did anything: the number of a process may be missing.
func (c *Cursor) advance(r *history.Raft) {
	first, same := c.seq == 0, r.Inc == c.Inc
	switch {
	case c.Broken:
		return
	case r.Seq == 0, !first && r.Inc < c.Inc, !first && same && r.Seq <= c.seq:
		c.Broken = true
		return
	}
	next := uint64(1)
	if !first && same {
		next = c.seq + 1
	}
	if r.Seq != next {
		c.Holes++
	}
	c.Inc, c.seq = r.Inc, r.Seq
}

// Sources is what the run says about where raft events come from.
type Sources struct {
	Nodes  []string
	Traced bool // every member writes a trace
	Tapped bool // every peer link is decoded
	Holes  bool // … but for some connection
	// Strange: the taps saw messages that their dialect does not know. What they say is
	// not known, so that nothing which is nowhere can be said not to have been given.
	Strange bool
	Ended   bool // the history is whole
	Seen    bool // there was a raft event

	group     bool                 // it is about a group other than the main one
	unknown   bool                 // who votes changed to whom nobody told
	unnamed   map[history.Pos]bool // entries that changed it, whose voters have no names yet
	changed   *uint64              // the event by which it first changed on the wire
	byEntry   bool                 // … by an entry of the log
	origin    bool                 // the first entry of the log said who votes
	asked     bool                 // the harness asked for a change of members
	rules     []history.Rule
	gathering gathering         // … while not all members were in it yet
	configs   [][]string        // other sets of voters that the harness asked for, or the wire told of
	renewed   map[string]uint64 // members to be replaced, by the first process of the new one
	cursors   map[string]*Cursor
	cursor    *Cursor         // of the member whose trace told the last event
	unread    map[string]bool // members of whose trace a line could not be read
	procs     map[process]*account
}

// Undecoded begins what is unknown since the taps have a hole. Why they have one, coverage
// says.
const Undecoded = "a connection could not be decoded"

// process is one of a member's.
type process struct {
	node string
	inc  uint64
}

// account is what is known of a process: that it answered, and that its trace has an
// event.
type account struct{ served, spoke bool }

// Deed returns what a member or a tap tells in an event, nil if it is not of that
// kind, and takes what the harness says of the run. What becomes of messages proves
// nothing: the tap tells what follows from it.
func (s *Sources) Deed(e *history.Event) *history.Raft {
	if e.Run != nil {
		s.Run(e.Run)
		return nil
	}
	if e.Claim != nil && e.Claim.Inc > 0 && s.Traced {
		s.account(e.Claim.Node, e.Claim.Inc).served = true
	}
	if e.Raft == nil || e.Raft.What == history.RaftMessage || s.reconfigured(e) {
		return nil
	}
	s.Seen = true
	if e.Raft.Source == history.Trace {
		s.follow(e.Raft)
	}
	return e.Raft
}

func (s *Sources) follow(r *history.Raft) {
	if s.cursor == nil || s.cursor.node != r.Node {
		c := s.cursors[r.Node]
		if c == nil {
			c = &Cursor{node: strings.Clone(r.Node)}
			if s.cursors == nil {
				s.cursors = make(map[string]*Cursor)
			}
			s.cursors[c.node] = c
		}
		s.cursor = c
	}
	if inc := s.cursor.Inc; s.cursor.seq == 0 || inc != r.Inc {
		s.account(r.Node, r.Inc).spoke = true
	}
	s.cursor.advance(r)
}

func (s *Sources) account(node string, inc uint64) *account {
	key := process{node, inc}
	a := s.procs[key]
	if a == nil {
		if s.procs == nil {
			s.procs = make(map[process]*account)
		}
		key.node = strings.Clone(node)
		a = &account{}
		s.procs[key] = a
	}
	return a
}

// mute tells whether one of a member's processes served without a word in its
// trace, which has its start before anything is served.
func (s *Sources) mute(node string) bool {
	for key, a := range s.procs {
		if key.node == node && a.served && !a.spoke {
			return true
		}
	}
	return false
}

// Cursor returns the place in its member's trace of the event that Deed returned
// last, which must be of a trace. It is valid until the next Deed.
func (s *Sources) Cursor() *Cursor { return s.cursor }

// Lacks says why the trace of a member may lack something that it did, "" if
// nothing can be missing. A trace is whole when the history is, every event of it
// came, and each process' from its first on. A kill takes nothing away: what was
// not written yet was not told to anybody either (persist, trace, send).
func (s *Sources) Lacks(node string) string {
	c := s.cursors[node]
	switch {
	case !s.Ended:
		return "the history was cut short"
	case !s.Traced || c == nil:
		return "the trace of " + node + " is missing"
	case c.Broken:
		return "the trace of " + node + " is out of order"
	case c.Holes > 0 || s.unread[node]:
		return "the trace of " + node + " has a hole"
	case s.mute(node):
		return "the trace of " + node + " lacks one of its processes"
	}
	return ""
}

// AnyLacks is Lacks of the first of all who may ever have had a vote whose trace is
// not whole.
func (s *Sources) AnyLacks() string {
	for _, node := range s.Everybody() {
		if why := s.Lacks(node); why != "" {
			return why
		}
	}
	return ""
}

// Torn says of the members whose traces are not whole what is missing, in order,
// but for the lines that could not be read, which the history tells of. It is
// called once the history has been read.
func (s *Sources) Torn() []string {
	if !s.Traced || !s.Ended {
		return nil
	}
	var torn []string
	for _, node := range s.Everybody() {
		spoke := s.cursors[node] != nil
		if why := s.Lacks(node); why != "" && !s.unread[node] && (spoke || s.mute(node)) {
			torn = append(torn, why)
		}
	}
	return torn
}

// Run takes what the harness says of the run.
func (s *Sources) Run(r *history.Run) {
	switch r.What {
	case history.RunBegin:
		if !s.group {
			s.Nodes = append([]string(nil), r.Nodes...)
		}
		s.Traced, s.Tapped = r.Traced, r.Tapped
		s.rules = slices.Clone(r.Rules)
		if len(s.rules) == 0 && r.Target == "reference" {
			s.rules = []history.Rule{history.FirstCome, history.Timers}
		}
	case history.RunUntap:
		s.Holes = true
	case history.RunHeard:
		s.Strange = s.Strange || r.Heard != nil && len(r.Heard.Strange) > 0
	case history.RunUntrace:
		if s.unread == nil {
			s.unread = make(map[string]bool)
		}
		s.unread[r.Node] = true
	case history.RunEnd:
		s.Ended = true
	}
}

// reconfigured takes the harness's word that it is about to change the members, or a
// tap's that a change is on the wire, and tells whether r is one.
//
// The harness's is written before the change is asked for, so in the history it stands before
// everything that the change may have led to. Whether and when the members took it
// is not known: from then on each set of voters so far may be the one that decides.
func (s *Sources) reconfigured(e *history.Event) bool {
	r := e.Raft
	switch {
	case r.Source == history.Harness:
	case r.Source == history.Tap && r.What == history.RaftConfig:
		if s.voters(r) && s.changed == nil {
			seq := e.Seq
			s.changed = &seq
		}
		return true
	default:
		return false
	}
	s.asked = true
	s.decide(r.Voters)
	if r.Inc > 0 {
		if s.renewed == nil {
			s.renewed = make(map[string]uint64)
		}
		s.renewed[r.Node] = r.Inc
	}
	return true
}

// voters takes a tap's word of who votes from now on, and tells whether that is another
// set than those of the start. What the harness asked for, it has told of itself.
func (s *Sources) voters(r *history.Raft) (changes bool) {
	if s.gathering.takes(r) {
		return false
	}
	entry := history.Pos{Term: r.EntryTerm, Index: r.Index}
	switch {
	case len(r.Voters) == 0 && s.asked:
	case len(r.Voters) == 0 && entry.Index > 0:
		if s.unnamed == nil {
			s.unnamed = make(map[history.Pos]bool)
		}
		s.unnamed[entry], changes = true, true
	case len(r.Voters) == 0:
		s.unknown, changes = true, true
	case len(s.Nodes) == 0:
		s.Nodes = slices.Clone(r.Voters)
	default:
		delete(s.unnamed, entry)
		s.decide(r.Voters)
		changes = !SameMembers(s.Nodes, r.Voters)
	}
	s.origin = s.origin || entry.Index == 1 && len(r.Voters) > 0
	s.byEntry = s.byEntry || changes && entry.Index > 0
	return changes
}

// decide notes a set of voters that may decide.
func (s *Sources) decide(voters []string) {
	same := func(known []string) bool { return SameMembers(known, voters) }
	if !same(s.Nodes) && !slices.ContainsFunc(s.configs, same) {
		s.configs = append(s.configs, slices.Clone(voters))
	}
}

// OfGroup says that it is a group other than the main one: who votes in it is what a tap
// tells.
func (s *Sources) OfGroup() { s.group = true }

// Voterless says why it is not known who votes, "" if it is. part tells whether that is so
// in a group other than the main one: then nothing else was to be expected.
func (s *Sources) Voterless() (why string, part bool) {
	switch {
	case s.unknown, len(s.unnamed) > 0:
		return "who votes changed during the run, to whom was not told", s.group
	case len(s.Nodes) == 0 && s.group:
		return "who votes is not told", true
	case len(s.Nodes) == 0:
		return "the members are not known", false
	}
	return "", false
}

// Founded tells whether an event came before members were added or removed on the wire: a
// member that led by then may have been the only one.
func (s *Sources) Founded(e *history.Event) bool { return s.changed != nil && e.Seq < *s.changed }

// Regrouped tells whether entries of a log changed who votes, as the wire shows.
func (s *Sources) Regrouped() bool { return s.byEntry }

// Uncounted says why givers may be a majority though Decides knows no voters of which they are
// one, "" if they cannot be. Where entries of the log make voters, all that were sent are
// known. But they say nothing of those with whom the log began, if its first entry was not
// sent. And who may have led may have made one that nobody was sent, which counts for him: as
// only one voter comes or goes at a time, that helps him who has half of an even number.
func (s *Sources) Uncounted(givers []string, led bool) string {
	half := func(voters []string) bool {
		n := 0
		for _, v := range voters {
			if slices.Contains(givers, v) {
				n++
			}
		}
		return 2*n == len(voters)
	}
	switch {
	case !s.byEntry:
	case !s.origin:
		return "members were added or removed, and with whom they began was not told"
	case led && (half(s.Nodes) || slices.ContainsFunc(s.configs, half)):
		return "members were added or removed, and nobody need have been sent the last change"
	}
	return ""
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

// States tells whether the system's target states that it keeps the rule.
func (s *Sources) States(rule history.Rule) bool { return slices.Contains(s.rules, rule) }

// Unheard says why what is not on the wire may have been said there all the same.
const Unheard = "the wire had messages that the dialect does not know"

// Blind tells whether some of what passed on the wire was seen by nobody.
func (s *Sources) Blind() bool { return s.Holes && !s.Traced }

// Silent returns why a checker had nothing to look at, and false when there was
// something. A run that promised raft events and has none
// is the business of coverage.
func (s *Sources) Silent() (string, bool) {
	if s.Seen {
		return "", false
	}
	if s.Traced || s.Tapped {
		return "no member said or sent anything", true
	}
	if len(s.Nodes) == 1 {
		return "a member alone has nobody to send to, and it writes no trace", true
	}
	return "the target has neither trace nor tap", true
}
