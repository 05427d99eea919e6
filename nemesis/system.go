package nemesis

import (
	"context"
	"errors"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// System is all that faults may touch. The harness implements it for real
// processes; tests use a fake.
type System interface {
	// Nodes lists the members, in order.
	Nodes() []string

	// Kill ends a member's process with SIGKILL and reaps it; it reports the pid
	// that is gone. Like the next three it fails when the member is not in a state
	// for it; the error is ErrGone if the process has ended by itself.
	Kill(ctx context.Context, node string) (pid int, err error)
	// Start starts the process of a member again, on the same data.
	Start(ctx context.Context, node string) error
	// Pause stops the process of a member, with SIGSTOP.
	Pause(ctx context.Context, node string) error
	// Resume lets it go on.
	Resume(ctx context.Context, node string) error

	// Operate does to a member what an administrator would: operation is one of the
	// Op constants, which say what args are. It returns counts that show what was
	// done. It fails with ErrUnsupported if the system offers no such operation, with
	// ErrRefused if certainly nothing was done, with ErrGone if the member's process
	// has ended by itself; after any other error nobody knows what was done. With
	// ErrStruck, the member was at work on it when it was struck: evidence counts
	// that.
	//
	// OpRemove has other members take this one out of the membership. OpAdd makes
	// sure that it is a member and runs, and reports added if it has become a new one;
	// it may be tried again after an error. From OpRemove, or OpArm with a panic, on,
	// that the member's process ends by itself is no surprise.
	Operate(ctx context.Context, node, operation string, args ...string) (evidence map[string]int64, err error)

	// Apply installs a traffic rule on directed links and returns a handle to
	// remove it. An error means that nothing was installed.
	Apply(ctx context.Context, r Rule) (Applied, error)

	// Watch delivers raft events, from taps and traces alike, as they are
	// recorded, until cancel is called. A slow reader loses the oldest ones.
	Watch() (events <-chan history.Raft, cancel func())
}

// Witness is a System that can tell whether a signal did what it was for.
type Witness interface {
	// Serves says who serves in the place of a member that was killed, or has since it
	// was paused; "" for nobody.
	Serves(ctx context.Context, node string) string
	// Runs tells whether a member has a process, which may end by itself.
	Runs(node string) bool
	// Ended says how and when a member's process ended by itself that it has no longer; ""
	// if none did.
	Ended(node string) string
}

// Powered is a System whose members have disks that lose power.
type Powered interface {
	// CutPower takes the power from these members at one instant: all of them are stopped
	// before the first disk is cut; then they are killed and reaped, and their disks come
	// back in one of the states that a power failure may leave, of which keep says which. Quiet
	// has clients wait, before that, until what is under way is answered.
	// The members are down from then on. One that was down before has no process to lose, but
	// its disk takes part.
	// After an error some of them may be down; those are in the answer. With ErrRefused or
	// ErrUnsupported certainly nothing was done.
	CutPower(ctx context.Context, nodes []string, keep Keep, quiet bool) (Outage, error)
}

// Keep says in which of the legal states a disk is after a power failure.
type Keep struct {
	// What is KeepNothing, KeepNames or KeepSome.
	What string
	// Seed draws, of KeepSome, what of the unflushed is kept.
	Seed uint64
}

// What a disk keeps of what was not synced.
const (
	KeepNothing = "nothing" // the state of the last commit of its journal
	KeepNames   = "names"   // the next one: names and sizes, but no data
	KeepSome    = "some"    // some of the unflushed blocks, torn ones among them
)

// Outage is what a power failure did.
type Outage struct {
	Down     []string         // who has no process any more
	Evidence map[string]int64 // such as canaries-lost; all zero, or canaries-survived, if it did not bite
	Note     string           // what a person should know of it, "" for nothing
}

// Storage is a System that can meddle with single files of members.
type Storage interface {
	// Meddle puts a fault of files in force at a member, whether it runs or not; it survives
	// restarts of it. While it is in force it is no surprise that the member's process ends
	// by itself; the evidence of its handle then counts PidsGone, and the member is started.
	Meddle(ctx context.Context, node string, r FileRule) (Applied, error)
	// Rot damages a file of a member that is down, and says which and how.
	Rot(ctx context.Context, node string, r FileRot) (evidence map[string]int64, note string, err error)
}

// FileRule is one thing to do to what a member does to files.
type FileRule struct {
	Action        string // slow-sync fail-sync fail-write full short-write lost-write
	Files         string // a class of the target's (wal, snapshot, db, …), or a pattern as of path.Match; "" for all
	Delay, Jitter time.Duration
}

// FileRot is one way in which a file goes bad at rest.
type FileRot struct {
	How   string // flip, truncate or zero; "" draws one
	Files string // as in FileRule
	Seed  uint64 // draws the file and the place
}

// Machine is a System that can change what the machine is to a single member.
type Machine interface {
	// Constrain puts a fault of the machine in force at a member that runs or is paused; it
	// survives restarts of it. Its handle fails no removal because the member is down. Neither
	// lets a paused one go on. One of memory may end the process as a fault of files
	// may. One that freezes is removed before the member is killed, and is
	// never in force together with a pause or a clock.
	Constrain(ctx context.Context, node string, c Constraint) (Applied, error)
	// Deafen closes the listening sockets of a member for good; only a restart opens them
	// again. It returns counts of them. That the process ends of it is no surprise.
	Deafen(ctx context.Context, node string) (evidence map[string]int64, err error)
}

// Constraint is one thing that the machine does to a process. Exactly one of its parts
// is set.
type Constraint struct {
	Clock  *Clock  // its wall clock is another
	CPU    float64 // percent of one processor that it may use, above 0
	Memory int64   // bytes that it may use
	Share  float64 // the same, as percent of those that it has in use already, 100 or more
	Freeze bool    // it stands still, without a signal
}

// Clock is how a wall clock differs from the true one.
type Clock struct {
	Offset time.Duration // from the start on; of a strobe, how far it jumps to and fro
	Drift  float64       // parts per million, added to what has passed since the start
	Every  time.Duration // of a strobe, how often it jumps; 0 for no strobe
}

// What may become of an operation, see [System.Operate].
var (
	ErrUnsupported = errors.New("the system does not offer this")
	ErrRefused     = errors.New("refused")
	ErrStruck      = errors.New("begun, then struck")
	ErrGone        = errors.New("the process has ended by itself")
)

// Applied is a rule in force.
type Applied interface {
	// Remove takes the rule out and reports what it did to the traffic: named
	// counts, all zero when it never bit.
	Remove(ctx context.Context) (evidence map[string]int64, err error)
}

// Rule is one thing to do to the traffic of some directed links. Its fields
// mean what those of the fabric's rule mean.
type Rule struct {
	Action        string // cut delay throttle reset refuse drop duplicate reorder hold
	Links         [][2]string
	Class         string
	Delay, Jitter time.Duration
	Rate          int64
	Chance        float64
	Count         int
}
