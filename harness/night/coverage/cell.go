package coverage

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Cell is a kind of harm: what was done, to whom, when, and to how many. A run hits
// a cell if a fault bit there.
type Cell struct {
	Kind  string // the fault's first word in a plan: kill, partition, drop, …
	Role  Role
	Phase Phase
	Reach Reach
}

// Role is what a member was when a fault was put in force, or came to it if it strikes one
// after the other, by what the history had told up to there. It is the first of these that holds.
type Role string

const (
	// Down: it has no process.
	Down Role = "down"
	// Leader: it leads, by its own word or the wire's, and nobody is told to have led a
	// later term.
	Leader Role = "leader"
	// Deposed: it leads in its own eyes, and somebody has led a later term.
	Deposed Role = "deposed"
	// Joining: it is a learner of the latest configuration that was told, or came in
	// place of another and its log does not reach yet what was known committed one
	// election timeout ago.
	Joining Role = "joining"
	// Candidate: it stands, and has said nothing since that ends this.
	Candidate Role = "candidate"
	// Voter: it has voted for another, in a term that nobody is told to have led, nor a
	// later one.
	Voter Role = "voter"
	// Lagging: its log, as far as told, ends before an entry that was known committed
	// one election timeout ago (one second, where the history names none).
	Lagging Role = "lagging"
	// Follower: something is told of it, and none of the above.
	Follower Role = "follower"
	// UnknownRole: nothing is told of it.
	UnknownRole Role = "unknown"
	// Mixed: several members of different roles were hit, and the evidence does not say
	// which of them the fault bit.
	Mixed Role = "mixed"
)

// Phase is what the cluster was at then: the first of these that holds.
type Phase string

const (
	// Final: everything had been healed. No plan has faults there; they would be an
	// operator's.
	Final Phase = "final"
	// Membership: a fault that takes out members is in force, or one is [Joining], or
	// the latest configuration told is a joint one or has learners.
	Membership Phase = "membership-change"
	// Snapshot: a member that runs and lags ends before what the leader still has in
	// its log, so that only a snapshot helps it.
	Snapshot Phase = "snapshot"
	// UnknownPhase: nothing tells who leads.
	UnknownPhase Phase = "unknown"
	// Election: nobody leads, or somebody stands or has voted in a later term than the
	// latest that was led.
	Election Phase = "election"
	// CatchingUp: somebody who runs is [Lagging].
	CatchingUp Phase = "catching-up"
	// Steady: there is a leader, and none of the above.
	Steady Phase = "steady"
)

// Reach is how many members a fault hit: the first of these that holds.
type Reach string

// How many that is, of all members of the run.
const (
	All      Reach = "all"
	One      Reach = "one"
	Minority Reach = "minority" // several, and the others are a majority
	Majority Reach = "majority" // the others are none
)

// roles lists them all, [Mixed] and the unknown one last.
func roles() []Role {
	return []Role{Leader, Deposed, Candidate, Voter, Joining, Lagging, Follower, Down, Mixed, UnknownRole}
}

// phases lists them all, the unknown one last.
func phases() []Phase {
	return []Phase{Steady, Election, CatchingUp, Snapshot, Membership, Final, UnknownPhase}
}

func reaches() []Reach { return []Reach{One, Minority, Majority, All} }

// reachOf is how far n of all members are.
func reachOf(n, all int) Reach {
	switch {
	case n >= all:
		return All
	case n == 1:
		return One
	case all-n > all/2:
		return Minority
	}
	return Majority
}

// String is "kill leader election one".
func (c Cell) String() string {
	return fmt.Sprintf("%s %s %s %s", c.Kind, c.Role, c.Phase, c.Reach)
}

// compare orders cells by their text, word by word.
func (c Cell) compare(o Cell) int {
	return cmp.Or(cmp.Compare(c.Kind, o.Kind), cmp.Compare(c.Role, o.Role), cmp.Compare(c.Phase, o.Phase), cmp.Compare(c.Reach, o.Reach))
}

// MarshalText is String.
func (c Cell) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads what String returns.
func (c *Cell) UnmarshalText(text []byte) error {
	words := strings.Fields(string(text))
	if len(words) != 4 {
		return fmt.Errorf("%q is no cell: want a kind of fault, a role, a phase and a reach", text)
	}
	*c = Cell{words[0], Role(words[1]), Phase(words[2]), Reach(words[3])}
	if !slices.Contains(roles(), c.Role) || !slices.Contains(phases(), c.Phase) || !slices.Contains(reaches(), c.Reach) {
		return fmt.Errorf("%q is no cell: this usurper does not know such a role, phase or reach", text)
	}
	return nil
}

// processKind tells whether the history shows of each member by itself whether a
// fault of this kind bit it: its process ended or stood still.
func processKind(kind string) bool {
	switch kind {
	case "kill", "pause", "restart", "restart-storm", "rolling-restart", "remove", "replace", "power-failure", "bit-rot", "freeze":
		return true
	}
	return false
}

// inTurn tells whether a fault of this kind strikes one member after the other, each as
// what it is then.
func inTurn(kind string) bool { return kind == "restart-storm" || kind == "rolling-restart" }

// changesMembers tells whether a fault of this kind takes members out.
func changesMembers(kind string) bool { return kind == "remove" || kind == "replace" }
