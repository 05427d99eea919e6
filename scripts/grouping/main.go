// Grouping says what a night of several bugs made of them, for scripts/mixed:
//
//	go run ./scripts/grouping NIGHT FINDINGS
//
// NIGHT is the folder of the night, whose cells are bugs, FINDINGS that of its findings.
package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/finding"
)

func main() {
	if err := tell(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "grouping:", err)
		os.Exit(2)
	}
}

func tell(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("want the folder of a night and that of its findings")
	}
	bugs, classes, err := readNight(args[0])
	if err != nil {
		return err
	}
	store, err := finding.Open(args[1])
	if err != nil {
		return err
	}
	report, err := store.Read("", time.Now())
	if err != nil {
		return err
	}
	found := 0
	for _, bug := range slices.Sorted(maps.Keys(bugs)) {
		if len(bugs[bug].findings) > 0 {
			found++
		}
		fmt.Printf("%-20s %3d of %3d runs invalid, most findings of one rule: %d\n", bug, bugs[bug].invalid, bugs[bug].runs, bugs[bug].most())
	}
	fmt.Printf("\n%d of %d bugs found; runs: %v\n\n", found, len(bugs), classes)
	repeated, shrunk := 0, 0
	for i := range report.Findings {
		f := &report.Findings[i]
		again := f.Repeated()
		if again > 0 {
			repeated++
		}
		if len(f.Minimal) > 0 {
			shrunk++
		}
		fmt.Printf("%-24s %-34s %d of %d; repeated %d; smallest plans: %d; bugs: %s\n", f.ID, f.Rule, f.Rate.K, f.Rate.N, again, len(f.Minimal), strings.Join(of(bugs, f), ", "))
	}
	fmt.Printf("\n%d findings, %d of them repeated, %d shrunk, %d tasks left\n", len(report.Findings), repeated, shrunk, len(report.Next()))
	return nil
}

// bug is a cell of the night.
type bug struct {
	runs, invalid int
	findings      map[string]map[string]int // runs by rule and shape
}

// most is how many findings there are of one rule, at most.
func (b *bug) most() (n int) {
	for _, shapes := range b.findings {
		n = max(n, len(shapes))
	}
	return n
}

func readNight(dir string) (map[string]*bug, map[entry.Class]int, error) {
	bugs, classes := make(map[string]*bug), make(map[entry.Class]int)
	err := entry.Read(filepath.Join(dir, "runs.jsonl"), func(e entry.Entry) error {
		name := e.Axes["bug"]
		b := bugs[name]
		if b == nil {
			b = &bug{findings: make(map[string]map[string]int)}
			bugs[name] = b
		}
		b.runs++
		classes[e.Class]++
		if len(e.Breaches) == 0 {
			return nil
		}
		b.invalid++
		first := e.Breaches[finding.Primary(e.Breaches)]
		rule := first.Checker + ": " + first.Rule
		if b.findings[rule] == nil {
			b.findings[rule] = make(map[string]int)
		}
		b.findings[rule][first.Shape]++
		return nil
	})
	return bugs, classes, err
}

// of lists the bugs whose runs a finding has.
func of(bugs map[string]*bug, f *finding.Finding) (names []string) {
	for _, name := range slices.Sorted(maps.Keys(bugs)) {
		if n := bugs[name].findings[f.Checker+": "+f.Rule][f.Shape]; n > 0 {
			names = append(names, fmt.Sprintf("%s ×%d", name, n))
		}
	}
	return names
}
