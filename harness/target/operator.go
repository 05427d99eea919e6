package target

import (
	"context"
	"errors"
)

// Operator is a Target that can do to its members what administrators do while
// the system is at work.
type Operator interface {
	// Operate carries out an operation on one member and returns counts that show
	// what it did: bytes, revisions, ids. It fails with ErrUnsupported if this system
	// does not offer it, with ErrRefused if the member refused and certainly nothing
	// was done, with ErrUnreached if the request never reached the member. ErrStruck
	// comes with what evidence there is: the member was at work on it, and then gone
	// or silent. It returns soon after ctx ends. The operations, with their arguments:
	//
	//	defragment                rewrite the database file without its holes
	//	compact                   forget all revisions before the newest
	//	snapshot-save             stream a copy of the whole state, and drop it
	//	move-leader  NAME         the member, which leads, passes the lead on
	//	arm  FAILPOINT ACTION     ACTION is panic or sleep(TIME)
	//	disarm  FAILPOINT         passages: how often it was passed while armed
	Operate(ctx context.Context, m Member, operation string, args ...string) (evidence map[string]int64, err error)
}

// Attended is an Operator whose administrators are connected before they act, so that
// an operation begins at once.
type Attended interface {
	// Attend returns a console of m, which connects by itself, whenever m is there, and
	// stays connected until it is closed. It does not wait for that.
	Attend(m Member) (Console, error)
}

// Console is an administrator's standing connection to one member.
type Console interface {
	// Operate is that of an Operator, for this member.
	Operate(ctx context.Context, operation string, args ...string) (evidence map[string]int64, err error)
	// Close ends the connection.
	Close() error
}

// Membership is a Target whose members can leave and come back while the others
// serve. Who asks takes care that one change is made at a time.
type Membership interface {
	// Remove has one of the others take m out, dead or alive. An error that is not
	// ErrRefused leaves open whether it was done. Its evidence names member ids.
	Remove(ctx context.Context, m Member, others []Member) (evidence map[string]int64, err error)
	// Belongs tells whether m is still a member in its own right: it has not been
	// removed, so that its data is good. It asks the others, and believes only an
	// answer that a majority of them stands behind.
	Belongs(ctx context.Context, m Member, others []Member) (bool, error)
	// Add has one of the others admit a new member under m's name and at m's address,
	// unless that was done already. It returns the names of all members, to be the
	// Joins of the process that is started next.
	Add(ctx context.Context, m Member, others []Member) (members []string, evidence map[string]int64, err error)
}

// What may become of an operation.
var (
	ErrUnsupported = errors.New("the system does not offer this")
	ErrRefused     = errors.New("refused")
	ErrUnreached   = errors.New("never reached the member")
	ErrStruck      = errors.New("begun, then struck")
)
