package nights

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/morning"
)

const (
	// nightEvery is how often a plain line tells how a night stands.
	nightEvery = time.Minute
	// tableEvery is how often its table is shown anew on a terminal.
	tableEvery = time.Second
	// progressName is the file, beside what becomes of it, in which a run tells its night
	// how it stands.
	progressName = "progress.json"
)

// nightWatch shows how a night stands: a table on a terminal, a line a minute elsewhere.
type nightWatch struct {
	show  *screen.Status
	facts entry.Facts
	told  *nightReport
	stop  func()

	mu      sync.Mutex
	under   map[underWay]string // the folders of the runs under way
	notable []string            // runs that were not valid, since the last line
}

// underWay is a run, as it is known before it tells of itself.
type underWay struct {
	number        int
	control, cell string
	seed          uint64
}

func watchNight(show *screen.Status, facts entry.Facts, told *nightReport) *nightWatch {
	w := &nightWatch{show: show, facts: facts, told: told, under: make(map[underWay]string)}
	period := nightEvery
	if show.Size != nil {
		period = tableEvery
	}
	w.stop = screen.Every(period, w.tick)
	return w
}

// end takes away what is rewritten.
func (w *nightWatch) end() {
	w.stop()
	w.show.Done()
}

func (w *nightWatch) began(j night.Job, work string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.under[underWay{j.Number, j.Control, j.Cell.Name, j.Seed}] = work
}

// ended notes a run: on a terminal a line stays of one that was not as it should be.
func (w *nightWatch) ended(e entry.Entry) {
	w.mu.Lock()
	delete(w.under, underWay{e.Number, e.Control, e.Cell, e.Seed})
	notable := e.Class != entry.Valid
	if e.Control != "" {
		notable = e.Class == entry.Broken
	}
	plain := w.show.Size == nil
	if plain && notable {
		w.notable = append(w.notable, entryLine(&e))
	}
	w.mu.Unlock()
	if !plain && notable {
		w.show.Line("%s", entryLine(&e))
	}
}

func (w *nightWatch) tick() {
	live := w.live()
	if w.show.Size != nil {
		w.show.Rows(live.Table)
		return
	}
	w.mu.Lock()
	notable := w.notable
	w.notable = nil
	w.mu.Unlock()
	line := live.Line()
	if len(notable) > 0 {
		line += "; " + notable[0]
	}
	if n := len(notable); n > 1 {
		line += fmt.Sprintf("; and %d more that were not valid", n-1)
	}
	w.show.Line("%s", line)
}

// live is how the night stands.
func (w *nightWatch) live() morning.Live {
	r := w.told.latest()
	l := morning.Live{Runs: r.Runs, Asked: w.facts.Runs, For: w.facts.For, Elapsed: time.Since(w.facts.Begun)}
	for _, f := range r.Findings {
		if f.Tonight > 0 {
			l.Findings = append(l.Findings, f)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for run, work := range w.under {
		now := morning.Running{Number: run.number, Cell: run.cell, Control: run.control, Seed: run.seed}
		if w.show.Size != nil { // else nobody sees it
			text, err := os.ReadFile(filepath.Join(work, progressName))
			if err == nil {
				json.Unmarshal(text, &now) // of what it does not say, what is known stands
			}
		}
		l.Running = append(l.Running, now)
	}
	slices.SortFunc(l.Running, func(a, b morning.Running) int {
		return cmp.Or(cmp.Compare(a.Control, b.Control), cmp.Compare(a.Number, b.Number))
	})
	return l
}

// ProgressFile returns what tells a night now and then how one of its runs stands.
func ProgressFile(leave string, length time.Duration) func(engine.Progress) {
	path := filepath.Join(filepath.Dir(leave), progressName)
	var next time.Duration
	return func(p engine.Progress) {
		if p.At < next {
			return
		}
		next = p.At + tableEvery
		text, err := json.Marshal(struct {
			Phase  string        `json:"phase"`
			Left   time.Duration `json:"left"`
			Leader string        `json:"leader"`
			Term   uint64        `json:"term"`
			Faults []string      `json:"faults"`
			PerSec float64       `json:"per_sec"`
		}{p.Phase, max(0, length-p.At), p.Leader.Node, p.Leader.Term, p.Faults, p.PerSec})
		if err == nil && os.WriteFile(path+".new", text, 0o644) == nil {
			os.Rename(path+".new", path) // the night does without if that fails
		}
	}
}

// entryLine tells of a run that has ended.
func entryLine(e *entry.Entry) string {
	text := fmt.Sprintf("%s: %s in %.1fs", entryName(e), e.Class, e.Elapsed.Seconds())
	if e.Control != "" {
		text = "control " + e.Control + ", " + text
	}
	if e.Why != "" {
		text += ": " + e.Why
	}
	if e.Dir != "" {
		text += " (" + e.Dir + ")"
	}
	return screen.OneLine(text)
}

// entryName is "seed 8", or "seed 8 (4 members)".
func entryName(e *entry.Entry) string {
	if n := e.Axes["nodes"]; n != "" {
		return fmt.Sprintf("seed %d (%s members)", e.Seed, n)
	}
	return fmt.Sprintf("seed %d", e.Seed)
}
