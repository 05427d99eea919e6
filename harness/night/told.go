package night

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/night/coverage"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/finding"
	"github.com/usurper/usurper/harness/pace"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/nemesis"
)

// Told is what a run of cfg tells of itself, as engine.Run returned it. A run without a
// verdict, or one that somebody interrupted, is broken; an invalid one is invalid
// whatever else went wrong.
func Told(cfg engine.Config, result engine.Result, err error) entry.Entry {
	e := entry.Entry{Class: entry.Class(result.Report.Verdict), Dir: result.Dir.String()}
	switch {
	case e.Class == entry.Invalid:
	case err != nil:
		e.Class, e.Why = entry.Broken, verdict.Printable(err.Error())
	case result.Interrupted:
		e.Class, e.Why = entry.Broken, "the run was interrupted from outside"
	}
	if e.Class == entry.Invalid || e.Class == entry.Unknown {
		e.Why = why(&result.Report)
	}
	if e.Dir == "" {
		return e
	}
	tellReport(&e, &result.Report)
	tellVersions(&e, result.Dir)
	plan := cfg.Drawn()
	err = tellHistory(&e, &plan, result.Dir)
	if err == nil {
		err = tellCoverage(&e, cfg.Seed, result.Dir)
	}
	if err != nil && e.Class == entry.Valid {
		e.Class, e.Why = entry.Broken, verdict.Printable(err.Error())
	}
	return e
}

// why sums up what was not valid, in a line of printable characters.
func why(r *checker.Report) string {
	var parts []string
	for _, result := range r.Results {
		if result.Verdict == r.Verdict {
			parts = append(parts, result.Checker+": "+result.Summary)
		}
	}
	return verdict.Printable(strings.Join(parts, "; "))
}

func tellReport(e *entry.Entry, r *checker.Report) {
	e.Breaches = finding.Breaches(*r)
	e.Checkers, e.Unchecked = make(map[string]string), make(map[string]string)
	for _, result := range r.Results {
		e.Checkers[result.Checker] = string(result.Verdict)
		if result.Verdict == checker.Unchecked {
			e.Unchecked[result.Checker] = verdict.Printable(result.Why())
		}
	}
	e.Figures = pace.Of(*r)
}

// tellVersions tells what was tested and by what, as far as the run directory says so.
func tellVersions(e *entry.Entry, dir results.Dir) {
	var config struct {
		Target  string `json:"target"`
		Options struct {
			Version string
		} `json:"target_options"`
		Build engine.Build `json:"build"`
	}
	if dir.ReadJSON(results.ConfigFile, &config) != nil {
		return
	}
	e.System = config.Target
	if v := config.Options.Version; v != "" {
		e.System += " " + v
	} else if sum := config.Build.SystemSHA256; sum != "" {
		e.System += " " + sum[:12]
	}
	e.Harness = strings.TrimSpace(config.Build.Usurper + " " + config.Build.Revision)
}

// tellHistory counts in the history of a run what came of its plan, what clients were
// told, and for how long the machine stalled.
func tellHistory(e *entry.Entry, plan *nemesis.Plan, dir results.Dir) error {
	e.Faults = make(map[string]entry.Fault)
	count := func(kind string, add func(*entry.Fault)) {
		f := e.Faults[kind]
		add(&f)
		e.Faults[kind] = f
	}
	for _, s := range plan.Steps {
		count(kindOf(s.Fault), func(f *entry.Fault) { f.Planned++ })
	}
	h, err := history.Open(dir.History())
	if err != nil {
		return err
	}
	defer h.Close()
	var x excuses
	for ev, err := range h.Events() {
		switch {
		case err != nil:
			return err
		case ev.Run != nil:
			e.Stalled += ev.Run.Stall
			e.Excused += x.take(ev)
		case ev.Fault != nil && ev.Fault.What == history.FaultInject:
			count(kindIn(ev.Fault.Text), func(f *entry.Fault) { f.Fired++ })
		case ev.Fault != nil && ev.Fault.Bit:
			count(kindIn(ev.Fault.Text), func(f *entry.Fault) { f.Bit++ })
		case ev.Op != nil:
			switch ev.Op.Type {
			case history.OK:
				e.OK++
			case history.Fail:
				e.Fail++
			case history.Info:
				e.Info++
			}
		}
	}
	return nil
}

// excuses measures how long a run is excused from what is judged about time, as the
// checker "availability" does.
type excuses struct {
	election time.Duration
	until    time.Duration // what is excused so far ends here
}

// take returns how much longer the run is excused by a stall.
func (x *excuses) take(e *history.Event) time.Duration {
	if e.Run.What == history.RunBegin {
		x.election = e.Run.Election
	}
	if e.Run.What != history.RunStall || e.Run.Stall <= x.election/4 {
		return 0
	}
	from, until := max(x.until, e.At-e.Run.Stall), e.At+4*x.election
	if until <= from {
		return 0
	}
	x.until = until
	return until - from
}

// tellCoverage tallies where faults bit, and what else a run covered.
func tellCoverage(e *entry.Entry, seed uint64, dir results.Dir) error {
	tally, err := coverage.OfFile(dir.History(), fmt.Sprintf("seed %d", seed))
	if err == nil {
		e.Coverage, err = json.Marshal(tally)
	}
	return err
}

// kindOf is the word by which plans call a fault.
func kindOf(f nemesis.Fault) string {
	kind, _, _ := strings.Cut(f.String(), " ")
	return kind
}

// kindIn is kindOf for a step as a history has it.
func kindIn(step string) string {
	s, err := nemesis.ParseStep(step)
	if err != nil {
		return "unknown"
	}
	return kindOf(s.Fault)
}

// validate tells whether an entry can be what a run told of itself.
func validate(e *entry.Entry) error {
	switch e.Class {
	case entry.Valid, entry.Invalid, entry.Unknown, entry.Broken:
		return nil
	case "":
		return errors.New("what became of the run has no class")
	}
	return fmt.Errorf("what became of the run is %q, which is no class", e.Class)
}
