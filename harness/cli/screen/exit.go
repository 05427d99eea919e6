package screen

import (
	"github.com/usurper/usurper/checker"
)

// The exit statuses of usurper.
const (
	ExitValid   = 0
	ExitInvalid = 1
	ExitUnknown = 2
)

// VerdictError carries a verdict other than valid to the exit status. Its
// report has been printed already.
type VerdictError struct{ verdict checker.Verdict }

// Error says which verdict it is.
func (e VerdictError) Error() string { return "the verdict is " + string(e.verdict) }

// Status is the exit status that it means.
func (e VerdictError) Status() int {
	switch e.verdict {
	case checker.Valid:
		return ExitValid
	case checker.Invalid:
		return ExitInvalid
	default:
		return ExitUnknown
	}
}

// ExitWith returns the error that makes the process end with v's status.
func ExitWith(v checker.Verdict) error {
	if v == checker.Valid {
		return nil
	}
	return VerdictError{v}
}
