package cli

import (
	"errors"
	"fmt"
	"io"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/perfetto"
)

// maxProofs bounds how many violations a trace shows.
const maxProofs = 100

// exportTrace writes the history at path as a trace for Perfetto. It reads it twice: to
// judge it, and to write it.
func exportTrace(path string, out, say io.Writer) error {
	h, err := history.Open(path)
	if err != nil {
		return err
	}
	report, err := checker.RunBatches(checker.All(checker.Options{}), h.Batches())
	if err := errors.Join(err, h.Close()); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if h, err = history.Open(path); err != nil {
		return err
	}
	defer h.Close()
	done, err := perfetto.Export(out, h.Events(), proofs(&report))
	if err != nil {
		return fmt.Errorf("export %s: %w", path, err)
	}
	fmt.Fprintf(say, "%d events as %d on %d tracks; open it with \"Open trace file\" of https://ui.perfetto.dev\n",
		done.Events, done.Packets, done.Tracks)
	cutShort(h, path, say)
	return nil
}

// proofs are those of a report's violations.
func proofs(report *checker.Report) []perfetto.Proof {
	var all []perfetto.Proof
	for _, result := range report.Results {
		for i := range result.Violations[:min(len(result.Violations), maxProofs-len(all))] {
			v := &result.Violations[i]
			p := perfetto.Proof{Checker: result.Checker, Rule: v.Rule, Text: v.Text}
			for j := range v.Events {
				p.Events = append(p.Events, v.Events[j].Seq)
			}
			all = append(all, p)
		}
	}
	return all
}
