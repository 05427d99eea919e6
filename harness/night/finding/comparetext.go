package finding

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// String is the comparison for people.
func (c *Comparison) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	line := func(cells ...any) {
		for i, cell := range cells {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, cell)
		}
		fmt.Fprintln(w)
	}
	line("", "A", "B")
	line("night", c.A, c.B)
	line("runs", c.Runs[0], c.Runs[1])
	line("system", joined(c.Systems[0]), joined(c.Systems[1]))
	line("usurper", joined(c.Harness[0]), joined(c.Harness[1]))
	line()
	for _, r := range c.Classes {
		if r.KA+r.KB > 0 {
			line(r.What, of(r.KA, r.NA), of(r.KB, r.NB), r.Says())
		}
	}
	line()
	for _, r := range c.Findings {
		line(r.ID, of(r.KA, r.NA), of(r.KB, r.NB), r.only()+r.Says(), r.What)
	}
	if len(c.Findings) == 0 {
		line("no findings in either")
	}
	if len(c.Figures) > 0 {
		line()
	}
	for _, r := range c.Figures {
		line(r.Figure, fmt.Sprintf("%.4g", r.MedianA), fmt.Sprintf("%.4g", r.MedianB), r.Says())
	}
	w.Flush() // a Builder never fails
	for i, name := range []string{"A", "B"} {
		if len(c.Idle[i]) > 0 {
			fmt.Fprintf(&b, "\nwithout anything to judge in %s alone: %s\n", name, joined(c.Idle[i]))
		}
		if len(c.Missing[i]) > 0 {
			fmt.Fprintf(&b, "\nnot run in %s: %s\n", name, joined(c.Missing[i]))
		}
	}
	b.WriteString("\np is how often nights that are alike differ so much (Fisher's exact test); \"differs\" keeps to 1 of 20 for all rows of a\nkind together (Holm). Figures compare how many runs are above the median of both; on another machine they differ.\n")
	return b.String()
}

// only says that a finding was seen in one of the nights alone.
func (r *Row) only() string {
	switch {
	case r.KA == 0 && r.NA > 0:
		return "only in B, "
	case r.KB == 0 && r.NB > 0:
		return "only in A, "
	}
	return ""
}

func of(k, n int) string { return fmt.Sprintf("%d of %d", k, n) }

func joined(words []string) string {
	if len(words) == 0 {
		return "–"
	}
	return strings.Join(words, ", ")
}
