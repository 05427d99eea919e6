// Package coverage tells what runs covered, from their histories alone: which kinds of
// fault bit whom and when, which situations came up, which states the cluster was in,
// and so what it means that nothing was found.
//
// [Of] makes the [Tally] of one run; tallies add up, in any order. Read cell.go (what
// the words mean), tally.go and situation.go first; member.go and phase.go are how roles and phases
// are followed, strike.go whom a fault hit, states.go what is kept of states, report.go
// what is told.
package coverage

import (
	"fmt"
	"iter"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/night/entry"
)

// Of returns what a run covered. Run is its name among the others: it says where a
// situation was seen first. A history that was cut short is counted as far as it goes;
// an error is that of the events, and the tally is of those before it.
func Of(events iter.Seq2[*history.Event, error], run string) (Tally, error) {
	t := newTally()
	t.Runs = 1
	w := newWatch(&t, run)
	var err error
	for e, broken := range events {
		if err = broken; err != nil {
			break
		}
		w.take(e)
	}
	w.finish()
	return t, err
}

// OfFile is Of for the history at path, which may be compressed.
func OfFile(path, run string) (Tally, error) {
	r, err := history.Open(path)
	if err != nil {
		return newTally(), err
	}
	defer r.Close()
	return Of(r.Events(), run)
}

// OfLog returns what the runs of a night covered that count, and how many others there
// are, given its log; none if there is no such file.
func OfLog(path string) (sum Tally, others int, err error) {
	sum = newTally()
	err = entry.Read(path, func(e entry.Entry) error {
		t, counts, err := OfEntry(e)
		if !counts {
			others++
		}
		sum.Add(t)
		return err
	})
	return sum, others, err
}

// OfEntry returns what the run of an entry covered, and whether that counts: only runs
// that were judged do, valid or invalid, and no controls, which are of another system
// than the night is about. An entry without a tally does not count either.
func OfEntry(e entry.Entry) (Tally, bool, error) {
	if e.Control != "" || e.Class != entry.Valid && e.Class != entry.Invalid || len(e.Coverage) == 0 {
		return newTally(), false, nil
	}
	t, err := Parse(e.Coverage)
	if err != nil {
		return newTally(), false, fmt.Errorf("run %d of the night %s: %w", e.Number, e.Night, err)
	}
	return t, true, nil
}
