package evidence

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// powerFailure is the word of plans for the faults that take what was not synced, and
// nothing else.
const powerFailure = "power-failure"

// takesSynced lists the words of plans for faults that may take what a member has synced, so
// that nobody can hold the member to it.
func takesSynced() []string { return []string{"lost-write", "short-write", "fail-sync", "bit-rot"} }

// theFault is which of these faults it is, as plans call them; "" for none of them.
func theFault(f *history.Fault, faults ...string) string {
	for word := range strings.FieldsSeq(verdict.OrElse(f.Resolved, f.Text)) {
		if i := slices.Index(faults, word); i >= 0 {
			return faults[i]
		}
	}
	return ""
}

// lossy follows which members were hit by what may take synced bytes. A loss is a
// violation only if a majority kept theirs.
type lossy struct {
	members []string
	hit     []string
}

func (l *lossy) begin(r *history.Run) { l.members = slices.Clone(r.Nodes) }

func (l *lossy) fault(f *history.Fault) {
	if f.What != history.FaultInject || theFault(f, takesSynced()...) == "" {
		return
	}
	for _, n := range f.Nodes {
		if !slices.Contains(l.hit, n) {
			l.hit = append(l.hit, strings.Clone(n))
		}
	}
}

// excuse says why a loss proves nothing; "" if it does prove something.
func (l *lossy) excuse() string {
	if len(l.hit) == 0 || 2*len(l.hit) < len(l.members) {
		return ""
	}
	return fmt.Sprintf("faults may have taken what was synced from %s, which is no minority", strings.Join(l.hit, " "))
}
