package verdict

// Early is when a checker can be asked what it has found broken.
type Early int

const (
	// AtEnd: once the whole history has been seen.
	AtEnd Early = iota
	// AsEventsCome: at any time, and what is broken then stays so. The checker is a
	// [Watchful] one, whose memory does not grow with the operations of clients.
	AsEventsCome
	// OfPrefix: once it has finished, of any beginning of a history: what is broken
	// there is broken in the whole.
	OfPrefix
)

// Prompt is a Checker that says when it can be asked. Any other is asked at the end.
type Prompt interface {
	Checker
	// Early says so. It is the same for all checkers of a name.
	Early() Early
}

// Watchful is a Checker that tells before it has finished what is broken so far.
type Watchful interface {
	Checker
	// Violated tells whether any rule is.
	Violated() bool
	// Breached tells whether the rule is.
	Breached(rule string) bool
}

// Foreseeing is a Watchful checker of which some rules wait for the end of the
// history, since what would mend them may not have been told yet.
type Foreseeing interface {
	Watchful
	// Foresees lists those of them that are broken, as far as it is about what was done
	// up to the event with the number upTo, if the history were to end here and nothing
	// were missing. It is no verdict, and changes none.
	Foresees(upTo uint64) []string
}

// EarlyOf returns when a checker can be asked.
func EarlyOf(c Checker) Early {
	if p, ok := c.(Prompt); ok {
		return p.Early()
	}
	return AtEnd
}
