package cli

import (
	"fmt"
	"io"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/perfetto"
	"github.com/usurper/usurper/harness/results"
)

// maxProofs bounds how many violations a trace shows.
const maxProofs = 100

// exportTrace writes a run as a trace for Perfetto. It reads the history twice: to judge
// it, and to write it.
func exportTrace(dir results.Dir, out, say io.Writer) (unread, err error) {
	j := judged(dir, checker.Options{})
	path := dir.History()
	h, err := history.Open(path)
	if err != nil {
		return nil, err
	}
	defer h.Close()
	done, err := perfetto.Export(out, h.Events(), proofs(&j.report))
	switch {
	case err != nil:
		return nil, fmt.Errorf("export %s: %w", path, err)
	case done.Unread != nil && done.Events == 0:
		return nil, fmt.Errorf("export: %w", done.Unread)
	}
	if j.problem != nil && done.Unread == nil {
		fmt.Fprintf(say, "no broken rules are shown: %v\n", j.problem)
	}
	fmt.Fprintf(say, "%s as %d on %s; open it with \"Open trace file\" of https://ui.perfetto.dev\n",
		count.Many(done.Events, "event"), done.Packets, count.Many(done.Tracks, "track"))
	cutShort(h, path, say)
	return done.Unread, nil
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
