package history

import "time"

// Teller is how it is known that a member leads, in a word for people.
type Teller string

const (
	// ByTrace is the member's own trace.
	ByTrace Teller = "trace"
	// ByTap is the wire.
	ByTap Teller = "tap"
	// BySelf is a member's answer when it was asked: known no sooner than the asking,
	// and no evidence unless the claim is atomic.
	BySelf Teller = "said by itself"
)

// Leadership is a member at the head of the others.
type Leadership struct {
	Node string
	Term uint64        // 0 where members name none
	At   time.Duration // when it was first told of
	By   Teller
}

// Leaders follows who leads, for those who show or time it. It judges nothing. Where
// traces or taps tell of leaders, they alone count; elsewhere what members answer when
// they are asked does. The zero value has seen nothing.
type Leaders struct {
	// Group is that whose leaders are followed. What members say of themselves is about
	// the main one, "".
	Group   string
	now     Leadership
	shown   bool // traces or taps tell
	told    map[leadership]bool
	ended   map[string]uint64 // the last process of each member that has ended
	claimed map[string]Claim  // the last of each member, if it was that it leads
}

type leadership struct {
	node string
	term uint64
}

// Now returns who leads by the latest that was told; Node is "" while nobody is known
// to, and Term then that of the last who did.
func (l *Leaders) Now() Leadership { return l.now }

// Take takes the next event. It returns a leadership, and true, if the event is the
// first to tell of it: of traces and taps also one that is over, since they come in
// any order.
func (l *Leaders) Take(e *Event) (Leadership, bool) {
	switch {
	case e.Run != nil && e.Run.What == RunBegin:
		l.shown = e.Run.Traced || e.Run.Tapped
	case e.Proc != nil && e.Proc.What == ProcExit:
		l.exit(e.Proc)
	case e.Raft != nil:
		if e.Raft.Stage != Dropped && e.Raft.Group == l.Group {
			return l.raft(e)
		}
	case e.Claim != nil && !l.shown && l.Group == "":
		return l.claim(e)
	}
	return Leadership{}, false
}

func (l *Leaders) exit(p *Proc) {
	if l.ended == nil {
		l.ended = make(map[string]uint64)
	}
	l.ended[p.Node] = max(l.ended[p.Node], p.Inc)
	delete(l.claimed, p.Node)
	l.ends(p.Node)
}

// ends notes that a member does not lead any more.
func (l *Leaders) ends(node string) {
	if l.now.Node == node {
		l.now.Node = ""
	}
}

func (l *Leaders) raft(e *Event) (Leadership, bool) {
	r := e.Raft
	switch r.What {
	case RaftFollower, RaftCandidate:
		if r.Term > l.now.Term || r.What == RaftFollower && r.Term == l.now.Term {
			l.ends(r.Node)
		}
		return Leadership{}, false
	case RaftLeader:
	default:
		return Leadership{}, false
	}
	l.shown = true
	key := leadership{r.Node, r.Term}
	if l.told[key] {
		return Leadership{}, false
	}
	if l.told == nil {
		l.told = make(map[leadership]bool)
	}
	lead := Leadership{Node: r.Node, Term: r.Term, At: e.At, By: ByTrace}
	if r.Source == Tap {
		lead.By = ByTap
	}
	l.told[key] = true
	if r.Term >= l.now.Term {
		l.now = lead
	}
	return lead, true
}

// claim takes what a member says of itself. One that is cut off may say for long that
// it leads: in a term that is over it does not count.
func (l *Leaders) claim(e *Event) (Leadership, bool) {
	c := e.Claim
	if c.Role == "" || c.Inc != 0 && c.Inc <= l.ended[c.Node] { // asked before its process ended
		return Leadership{}, false
	}
	last, led := l.claimed[c.Node]
	if c.Role != "leader" {
		delete(l.claimed, c.Node)
		l.ends(c.Node)
		return Leadership{}, false
	}
	if l.claimed == nil {
		l.claimed = make(map[string]Claim)
	}
	l.claimed[c.Node] = *c
	if led && last.Inc == c.Inc && last.Term == c.Term || c.Term != 0 && c.Term < l.now.Term {
		return Leadership{}, false
	}
	l.now = Leadership{Node: c.Node, Term: c.Term, At: e.At, By: BySelf}
	return l.now, true
}
