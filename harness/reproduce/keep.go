package reproduce

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
)

// ExpectedFile is what a kept run is expected to show.
const ExpectedFile = "expected.json"

// Expected is the content of ExpectedFile.
type Expected struct {
	Shows   string          `json:"shows"` // one line
	Verdict checker.Verdict `json:"verdict"`
	Breach  checker.Breach  `json:"breach,omitzero"` // of an invalid run, the one that it was shrunk for, else the first that the history proves
	// Reproduced of Runs times the plan broke the rule again, when it was measured.
	Reproduced int `json:"reproduced,omitempty"`
	Runs       int `json:"runs,omitempty"`
}

// Sure tells whether the plan was measured to break the rule nearly always, so
// that a test can count on one run in a few.
func (e Expected) Sure() bool {
	return e.Runs >= 10 && float64(e.Reproduced) >= goal*float64(e.Runs)
}

// ReadExpected reads what a kept run is expected to show.
func ReadExpected(dir results.Dir) (Expected, error) {
	var e Expected
	if err := dir.ReadJSON(ExpectedFile, &e); err != nil {
		return e, fmt.Errorf("%s is no kept run: keep it first: %w", dir, err)
	}
	return e, nil
}

// Agrees returns an error unless a report on the kept history comes to the same
// verdict, by the same rule.
func (e Expected) Agrees(r *checker.Report) error {
	if r.Verdict != e.Verdict {
		return fmt.Errorf("the history was %s when it was kept, and is %s now:\n%s", e.Verdict, r.Verdict, r)
	}
	if _, ok := r.Violation(e.Breach); e.Verdict == checker.Invalid && !ok {
		return fmt.Errorf("the history was kept for %s, which is no longer found; broken is %s", e.Breach, names(r.Breaches()))
	}
	return nil
}

var keptName = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)

// Keep adds a run to a corpus of runs that tests check and replay: a directory of
// its own below root with the plan, the configuration without the paths of this
// machine, the history, compressed, the message schedule if it is short, and what
// to expect, by the user's own models too if there are any. An empty name is made up
// from what the run shows. A run of that name is never overwritten.
func Keep(dir results.Dir, root, name string, models ...checker.Spec) (results.Dir, Expected, error) {
	return keep(dir, root, name, results.PackedFile, models)
}

// KeepSmall is Keep for runs that nobody looks at by hand: their history is compressed by
// zstd, which takes less room and time.
func KeepSmall(dir results.Dir, root, name string) (results.Dir, Expected, error) {
	return keep(dir, root, name, results.ZstdFile, nil)
}

func keep(dir results.Dir, root, name, packed string, models []checker.Spec) (results.Dir, Expected, error) {
	saved, expected, err := expect(dir, models)
	if err != nil {
		return results.Dir{}, expected, err
	}
	if name == "" {
		name = nameFor(saved, expected)
	}
	if !keptName.MatchString(name) {
		return results.Dir{}, expected, fmt.Errorf("keep: the name %q: use small letters, digits and single hyphens", name)
	}
	config, err := portable(dir)
	if err != nil {
		return results.Dir{}, expected, err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return results.Dir{}, expected, fmt.Errorf("keep: %w", err)
	}
	to := filepath.Join(root, name)
	if err := os.Mkdir(to, 0o755); err != nil {
		if errors.Is(err, os.ErrExist) {
			err = fmt.Errorf("%s is there already: choose another name, or remove it", to)
		}
		return results.Dir{}, expected, fmt.Errorf("keep: %w", err)
	}
	kept, err := fill(filepath.Join(to, packed), dir, saved, config, expected)
	if err != nil {
		os.RemoveAll(to)
	}
	return kept, expected, err
}

// expect judges the run once more, for what is to be expected of it.
func expect(dir results.Dir, models []checker.Spec) (engine.Saved, Expected, error) {
	saved, err := engine.Load(dir)
	if err != nil {
		return saved, Expected{}, err
	}
	report, err := engine.CheckFile(dir.History(), models...)
	if err != nil {
		return saved, Expected{}, err
	}
	if report.Problem != "" {
		return saved, Expected{}, fmt.Errorf("keep: %s: %s: keep a whole history", dir, report.Problem)
	}
	e := Expected{Verdict: report.Verdict}
	if report.Verdict == checker.Unknown {
		return saved, e, fmt.Errorf("keep: the verdict on %s is unknown: keep a run that shows something", dir)
	}
	var r Reproduction
	if err := dir.ReadJSON(ReproductionFile, &r); err == nil && r.Measured {
		e.Reproduced, e.Runs = r.Reproduced, r.Runs
	} else if err != nil && !errors.Is(err, os.ErrNotExist) {
		return saved, e, err
	}
	e.Shows = fmt.Sprintf("a clean run of workload %s", saved.Config.Workload)
	if e.Verdict == checker.Invalid {
		if e.Breach, err = choose(dir, &report, ""); err != nil {
			return saved, e, err
		}
		v, _ := report.Violation(e.Breach)
		e.Shows = v.Text
	}
	return saved, e, nil
}

func nameFor(saved engine.Saved, e Expected) string {
	var o struct{ Bug string }
	_ = json.Unmarshal(saved.TargetOptions, &o) // other targets have no bug
	switch {
	case o.Bug != "":
		return o.Bug
	case e.Verdict == checker.Valid:
		return "clean-" + saved.Config.Workload
	}
	words := regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(e.Breach.String()), "-")
	return strings.Trim(words, "-")
}

// fill makes a kept run around its history, which is to be at a path.
func fill(packed string, from results.Dir, saved engine.Saved, config map[string]any, e Expected) (results.Dir, error) {
	if err := history.Pack(from.History(), packed); err != nil {
		return results.Dir{}, err
	}
	kept, err := results.Open(filepath.Dir(packed))
	if err != nil {
		return kept, err
	}
	if err := kept.WriteJSON(results.ConfigFile, config); err != nil {
		return kept, err
	}
	if err := kept.WriteText(results.PlanFile, saved.Config.Plan.String()); err != nil {
		return kept, err
	}
	if err := keepSchedule(kept, from); err != nil {
		return kept, err
	}
	return kept, kept.WriteJSON(ExpectedFile, e)
}

// maxSchedule bounds the message schedule that is kept, in bytes: a shrunk run has
// a few thousand, and a long one is not followed for long.
const maxSchedule = 64 << 10

// keepSchedule copies the message schedule, if the run left one of a size to keep.
func keepSchedule(to, from results.Dir) error {
	info, err := os.Stat(from.Path(results.ScheduleFile))
	if errors.Is(err, os.ErrNotExist) || err == nil && info.Size() > maxSchedule {
		return nil
	}
	text, err := os.ReadFile(from.Path(results.ScheduleFile))
	if err != nil {
		return fmt.Errorf("keep: %w", err)
	}
	return to.WriteText(results.ScheduleFile, string(text))
}

// portable is the configuration of a run without what means nothing elsewhere:
// of absolute paths the last element stays.
func portable(dir results.Dir) (map[string]any, error) {
	var text json.RawMessage
	if err := dir.ReadJSON(results.ConfigFile, &text); err != nil {
		return nil, err
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber() // seeds are longer than a float64 holds
	var config map[string]any
	if err := dec.Decode(&config); err != nil {
		return nil, fmt.Errorf("read %s: %w", dir.Path(results.ConfigFile), err)
	}
	config["results"] = "results"
	delete(config, "command")
	strip(config)
	return config, nil
}

func strip(value any) {
	object, ok := value.(map[string]any)
	if !ok {
		return
	}
	for key, v := range object {
		if text, ok := v.(string); ok && filepath.IsAbs(text) {
			object[key] = filepath.Base(text)
		}
		strip(v)
	}
}
