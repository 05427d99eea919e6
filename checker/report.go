package checker

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Report is what all checkers found in one history. It is the content of a
// run's verdict file; its String is the report for people (reporttext.go).
type Report struct {
	// Verdict is the worst of Results.
	Verdict Verdict  `json:"verdict"`
	Run     Facts    `json:"run"`
	Results []Result `json:"results"`
	// Problem says why the history could not be judged as a whole, if so.
	Problem string `json:"problem,omitempty"`
}

// Facts are what a reader of a report wants to know first.
type Facts struct {
	Target   string        `json:"target,omitempty"`
	Workload string        `json:"workload,omitempty"`
	Seed     uint64        `json:"seed,omitempty"`
	Nodes    int           `json:"nodes,omitempty"`
	Disk     string        `json:"disk,omitempty"`   // the kind of disk that each member has for itself
	Themes   []string      `json:"themes,omitempty"` // of the plan
	Length   time.Duration `json:"length"`           // At of the last event
	Events   uint64        `json:"events"`
	Ended    bool          `json:"ended"` // the history has its run-end event
	// Unready says that members were started and the run ended before they were ready
	// for clients: there is no verdict then, only a reason why the start failed.
	Unready bool `json:"unready,omitempty"`
	// Faults is when the faults began, from which the times of a plan count; 0 if
	// none did.
	Faults time.Duration `json:"faults,omitempty"`
}

// tally gathers Facts, and what only the user's own checkers judge.
type tally struct {
	f   Facts
	own []string // names of those checkers

	started, ready bool // members were, the cluster was
	ops            map[history.F]int64
	disks          evidence.Disks
}

func (t *tally) event(e *history.Event) {
	t.f.Events++
	t.disks.Event(e)
	t.f.Length = max(t.f.Length, e.At)
	if e.Op != nil && e.Op.Type == history.Invoke && !e.Op.F.Known() {
		t.foreign(e.Op.F)
	}
	t.started = t.started || e.Proc != nil && e.Proc.What == history.ProcStart
	t.ready = t.ready || e.Op != nil || e.Run != nil && e.Run.Phase == history.PhaseReady
	if e.Run == nil {
		return
	}
	switch e.Run.What {
	case history.RunBegin:
		t.f.Target, t.f.Workload, t.f.Seed = e.Run.Target, e.Run.Workload, e.Run.Seed
		t.f.Nodes, t.f.Themes = len(e.Run.Nodes), slices.Clone(e.Run.Themes)
		t.f.Disk = e.Run.Disk
		t.own = slices.Clone(e.Run.Checkers)
	case history.RunPhase:
		if e.Run.Phase == history.PhaseFaults {
			t.f.Faults = e.At
		}
	case history.RunEnd:
		t.f.Ended = true
	}
}

func (t *tally) facts() Facts {
	t.f.Unready = t.started && !t.ready && !t.f.Ended
	return t.f
}

// Result returns the result of the named checker, and whether it is there.
func (r *Report) Result(name string) (Result, bool) {
	for _, result := range r.Results {
		if result.Checker == name {
			return result, true
		}
	}
	return Result{}, false
}

// Failed lists the names of the checkers that say Invalid, in report order.
func (r *Report) Failed() []string {
	var names []string
	for _, result := range r.Results {
		if result.Verdict == Invalid {
			names = append(names, result.Checker)
		}
	}
	return names
}

// Unchecked says in one line which checkers had nothing to judge, and why: –  lock
// (no lock was asked for)  not checked. It is "" if all judged something.
func (r *Report) Unchecked() string {
	var whys []string
	names := make(map[string][]string)
	for i := range r.Results {
		result := &r.Results[i]
		if result.Verdict != Unchecked {
			continue
		}
		why := result.Why()
		if names[why] == nil {
			whys = append(whys, why)
		}
		names[why] = append(names[why], result.Checker)
	}
	if len(whys) == 0 {
		return ""
	}
	for i, why := range whys {
		whys[i] = fmt.Sprintf("%s (%s)", strings.Join(names[why], ", "), why)
	}
	return fmt.Sprintf("%-8s %s  not checked", "–", strings.Join(whys, ", "))
}

// vacuous keeps a verdict from being valid when every checker was asked and none had
// anything to judge, unless something else has done so.
func (r *Report) vacuous() {
	judged := func(result Result) bool { return result.Verdict != Unchecked }
	if r.Problem == "" && len(r.Results) > 0 && !slices.ContainsFunc(r.Results, judged) {
		r.Doubt("no checker had anything to judge")
	}
}

// String is one line of all that is known.
func (f Facts) String() string {
	parts := []string{fmt.Sprintf("%s in %s", count.Many(f.Events, "event"), verdict.Seconds(f.Length))}
	if f.Nodes > 0 {
		nodes := count.Many(f.Nodes, "node")
		if f.Disk != "" {
			nodes += " on " + f.Disk
		}
		parts = append(parts, nodes)
	}
	if f.Target != "" {
		parts = append(parts, "target "+f.Target)
	}
	if f.Workload != "" {
		parts = append(parts, "workload "+f.Workload)
	}
	if f.Seed != 0 {
		parts = append(parts, fmt.Sprintf("seed %d", f.Seed))
	}
	if len(f.Themes) > 0 {
		parts = append(parts, "themes "+strings.Join(f.Themes, " and "))
	}
	if !f.Ended {
		parts = append(parts, "cut short")
	}
	return strings.Join(parts, ", ")
}

// clocks says what the times of a report count from: events have the run's, steps of
// a plan have that of the faults, which began later.
type clocks struct {
	faults time.Duration // when they began, since the run did
	begun  bool
}

func (c *clocks) event(e *history.Event) {
	if e.Run != nil && e.Run.What == history.RunPhase && e.Run.Phase == history.PhaseFaults {
		c.faults, c.begun = e.At, true
	}
}

// String is a line of a report; none without faults, for then there is one clock.
func (c clocks) String() string {
	if !c.begun {
		return ""
	}
	return "times: since the run began; those of the plan, as in \"at 5s\", since the faults did, at " + verdict.Seconds(c.faults)
}
