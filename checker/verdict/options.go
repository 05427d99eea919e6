package verdict

import (
	"time"
)

// Options tune what the checkers may spend. The zero value is the default of
// each field.
type Options struct {
	// Steps bounds the search for a linearization of one passage of one key, in
	// steps of the model. A saved history gets the same verdict wherever it is
	// checked because this bound, not the clock, is what normally ends a search.
	// Default 5,000,000.
	Steps int64 `json:"steps,omitempty"`
	// Wall bounds all searches for linearizations together. Passing it can only
	// turn a verdict into unknown, and the verdict says so. Default 2 minutes.
	Wall time.Duration `json:"wall,omitempty"`
	// SearchMemory bounds, in bytes, what one search may remember. Default 256 MiB.
	SearchMemory int64 `json:"memory,omitempty"`
}

// WithDefaults returns the options with the default of each field that is not set.
func (o Options) WithDefaults() Options {
	if o.Steps <= 0 {
		o.Steps = 5_000_000
	}
	if o.Wall <= 0 {
		o.Wall = 2 * time.Minute
	}
	if o.SearchMemory <= 0 {
		o.SearchMemory = 256 << 20
	}
	return o
}
