package node

import "errors"

// Outcome is what a client may conclude.
type Outcome string

// The outcomes.
const (
	OK   Outcome = "ok"   // it happened
	Fail Outcome = "fail" // it certainly did not and never will
	Info Outcome = "info" // it may have happened, or may yet
)

// Why a request got no result. Classify tells what each means for the client.
var (
	ErrBadRequest = errors.New("bad request")
	ErrOverloaded = errors.New("too many requests are waiting: send fewer at a time")
	ErrNotLeader  = errors.New("not the leader: nothing was appended")
	ErrRefused    = errors.New("refused")
	// ErrOverwritten: another leader's entry was committed in the write's place.
	ErrOverwritten = errors.New("overwritten by another leader before it was committed")
	ErrSuperseded  = errors.New("request number is in the past")
	ErrDeposed     = errors.New("lost the leadership after the write was appended: it may yet be committed")
	ErrTimeout     = errors.New("no answer in time")
	// ErrStopped: the member stopped with the request under way; errRefusedStop:
	// it was stopped before it took the request up.
	ErrStopped     = errors.New("the member stopped before the outcome was known")
	errRefusedStop = errors.New("the member is stopping")
)

// Classify returns the outcome of a request that ended with err. A read has no
// effect, so that one without an answer certainly did not happen. When unsure
// about a write, it answers Info.
func Classify(err error, write bool) Outcome {
	if err == nil {
		return OK
	}
	if !write {
		return Fail
	}
	for _, definite := range []error{ErrBadRequest, ErrOverloaded, ErrNotLeader, ErrRefused, ErrOverwritten, errRefusedStop} {
		if errors.Is(err, definite) {
			return Fail
		}
	}
	return Info
}

// failure is the answer to a request that ended with err.
func failure(err error, write bool) Answer {
	return Answer{Outcome: Classify(err, write), Error: err.Error()}
}
