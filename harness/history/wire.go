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

// Unjudged is a rule that is not judged. It is named as violations name it.
type Unjudged struct {
	Rule string `json:"rule"`
	Why  string `json:"why"`
}
