// Package nemesis holds faults as values: what they are, the plans that order
// them, the generator that invents plans, and the executor that carries them
// out and heals everything it has done.
//
// # Plans
//
// A plan is text, one step a line. What follows a # is a comment.
//
//	at 5s   for 3s  partition leader | rest
//	at 12s          restart one
//	on vote-granted by n3  for 1s  kill n3
//	maybe at 20s  for 4s  delay append 80ms±40ms leader > *
//
// A step says when, for how long, and what:
//
//	plan    = ["generated" theme...] step...
//	step    = ["maybe"] ( "at" TIME [repeat] | trigger ) ["for" TIME] fault
//	repeat  = "every" TIME["±"TIME] ["until" TIME]
//	trigger = "on" EVENT ["by" who] ["from" TIME] ["until" TIME] ["times" N] ["after" TIME]
//
// TIME is a Go duration (80ms, 12s500ms). Times with at, from and until count
// from the start of the faults. A fault without "for" stays until the end, when
// everything is healed; faults that are over at once (restart, reset, replace,
// rolling-restart, defragment and its like) take no "for", restart-storm needs one. "maybe" marks a step
// that need not strike: nothing of what it attacks may come by, its trigger may not
// come, nobody may play the part that it names. "generated" says that no person wrote
// the plan, and which [Themes] it has, see [Plan].
//
// A step that repeats fires again some time after it last did, once that is over.
// The members of a staggered fault come back one after the other, at moments drawn
// before its end, or at the times given, one for each.
//
// A trigger fires a step when a raft event is seen, after a delay if it says
// so; once, or as often as "times" says, but never again before its last
// interval is over. [Triggers] lists the events. "by" restricts it to events of
// some members, "from" and "until" to a part of the run.
//
//	fault = "partition" who "|" who ["|" who]...  cut all links between the sides
//	      | "partition" "halves"                  two random halves
//	      | "partition" "bridge" [who]            two halves that share one member
//	      | "partition" "ring" [names]            every member sees another majority
//	      | "isolate" who                         from all others, each on its own
//	      | "cut" links | "reset" links | "refuse" links
//	      | "delay" [class] TIME["±"TIME] [N"%"] ["first" N] links
//	      | "throttle" N("B/s"|"KB/s"|"MB/s") links
//	      | ("drop"|"duplicate"|"reorder") [class] [N"%"] ["first" N] links
//	      | "hold" [class] ["first" N] links
//	      | ("kill"|"pause") who ["staggered" [TIME]...]
//	      | "restart" who
//	      | "restart-storm" who "every" TIME | "rolling-restart" [who] "every" TIME
//	      | ("defragment"|"compact"|"snapshot-save") who | "move-leader" ["to" who]
//	      | "remove" who | "replace" who
//	      | "failpoint" NAME ("panic"|"sleep(" TIME ")") "at" who
//	links = who ">" who | who "<>" who
//	who   = one or more words: names of members (letters, then a number) and
//	        the words of [Words], resolved when the fault fires
//
// "clients" is no member but an end of links, or on a side of a partition:
//
//	at 5s  for 2s  cut clients > leader             what they ask waits
//	at 9s  for 2s  cut leader > clients             what it answers waits
//	at 13s for 3s  partition clients leader | rest  they see the deposed alone
//
// A class is a kind of message (append, vote-response, …) as the target's
// protocol names it. "±" may be written "+-".
//
// # Operators
//
// What administrators do (defragment and all below it) needs a system that offers
// it; elsewhere, or if the system refuses or does not answer, the step is skipped
// with the reason. It goes on beside other steps, so that one can strike in the
// midst of it:
//
//	at 5s             defragment follower
//	at 5.005s for 1s  kill same
//
// # Outcomes
//
// Every step leaves its end in the history: it was injected and healed, with
// the evidence that it bit; it was skipped; its trigger never came; or a word
// in it meant nobody just then, nor soon after: while there is no leader, a step
// that names one waits for half of the time that it is to last, or for a second if
// it has none. An inject event is recorded before the effect;
// if the installation then fails, a skipped event ends it.
//
// # Files
//
// fault.go, plan.go and system.go are the nouns, offer.go says what a plan can ask
// of a system. parse.go reads plans, generate.go
// invents them by the themes of theme.go from acts, which are in election.go, reign.go
// and act.go, execute.go carries them out: aim.go says whom a step means, env.go undoes what faults have done.
//
// To add a fault: write its type, which implements [Fault], its line in [Catalog],
// and for tests its line in package draw.
package nemesis

import (
	"context"
	"errors"
	"time"
)

// Fault is a value that says what to do to the system. It prints as plan text
// that parses back to an equal value.
type Fault interface {
	// String is the fault as a plan has it.
	String() string
	// Span tells how the fault relates to the "for" of its step.
	Span() Span
	// Check reports what makes the fault impossible in any run of this setting.
	Check(Setting) error
	// Resolve returns the fault with every target word replaced by names. It
	// fails with [ErrNoTarget] when a word means nobody just then.
	Resolve(*Scene) (Fault, error)
	// Inject puts a resolved fault in force. A fault of span Instant is over
	// when Inject returns. After an error nothing is in force but what Env
	// undoes by itself at the end of the execution.
	Inject(context.Context, *Env) (Injected, error)
}

// Injected is a fault in force.
type Injected struct {
	// Heal takes the fault back and says what it did. It is called until it
	// succeeds or time is out, and each call does what is left to do.
	Heal func(context.Context) (Evidence, error)
	// Note says what part of the fault could not be put in force; "" for none.
	Note string
	// Found says, once it has healed, what was found besides; nil for nothing.
	Found func() string
	// Patience is how long healing may take, if longer than that of the execution.
	Patience time.Duration
}

// Evidence counts what a fault did: bytes-held, frames-dropped, pids-gone, …
type Evidence map[string]int64

// StillServed counts the members in whose place somebody served although they had been
// killed or paused.
const StillServed = "still-served"

// Bit tells whether any count is positive. A fault did not bite if somebody served in
// the place of a member that it had hit: whatever it did, it was not what it says.
func (e Evidence) Bit() bool {
	if e[StillServed] > 0 {
		return false
	}
	for _, n := range e {
		if n > 0 {
			return true
		}
	}
	return false
}

// Span is how long a fault lasts.
type Span int

const (
	Open    Span = iota // as long as "for" says, without it until the end
	Bounded             // needs a "for"
	Instant             // over at once, or by itself: takes no "for"
)

// ErrNoTarget is the error of a word that means nobody just then.
var ErrNoTarget = errors.New("no such target just now")
