package night

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/night/coverage"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/nemesis"
)

const (
	// coverageFile is what the runs of a night that has ended covered.
	coverageFile = "coverage.json"
	// manyNights bounds how many earlier nights are looked at.
	manyNights = 60
)

// Earlier returns what the nights below a folder covered that are not the one of this
// name, the last sixty of them to begin. What cannot be read is left out.
func Earlier(root, name string) coverage.Tally {
	sum := coverage.Sum()
	logs, err := filepath.Glob(filepath.Join(quoteGlob(root), "*", entry.LogFile))
	if err != nil {
		return sum
	}
	begun := make(map[string]time.Time)
	logs = slices.DeleteFunc(logs, func(path string) bool {
		dir := filepath.Dir(path)
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() { // "latest"
			return true
		}
		p, err := readPlan(filepath.Join(dir, planFile))
		begun[path] = p.Begun
		return err != nil || p.Night == name
	})
	slices.SortFunc(logs, func(a, b string) int { return cmp.Or(begun[a].Compare(begun[b]), strings.Compare(a, b)) })
	count := 0
	for _, path := range slices.Backward(logs) {
		dir := filepath.Dir(path)
		t, err := coverage.Load(filepath.Join(dir, coverageFile))
		if err != nil || t.Runs == 0 {
			if t, _, err = coverage.OfLog(path); err != nil {
				continue
			}
		}
		sum.Add(t)
		if count++; count == manyNights {
			break
		}
	}
	return sum
}

// Known returns the states that nights before this one have seen.
func (n *Night) Known() coverage.States { return Earlier(filepath.Dir(n.Dir), n.Plan.Night).States }

// cover writes down what the night covered.
func (n *Night) cover() error {
	sum, _, err := coverage.OfLog(filepath.Join(n.Dir, entry.LogFile))
	if err == nil {
		err = sum.Save(filepath.Join(n.Dir, coverageFile))
	}
	if err != nil {
		return fmt.Errorf("sum up what the night covered: %w", err)
	}
	return nil
}

// favours says which themes to draw more often than others, given what earlier nights
// covered; nil while they say nothing.
func favours(before coverage.Tally) map[string]float64 {
	var themes []string
	for _, t := range nemesis.Themes() {
		if t.Usual() {
			themes = append(themes, t.Name)
		}
	}
	weights := before.Favour(themes)
	for _, w := range weights {
		if w != 1 {
			return weights
		}
	}
	return nil
}

// favoured is the theme that a run has in the place of one that its seed draws: in half
// of the runs of random plans, by weight; "" for none.
func (p *Plan) favoured(j *Job) string {
	if len(p.Favour) == 0 || slices.ContainsFunc(j.Cell.Args, chooses) {
		return ""
	}
	stream := engine.Stream(j.Seed, "favour")
	if stream.IntN(2) == 0 {
		return ""
	}
	var plans [][]string
	for _, t := range nemesis.Themes() {
		if t.Usual() {
			plans = append(plans, []string{t.Name})
		}
	}
	return plans[coverage.Choose(p.Favour, plans, stream)][0]
}

// chooses tells whether an argument says what the plan is about.
func chooses(arg string) bool {
	return strings.HasPrefix(arg, "--theme") || strings.HasPrefix(arg, "--favour") ||
		strings.HasPrefix(arg, "--plan") && arg != "--plan=random"
}
