package history

// Assertion is what a program says of a condition that it states of itself, as the SDKs of
// Antithesis write it.
type Assertion struct {
	// Message names it: two with one message are one.
	Message string `json:"message"`
	// Type is AssertAlways, AssertSometimes or AssertReach.
	Type string `json:"type"`
	// Hit says that the program came by it. Without, it only declares that there is one.
	Hit bool `json:"hit,omitempty"`
	// Must says that a program that was tried long enough comes by it.
	Must bool `json:"must,omitempty"`
	// Condition is what the condition was then.
	Condition bool   `json:"condition,omitempty"`
	Where     string `json:"where,omitempty"`   // file:line; "" if it tells no place
	Details   string `json:"details,omitempty"` // what it says besides, in JSON, cut where it is long
}

// The types of assertions.
const (
	AssertAlways    = "always"       // it holds whenever the program comes by
	AssertSometimes = "sometimes"    // it holds once at least
	AssertReach     = "reachability" // the program comes by it (Must), or never does
)

// Fails tells whether the program came by it in a way that it says never happens.
func (a *Assertion) Fails() bool {
	if !a.Hit {
		return false
	}
	return a.Type == AssertAlways && !a.Condition || a.Type == AssertReach && !a.Must
}

// Covers tells whether it came to pass as it must at least once.
func (a *Assertion) Covers() bool {
	return a.Hit && (a.Type != AssertSometimes || a.Condition) && !a.Fails()
}
