package checker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/evidence"
)

// forgive takes back what members may do that were robbed of what they had synced. Whoever
// was told nothing of that cannot be held to what he had promised, and where too few are
// left who keep it, nobody can be held to what was acknowledged. That a value is read which
// nobody ever wrote is no loss, and stays. What is left is the report's verdict.
func (r *Report) forgive(d *evidence.Disks) {
	loss, silent := d.Loss(), d.Silent()
	for i := range r.Results {
		result := &r.Results[i]
		why := ""
		switch {
		case loss != "" && slices.Contains(ofLoss(), result.Checker):
			why = loss
		case len(silent) > 0 && slices.Contains(ofPromises(), result.Checker):
			why = fmt.Sprintf("faults may have taken without a word what was synced from %s", strings.Join(silent, " "))
		}
		if why != "" {
			result.Doubt(why, invented()...)
		}
		r.Verdict = Worse(r.Verdict, result.Verdict)
	}
}

// ofLoss lists the checkers whose rules may be broken where what was synced is gone.
func ofLoss() []string {
	return append(ofPromises(), "election", "claims", "stale-log", "linearizable", "set", "lock", "transactions")
}

// ofPromises lists those that hold single members to what they have said.
func ofPromises() []string { return []string{"votes", "logs"} }

// invented lists the rules that no loss breaks.
func invented() []string {
	return []string{"a value that nobody wrote", "a value that nobody added", "garbage-read"}
}
