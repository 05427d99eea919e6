package target

import "time"

// Usual is a Target that knows how its system is run to find most.
type Usual interface {
	// Usual says how a cluster of this size is run and attacked by whom chooses nothing
	// else.
	Usual(size int) Habits
}

// Habits is what a run is like unless it is told otherwise. A field of zero is as for
// every other target.
type Habits struct {
	// Mixed is the workload of single values that `mixed` is made of, beside sets:
	// register, or churn.
	Mixed string
	// Workload is what clients do in the place of `mixed`; with another one that was
	// chosen, the three after it count for nothing.
	Workload  string
	ValueSize int     // in bytes
	Clients   int     // how many
	Rate      float64 // operations a second in all
	// Plan is the attack in the place of a random one: kills, failovers.
	Plan string
	// Election and Heartbeat are the timers that members really have.
	Election, Heartbeat time.Duration
}

// HabitsOf returns what t says of a cluster of this size, nothing if it says nothing.
func HabitsOf(t Target, size int) Habits {
	if u, ok := t.(Usual); ok {
		return u.Usual(size)
	}
	return Habits{}
}
