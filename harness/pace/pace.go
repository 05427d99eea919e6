// Package pace is a yardstick for liveness: it tells from pairs of runs, one of a
// system and one of what it is measured against, under the same plan and in turn on the
// same machine, whether the first is slow.
//
// Slow is a finding of its own class. It is no violation, since Raft promises nothing
// about time, and changes no verdict and no exit status.
package pace

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/usurper/usurper/checker"
)

// Figures are what was measured of one run, by the names of Measures. A figure that the
// run has none of is missing.
type Figures map[string]float64

// Measure is something that is compared. Less of it is better.
type Measure struct {
	Name string // in Figures and in JSON
	Unit string // "ms", or "" for a number
	Text string // what it is
	Slow string // what is said if there is more of it, before "3.1 ×"
	of   func(stat func(string) (float64, bool)) (float64, bool)
}

// Measures lists what is compared.
func Measures() []Measure {
	whole := func(name string) func(stat func(string) (float64, bool)) (float64, bool) {
		return func(stat func(string) (float64, bool)) (float64, bool) { return stat(name) }
	}
	each := func(name string) func(stat func(string) (float64, bool)) (float64, bool) {
		return func(stat func(string) (float64, bool)) (float64, bool) {
			n, known := stat(name)
			faults, _ := stat("faults")
			return n / faults, known && faults > 0
		}
	}
	return []Measure{
		{"failover", "ms", "from the loss of a leader to the next one", "elections take", whole("failover-median-ms")},
		{"candidacies", "", "candidacies a fault", "members stand", each("candidacies")},
		{"terms", "", "terms spent a fault", "terms are spent", each("terms")},
		{"recovery", "ms", "from healing to the first success", "recovery takes", whole("recovery-ms")},
		{"silence", "ms", "without a success, in all", "clients go without a success", whole("silent-ms")},
	}
}

// Of returns the figures of a run that was judged.
func Of(r checker.Report) Figures {
	f := make(Figures)
	for _, result := range r.Results {
		if result.Checker != "availability" {
			continue
		}
		stat := func(name string) (float64, bool) {
			n, known := result.Stats[name]
			return float64(n), known
		}
		for _, m := range Measures() {
			if v, known := m.of(stat); known {
				f[m.Name] = v
			}
		}
	}
	return f
}

// Pair is two runs under one plan, one after the other.
type Pair struct{ Run, Against Figures }

// Options say what is slow.
type Options struct {
	// Times is how many times as long it must take to be worth a word; above 1.
	Times float64
	// Alpha bounds how often two alike are called slow by chance, in any measure.
	Alpha float64
}

// Least is how many pairs it takes until anything can be proved.
func (o Options) Least() int {
	return int(math.Ceil(math.Log2(float64(len(Measures())) / o.Alpha)))
}

// Row is what came out for one measure.
type Row struct {
	Measure string   `json:"measure"`
	Unit    string   `json:"unit,omitempty"`
	Pairs   int      `json:"pairs"`  // that have both figures
	Slower  int      `json:"slower"` // of them, in which the run has more than what it is measured against
	Run     float64  `json:"run"`    // medians of the pairs
	Against float64  `json:"against"`
	Times   *float64 `json:"times,omitempty"` // Run by Against; nil if that is 0
	P       float64  `json:"p"`               // one-sided, of this measure alone
	Slow    bool     `json:"slow"`

	what Measure
}

// Comparison is what came out.
type Comparison struct {
	Pairs int     `json:"pairs"`
	Times float64 `json:"slow_from"`
	Alpha float64 `json:"alpha"`
	Rows  []Row   `json:"measures"`
}

// Compare compares pairs of runs. A measure is slow if the median is Times as much, and
// if chance explains that less often than Alpha allows, which is shared by all measures
// (Holm). That holds whatever the figures are distributed like, if runs of a pair take
// turns in who is first.
func Compare(pairs []Pair, o Options) Comparison {
	c := Comparison{Pairs: len(pairs), Times: o.Times, Alpha: o.Alpha}
	for _, m := range Measures() {
		if row := compare(m, pairs); row.Pairs > 0 {
			c.Rows = append(c.Rows, row)
		}
	}
	order := make([]*Row, len(c.Rows))
	for i := range c.Rows {
		order[i] = &c.Rows[i]
	}
	slices.SortStableFunc(order, func(a, b *Row) int { return cmp.Compare(a.P, b.P) })
	for i, row := range order {
		if row.P > o.Alpha/float64(len(order)-i) {
			break
		}
		row.Slow = row.Run > 0 && row.Run >= o.Times*row.Against
	}
	return c
}

func compare(m Measure, pairs []Pair) Row {
	row := Row{Measure: m.Name, Unit: m.Unit, what: m}
	var run, against, differences []float64
	for _, p := range pairs {
		a, ok := p.Run[m.Name]
		b, ok2 := p.Against[m.Name]
		if !ok || !ok2 {
			continue
		}
		run, against, differences = append(run, a), append(against, b), append(differences, a-b)
		if a > b {
			row.Slower++
		}
	}
	row.Pairs = len(differences)
	if row.Pairs == 0 {
		return row
	}
	row.Run, row.Against, row.P = median(run), median(against), signedRank(differences)
	if row.Against > 0 {
		times := row.Run / row.Against
		row.Times = &times
	}
	return row
}

// Slow returns what is slow, a line each.
func (c Comparison) Slow() []string {
	var lines []string
	for _, r := range c.Rows {
		if !r.Slow {
			continue
		}
		how := fmt.Sprintf("%s × as much as without this", r.times())
		switch {
		case r.Times == nil:
			how = fmt.Sprintf("%s where it was 0", r.figure(r.Run))
		case r.Unit == "ms":
			how = fmt.Sprintf("%s × as long", r.times())
		}
		lines = append(lines, fmt.Sprintf("slow: %s %s (%d of %d pairs)", r.what.Slow, how, r.Slower, r.Pairs))
	}
	return lines
}

// String is a table of the measures, and what is slow.
func (c Comparison) String() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\tTHIS\tAGAINST\tTIMES\tSLOWER\tBY CHANCE")
	for _, r := range c.Rows {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%d of %d\t%.2g\n", r.what.Text, r.figure(r.Run), r.figure(r.Against), r.times(), r.Slower, r.Pairs, r.P)
	}
	w.Flush()
	slow := c.Slow()
	if len(slow) == 0 {
		slow = []string{fmt.Sprintf("not shown to be slow: that takes %g × as much, and chance at most once in %.0f such comparisons", c.Times, 1/c.Alpha)}
	}
	return b.String() + "\n" + strings.Join(slow, "\n") + "\n"
}

func (r Row) figure(v float64) string {
	if r.Unit == "ms" {
		return fmt.Sprintf("%.0fms", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func (r Row) times() string {
	if r.Times == nil {
		return "-"
	}
	return fmt.Sprintf("%.1f", *r.Times)
}

// Median returns the medians of the figures of runs, each of those runs that have it.
func Median(runs []Figures) Figures {
	medians := make(Figures)
	for _, m := range Measures() {
		var values []float64
		for _, f := range runs {
			if v, known := f[m.Name]; known {
				values = append(values, v)
			}
		}
		if len(values) > 0 {
			medians[m.Name] = median(values)
		}
	}
	return medians
}

// String tells what there is of the figures, "" if there is nothing.
func (f Figures) String() string {
	var parts []string
	for _, m := range Measures() {
		if v, known := f[m.Name]; known {
			parts = append(parts, Row{Unit: m.Unit}.figure(v)+" "+m.Text)
		}
	}
	return strings.Join(parts, "; ")
}
