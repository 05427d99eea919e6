package verdict

// Kinds is a set of kinds of events.
type Kinds uint8

// The kinds of events, as a [history.Batch] sorts them.
const (
	Ops    Kinds = 1 << iota // what clients ask and are answered
	Rafts                    // what members and taps tell
	Others                   // the run, faults, processes, what members hold
)

// Picky is a Checker that looks at some kinds of events only: whether it is given the
// others makes no difference to it.
type Picky interface {
	Checker
	// Kinds says which. It is the same at any time.
	Kinds() Kinds
}

// KindsOf returns the kinds of events that a checker has to be given.
func KindsOf(c Checker) Kinds {
	if p, ok := c.(Picky); ok {
		return p.Kinds()
	}
	return Ops | Rafts | Others
}
