// Package target says how a system under test is started, addressed, found
// ready and talked to. It is the one interface that a new system implements.
//
// Read target.go first, then opaque.go. All else is what a target may tell beside: each
// file is an interface, and what holds for who does not implement it.
//
// To bring a system under the harness, embed [Opaque] and write Name, Command,
// Status and Client; examples/hashicorp-raft does so in one file. A system whose
// clients do more than get and put, or less than all if it does not embed Opaque, says
// which operations they have (Limited). What a system shows of
// its elections, by a trace or on the wire (Opaque's Wire), comes on top.
package target

import (
	"context"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/workload"
)

// Target is a system under test. Its methods are called from several
// goroutines. [Opaque] has answers for all below Client.
type Target interface {
	// Name is the word for reports: reference, etcd, …
	Name() string
	// Command says how to start the process of one member. It is called anew
	// before every start.
	Command(m Member) (Command, error)
	// Status asks one member what it is and knows. An error means not ready yet
	// (or no longer); a member that answers is ready for clients.
	Status(ctx context.Context, m Member) (Status, error)
	// Client connects to one member at m.ClientAddr, which is a listener of the
	// fabric when the traffic of clients is proxied.
	Client(m Member) (workload.Client, error)
	// OneAddress tells whether members know each other by one address each, the
	// same for all of them and for the member itself, instead of each dialling
	// others at addresses of its own: then Member.Advertised counts, else
	// Member.Peers.
	OneAddress() bool
	// Protocol decodes the peer traffic; nil when it cannot be decoded.
	Protocol() fabric.Protocol
	// Tap returns what turns the frames of this cluster into raft events and
	// hands them to emit, one at a time; nil when Protocol is. Of messages of elections
	// (history.RaftMessage) it tells that they are Sent, with the ID of the frame; the
	// harness tells of the stages behind that.
	Tap(members []string, emit func(history.Raft)) Tap
	// Trace parses a line of a member's trace file.
	Trace(line []byte) (history.Raft, error)
	// Traced tells whether members write a trace file.
	Traced() bool
}

// Tap watches the frames on the links between members, as a fabric's observer
// does. A Tap that is a fabric.Protocol too replaces its target's Protocol in the
// fabric that it watches: so a protocol in which a frame means something only
// after those before it decodes once, as it splits.
type Tap interface {
	// Frame is as in fabric.Observer.
	Frame(stage fabric.Stage, f fabric.Frame)
	// Flush emits what was kept back. It is called once, after the last frame.
	Flush()
}

// Member is one member of the cluster as the harness laid it out.
type Member struct {
	Name       string // n1, n2, …
	PeerAddr   string // host:port to listen on for peers; private, the fabric dials it
	ClientAddr string // host:port to listen on for clients
	// Peers maps every other member's name to the address at which this member
	// reaches it: a listener of the fabric.
	Peers map[string]string
	// Advertised maps every member's name, this one's too, to the one address at
	// which everybody reaches it: a listener of the fabric that all who dial
	// share. It is set if the target has OneAddress.
	Advertised map[string]string
	// Ports maps the names of a Ported target to a host:port each, the same after every
	// restart. They are the member's own: what members say to each other there does not
	// pass the fabric, unless the port is one of its PeerPorts.
	Ports map[string]string
	// PeersAt maps the name of each of the PeerPorts of a Ringed target to what Peers is
	// for PeerAddr: every other member's name to the address at which this member reaches
	// it there, a listener of the fabric. Its host is that of the same member in Peers.
	PeersAt map[string]map[string]string
	// Joins names the members of the running cluster that this one, with an empty data
	// directory, joins as a new one, itself among them; nil for one of the first.
	Joins []string
	// FailpointAddr is a host:port at which nobody listens, for a binary that was
	// built with failpoints to take them from.
	FailpointAddr string
	DataDir       string // exists, belongs to the member alone, survives restarts
	TraceFile     string // of this process alone, does not exist yet; "" for no trace
	Inc           uint64 // which process of the member this is, counted from 1
}

// Command is a process to start.
type Command struct {
	Path string
	Args []string // without the program's name
	Env  []string // added to the harness's own
	Dir  string   // where it runs; "" for where the harness does
}

// Status is what a member says of itself.
type Status struct {
	Role    string // follower, candidate, leader; "" when it does not say
	Term    uint64 // 0 when it does not say
	Leader  string // the leader it knows of, "" for none
	Commit  uint64
	Applied uint64
	Digest  uint64 // of the state at Applied, 0 when it does not say
	// Atomic declares that Role and Term come from one instant of the member's Raft
	// state: one that says it leads a term led it then. Two that say so of one term
	// are then a violation. Leave it false when in doubt: where role and term are read
	// one after the other, or the term is that of the last applied entry (etcd), a
	// legal leader may name a term that is another's.
	Atomic bool
}
