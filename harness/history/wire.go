package history

// Wire is what is to be known of how the traffic of a run was read, so that whoever
// judges its history says the same.
type Wire struct {
	Dialect string `json:"dialect"` // its name
	// Main is what members call the main group where they are of several, "" elsewhere:
	// its events name no group.
	Main string `json:"main,omitempty"`
	// Term is what the members call a term, "" if they call it that.
	Term string `json:"term,omitempty"`
	// Unjudged lists the rules of checkers to which members that speak it are not held.
	Unjudged []Unjudged `json:"unjudged,omitempty"`
}

// Heard is what a tap made of a run's traffic, written at its end.
type Heard struct {
	Messages uint64 `json:"messages"` // that it understood
	// Strange counts, by what it was, what the dialect does not know: it was passed on,
	// and nothing was guessed from it.
	Strange map[string]uint64 `json:"strange,omitempty"`
	// Aside counts the connections that are another protocol's, at the same port, by the
	// byte that they begin with, in hexadecimal.
	Aside map[string]uint64 `json:"aside,omitempty"`
	// Undecoded is how many bytes passed on connections after the tap lost them.
	Undecoded uint64 `json:"undecoded,omitempty"`
}

// Unjudged is a rule that is not judged. It is named as violations name it.
type Unjudged struct {
	Rule string `json:"rule"`
	Why  string `json:"why"`
}
