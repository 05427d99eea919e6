package night

import (
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/night/entry"
)

// Control is a configuration that a checker is to call invalid, by which a night shows
// that it can see.
type Control struct {
	Name    string `json:"name"`
	Checker string `json:"checker"`
	Cell    Cell   `json:"cell"`
	// System says which build of the system it is, "" if nobody knows.
	System string `json:"system,omitempty"`
}

const (
	// fresh is how long a control that was red counts as red.
	fresh = 7 * 24 * time.Hour
	// maxTries is how often a night tries a control.
	maxTries = 5
	// controlShare is the part of a night that its controls may take.
	controlShare = 0.1
	// longEnough is how long a night is that tries controls.
	longEnough = 20 * time.Minute
)

// key is what a red of the control is recorded by: the same configuration of the same
// builds.
func (c *Control) key(build string) string {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\n%s\n%s\n%s", build, c.System, c.Checker, strings.Join(c.Cell.Args, "\n"))
	return strconv.FormatUint(h.Sum64(), 16)
}

// red tells whether a try of the control went as it should.
func (c *Control) red(e *entry.Entry) bool {
	return e.Class == entry.Invalid && slices.ContainsFunc(e.Breaches, func(b entry.Breach) bool { return b.Checker == c.Checker })
}

// reds are the times at which controls were last red, by key.
type reds map[string]time.Time

// redsFile is where they are, below the folder of nights.
const redsFile = "controls.json"

// readReds reads them. A file that somebody has damaged says nothing, so that the controls
// are tried again.
func readReds(root string) (reds, error) {
	text, err := os.ReadFile(filepath.Join(root, redsFile))
	if errors.Is(err, fs.ErrNotExist) {
		return reds{}, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read which controls were red: %w", err)
	}
	all := make(reds)
	if json.Unmarshal(text, &all) != nil {
		return reds{}, nil
	}
	return all, nil
}

// record notes that a control is red. Nights that go on side by side may lose a note to
// each other, and then try the control again.
func record(root, key string, at time.Time) error {
	all, err := readReds(root)
	if err != nil {
		return err
	}
	for k, t := range all {
		if at.Sub(t) > fresh {
			delete(all, k)
		}
	}
	all[key] = at
	text, err := json.MarshalIndent(all, "", "  ")
	if err == nil {
		err = replaceReds(root, append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("note that a control is red: %w", err)
	}
	return nil
}

// replaceReds puts another file in the place of the one that is there. Shards in several
// containers share a folder, and may have one process number.
func replaceReds(root string, text []byte) error {
	next, err := os.CreateTemp(root, "."+redsFile+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(next.Name()) // of no effect once it is renamed
	_, err = next.Write(text)
	if err = errors.Join(err, next.Chmod(0o644), next.Close()); err != nil {
		return err
	}
	return os.Rename(next.Name(), filepath.Join(root, redsFile))
}

// stand works out how the controls stand: by what is recorded and by tonight's tries.
func (n *Night) stand(now time.Time) error {
	known, err := readReds(filepath.Dir(n.Dir))
	if err != nil {
		return err
	}
	n.facts.Controls = nil
	for i := range n.Plan.Controls {
		c := &n.Plan.Controls[i]
		s := entry.Control{Name: c.Name, Checker: c.Checker}
		if at := known[c.key(n.Plan.Build)]; now.Sub(at) <= fresh && !at.After(now) {
			s.Red = at
		}
		for j := range n.entries {
			if e := &n.entries[j]; e.Control == c.Name {
				s.Tries++
				switch {
				case c.red(e):
					s.Red = e.Started
				case e.Class == entry.Broken:
					s.Broken++
					s.Untried = "no try came to a verdict: " + e.Why
				}
			}
		}
		switch {
		case !s.Red.IsZero() || s.Tries > s.Broken:
			s.Untried = ""
		case s.Tries == 0:
			s.Untried = n.untried()
		}
		n.facts.Controls = append(n.facts.Controls, s)
	}
	return nil
}

// length is how long the night is to be in cluster time, as far as anybody knows
// beforehand.
func (n *Night) length() (wall, clusters time.Duration) {
	p := &n.Plan
	width := n.Width()
	if !p.Limit.IsZero() {
		wall = p.Limit.Sub(p.Begun)
		return wall, wall * time.Duration(width)
	}
	var round, weights time.Duration
	for _, c := range p.Cells {
		round += time.Duration(max(1, c.Weight)) * (c.For + slack)
		weights += time.Duration(max(1, c.Weight))
	}
	clusters = time.Duration(p.share()) * (round / weights)
	return clusters / time.Duration(width), clusters
}

// untried says why a control is not tried now.
func (n *Night) untried() string {
	switch wall, _ := n.length(); {
	case wall < longEnough:
		return fmt.Sprintf("a night of under %s tries none, and none was red with this build in the last seven days", longEnough)
	case n.spent() >= n.budget():
		return fmt.Sprintf("the controls have used up their %.0f %% of the night", 100*controlShare)
	}
	return "its turn did not come"
}

// budget is how much cluster time the controls may take, spent how much they did.
func (n *Night) budget() time.Duration {
	_, clusters := n.length()
	return time.Duration(controlShare * float64(clusters))
}

func (n *Night) spent() (sum time.Duration) {
	for i := range n.entries {
		if n.entries[i].Control != "" {
			sum += n.entries[i].Elapsed
		}
	}
	return sum
}

// control is the control to try now, if there is one: one that is not red, was not tried
// often enough, and is not under way.
func (n *Night) control(under map[string]bool) (Job, bool) {
	if wall, _ := n.length(); wall < longEnough || n.spent() >= n.budget() {
		return Job{}, false
	}
	for i := range n.facts.Controls {
		s, c := &n.facts.Controls[i], &n.Plan.Controls[i]
		if !s.Red.IsZero() || s.Tries >= maxTries {
			continue
		}
		j := n.Plan.try(c, s.Tries+1)
		if !under[j.id()] {
			return j, true
		}
	}
	return Job{}, false
}

// try is the k-th try of a control, from 1. Its seed has nothing to do with those of the
// plan.
func (p *Plan) try(c *Control, k int) Job {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %d", p.Seed, c.Name, k)
	j := Job{Number: k, Seed: h.Sum64()%1e12 + 1, Cell: &c.Cell, Control: c.Name}
	j.Args = append([]string{"run"}, c.Cell.Args...)
	j.Args = append(j.Args, "--seed="+strconv.FormatUint(j.Seed, 10))
	return j
}
