package reproduce

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/count"
)

// Files that Shrink leaves in the run directory of its result.
const (
	ReproductionFile = "reproduction.json"
	ShrinkFile       = "shrink.txt"
)

// Reproduction says how often a run directory's plan breaks the rule, and where
// it comes from.
type Reproduction struct {
	Breach     checker.Breach `json:"breach"`
	Reproduced int            `json:"reproduced"`
	Runs       int            `json:"runs"`
	Measured   bool           `json:"measured"` // by runs made for that alone
	Of         string         `json:"of,omitempty"`
	Before     Size           `json:"before"`
	After      Size           `json:"after"`
	Elapsed    time.Duration  `json:"elapsed"` // of the search
}

func reproduction(f Finding, s Shrunk) Reproduction {
	return Reproduction{
		Breach:     f.Breach,
		Reproduced: s.Count.Reproduced,
		Runs:       s.Count.Runs,
		Measured:   s.Measured,
		Of:         f.Dir.Name(),
		Before:     s.Before,
		After:      s.After,
		Elapsed:    s.Elapsed,
	}
}

// Table lists what was taken away, step by step.
func (s Shrunk) Table() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "AFTER\tFAULTS\tLENGTH\tNODES\tCLIENTS\tOP/S\tFAILED\tWHAT")
	row := func(after time.Duration, z Size, failed, what string) {
		fmt.Fprintf(w, "%.0fs\t%d\t%s\t%d\t%d\t%g\t%s\t%s\n", after.Seconds(), z.Faults, z.Length, z.Nodes, z.Clients, z.Rate, failed, what)
	}
	row(0, s.Before, "", "as it was")
	for _, t := range s.Taken {
		row(t.Elapsed, t.Size, fmt.Sprintf("%d of %d", t.Count.Reproduced, t.Count.Runs), t.What)
	}
	w.Flush() // a Builder never fails
	return b.String()
}

// String is the report: the plan that is left, what was taken away, how often it
// fails, and how much smaller it is.
func (s Shrunk) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "SHRUNK  %s\n\n", s.Breach)
	if s.After.Faults == 0 {
		fmt.Fprintln(&b, "  (no fault: the system fails by itself)")
	}
	how := "fails"
	if !s.Measured {
		how = "failed while it was looked for, which flatters it,"
	}
	fmt.Fprintf(&b, "%s\n%s\n%s %s\nfrom %s\nto   %s\nin %s, %s\n",
		s.Config.Plan, s.Table(), how, s.Count, s.Before, s.After, s.Elapsed.Round(time.Second), count.Many(s.Runs, "run"))
	return b.String()
}
