package fabric

import "time"

// Link is directed: all bytes going from one endpoint to another, whichever
// side dialled. Endpoints are members, or clients under a name of their own.
type Link struct{ From, To string }

// String is "n1 > n2".
func (l Link) String() string { return l.From + " > " + l.To }

// Action is what a rule does to the bytes, frames or connections of a link.
type Action string

// Actions on any link.
const (
	Cut      Action = "cut"      // hold everything, dials and closes too, until removed
	Delay    Action = "delay"    // each chunk is due Delay ± Jitter after it came, never before the one ahead of it
	Throttle Action = "throttle" // at most Rate bytes a second
	Reset    Action = "reset"    // close the open connections with RST, once, when applied
	Refuse   Action = "refuse"   // close the open connections and refuse new ones until removed
)

// Actions on links with a decoder whose protocol tolerates them (see
// Protocol.Lossy). Without a Class they apply to every frame.
const (
	Drop      Action = "drop"
	Duplicate Action = "duplicate"
	Reorder   Action = "reorder" // let a frame be overtaken by the next one to three, waiting Delay for them at most (0: 50 ms)
	Hold      Action = "hold"    // keep matching frames, let others pass, until removed; a close waits for them
)

// Rule is one thing to do to some links. Several rules may be in force on a
// link at once; they apply in the order in which they were installed.
type Rule struct {
	Action Action
	Links  []Link
	// Class restricts the rule to frames of one class ("append", "vote", …; see
	// Protocol). It needs a link with a decoder. Cut with a class is Hold; Delay
	// and Throttle with a class let other frames pass if the protocol tolerates
	// it.
	Class string
	// Delay and Jitter: the delay of a chunk is drawn evenly from
	// [Delay-Jitter, Delay+Jitter]; Jitter ≤ Delay.
	Delay, Jitter time.Duration
	Rate          int64 // Throttle: bytes a second, > 0
	// Chance is the probability, in (0, 1], that Drop, Duplicate, Reorder or
	// Delay touches a frame or chunk. 0 means 1.
	Chance float64
	// Count bounds how many frames Drop, Duplicate, Reorder or Hold touch.
	// 0 means no bound.
	Count int
}
