package target

import (
	"context"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// Limited is a Target whose clients cannot carry out every operation.
type Limited interface {
	// Ops lists the operations that they can.
	Ops() []history.F
}

// Ops returns the operations that clients of t can carry out, nil for all.
func Ops(t Target) []history.F {
	if l, ok := t.(Limited); ok {
		return l.Ops()
	}
	return nil
}

// Idempotent is a Target that tells whether its system applies a request id
// once.
type Idempotent interface {
	// Idempotent tells whether a write that is sent several times with one request id
	// takes effect at most once, within workload.LatestResend of the first time and
	// unless more than workload.LatestClients other clients came between. If not, no
	// request may be resent on purpose.
	Idempotent() bool
}

// Resends tells whether requests to t may be resent on purpose: unless it says
// no.
func Resends(t Target) bool {
	i, ok := t.(Idempotent)
	return !ok || i.Idempotent()
}

// Slow is a Target whose system may take longer than others to be ready.
type Slow interface {
	// ReadyWithin is how long it may take from the start of its members until all are
	// ready and a majority follows a leader; 0 for what is usual.
	ReadyWithin() time.Duration
}

// ReadyWithin returns how long the system of t says that it may take to be ready, 0 if
// it does not say.
func ReadyWithin(t Target) time.Duration {
	if s, ok := t.(Slow); ok {
		return s.ReadyWithin()
	}
	return 0
}

// Ported is a Target whose members listen on more than two ports.
type Ported interface {
	// Ports names the others, each by a word of its own: letters, digits and _, a
	// letter first; 20 at most. Member.Ports has an address for each.
	Ports() []string
}

// Ringed is a Ported target whose members dial each other at some of these ports too,
// beside the one for peers.
type Ringed interface {
	Ported
	// PeerPorts names them. What passes there passes the fabric, as at PeerAddr: each
	// member finds in Member.PeersAt where it reaches the others.
	PeerPorts() []string
}

// PeerPorts returns the names of the ports at which members of t dial each other,
// besides the one for peers: none unless it says so.
func PeerPorts(t Target) []string {
	if r, ok := t.(Ringed); ok {
		return r.PeerPorts()
	}
	return nil
}

// PortName tells whether a port may have this name.
func PortName(name string) bool {
	return name != "" && strings.IndexFunc(name, func(r rune) bool { return !letter(r) && r != '_' && !('0' <= r && r <= '9') }) < 0 && letter(rune(name[0]))
}

func letter(r rune) bool { return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' }

// Ports returns the names of the ports that members of t have besides those for peers
// and clients: none unless it says so.
func Ports(t Target) []string {
	if p, ok := t.(Ported); ok {
		return p.Ports()
	}
	return nil
}

// LastRead is a Target whose system is read only once everything is healed, as one whose
// reads are dear, or disturb it.
type LastRead interface {
	// ReadLast tells whether it is. Workloads then write where they would read, and
	// those that cannot are refused; a workload of one's own is its author's.
	ReadLast() bool
}

// ReadLast tells whether clients of t read only once everything is healed: no, unless
// it says so.
func ReadLast(t Target) bool {
	l, ok := t.(LastRead)
	return ok && l.ReadLast()
}

// Ruled is a Target whose system keeps rules beside Raft's own.
type Ruled interface {
	// Rules lists them. Checkers hold its members to these.
	Rules() []history.Rule
}

// Rules returns the rules that the system of t keeps beside Raft's own: none unless
// it says so.
func Rules(t Target) []history.Rule {
	if r, ok := t.(Ruled); ok {
		return r.Rules()
	}
	return nil
}

// Spoken is a fabric.Protocol that says of itself what who judges its traffic has to know:
// a tap.Watch is one.
type Spoken interface {
	fabric.Protocol
	// Wire is what a history says of it.
	Wire() *history.Wire
	// Rules lists those of its speakers.
	Rules() []history.Rule
}

// Heard is a Tap that says at the end what it made of the traffic: a tap.Watch is one.
type Heard interface {
	Tap
	// Heard returns what was made of the traffic so far.
	Heard() history.Heard
}

// Doubtful is a Tap that knows only at the end whether what it left aside was another
// protocol's: a tap.Watch is one.
type Doubtful interface {
	Tap
	// Doubts returns what it could not follow after all.
	Doubts() []tap.Doubt
}

// Listener is a Target that learns from what its members print.
type Listener interface {
	// Printed takes a line that a process of m printed to stdout or stderr, of which
	// the end may be cut off. The lines of one process come in order; Command was
	// called for it before. It must return soon: the process waits.
	Printed(m Member, line string)
}

// Built is a Target whose members are all processes of one executable.
type Built interface {
	// Binary is its path.
	Binary() string
}

// Executable returns the path of the executable of t's members, "" if there is
// none or it is not known.
func Executable(t Target) string {
	if b, ok := t.(Built); ok {
		return b.Binary()
	}
	return ""
}

// Auditable is a Target that can show what each of its members holds by itself,
// so that members can be compared. Every method asks that one member, sends one
// request, and keeps to ctx's deadline.
type Auditable interface {
	// Position tells how far the member's data has come.
	Position(ctx context.Context, m Member) (Position, error)
	// Digest tells the member's own digest of all that it holds at a revision, which
	// is not above its own.
	Digest(ctx context.Context, m Member, revision uint64) (Digest, error)
	// Page reads keys after the given one, "" for from the first on, in order, as of
	// a revision, 0 for the newest. It returns none after the last.
	Page(ctx context.Context, m Member, revision uint64, after string) ([]Entry, error)
}

// Position is how far a member's data has come. Members at one Revision hold the
// same, and those that have applied the same entries are at one Revision.
type Position struct {
	Revision uint64
	Applied  uint64 // index of the last entry of the log that is in the data
}

// Digest stands for all that a member holds at a revision.
type Digest struct {
	Hash uint64
	// Compacted is the revision up to which the past is forgotten. Only digests of
	// the same Compacted can be compared.
	Compacted uint64
}

// Entry is a key with all that members must agree on.
type Entry struct {
	Key, Value string
	Revision   uint64 // of the last write
	// Rest digests what else belongs to the key, such as its version and lease.
	Rest uint64
}
