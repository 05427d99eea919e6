// Package seen draws runs that are in run directories: it finds there what a picture
// needs beside the history.
package seen

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"path/filepath"
	"strings"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/slice"
)

// Picture draws the run in a directory, of which report is the verdict: the zero Report
// if nobody has judged it, or it is under way. What the directory lacks the picture says.
// An error is one of the history; the picture is then of what could be read of it, and
// says so too.
func Picture(dir results.Dir, report checker.Report) (picture.Picture, error) {
	s := picture.Source{Title: dir.Name(), Report: report}
	made := read(dir, &s)
	s.Commands = commands(dir, &report, made)
	h, err := open(dir)
	if err != nil {
		return picture.Picture{}, fmt.Errorf("draw: %w", err)
	}
	defer h.Close()
	s.Batches, s.Cut = h.Batches(), h.Truncated
	p, err := picture.Make(s)
	if err != nil {
		return p, fmt.Errorf("draw: %w", err)
	}
	explain(&p, dir, &report)
	return p, nil
}

// open opens the history of a run.
func open(dir results.Dir) (*history.Reader, error) {
	f, err := dir.OpenHistory()
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	return history.Of(f)
}

// explain adds what can have led to the first violation of each rule.
func explain(p *picture.Picture, dir results.Dir, report *checker.Report) {
	broken := report.Breaches()
	broken = broken[:min(len(broken), picture.MaxCauses)]
	var proofs [][]history.Event
	for _, b := range broken {
		v, _ := report.Violation(b)
		proofs = append(proofs, v.Events)
	}
	all, err := slice.All(func() iter.Seq2[*history.Event, error] {
		return history.ReadBy(func() (*history.Reader, error) { return open(dir) })
	}, proofs, slice.TextEvents)
	if err != nil {
		p.Lack("what led to violations: " + err.Error())
		return
	}
	for i, b := range broken {
		if v, _ := report.Violation(b); len(v.Events) > 0 {
			p.Explain(&all[i], b.Checker, &v)
		}
	}
}

// manifest is what a picture shows of a configuration file. Those of any version are
// read as far as they have it.
type manifest struct {
	Command []string `json:"command"`
	Build   struct {
		Usurper  string `json:"usurper"`
		Revision string `json:"revision"`
		Go       string `json:"go"`
		Platform string `json:"platform"`
		CPUs     int    `json:"cpus"`
		System   string `json:"system"`
		SHA256   string `json:"system_sha256"`
	} `json:"build"`
}

// read takes what files beside the history tell, and returns whether the run can be made
// again.
func read(dir results.Dir, s *picture.Source) (again bool) {
	lacks := func(file, what string, err error) {
		why := "there is no " + file
		if !errors.Is(err, fs.ErrNotExist) {
			why = file + " cannot be read"
		}
		s.Missing = append(s.Missing, why+": "+what)
	}
	var m manifest
	if text, err := small(dir, results.ConfigFile); err != nil {
		lacks(results.ConfigFile, "the command line and the versions of the run are not known", err)
	} else if err := json.Unmarshal([]byte(text), &m); err != nil {
		lacks(results.ConfigFile, "the command line and the versions of the run are not known", err)
	} else {
		again = true
	}
	s.Command, s.Versions = commandLine(m.Command), m.versions()
	text, err := small(dir, results.ExecutedFile)
	if err != nil {
		lacks(results.ExecutedFile, "the plan is shown as it was written, not as it came to pass", err)
		if text, err = small(dir, results.PlanFile); err != nil {
			s.Missing = s.Missing[:len(s.Missing)-1]
			lacks(results.PlanFile, "no plan is shown", err)
			again = false
		}
	}
	s.Plan = text
	return again
}

// most bounds the files that are read beside the history.
const most = 1 << 20

// small reads the beginning of a file of the directory.
func small(dir results.Dir, name string) (string, error) {
	f, err := dir.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() || info.Size() > most {
		return "", fmt.Errorf("%s is no file of at most %d bytes", name, most)
	}
	b, err := io.ReadAll(io.LimitReader(f, most)) // it may grow
	return string(b), err
}

// commandLine is what was typed, without where the program was.
func commandLine(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		if i == 0 {
			a = filepath.Base(a)
		}
		words[i] = results.Quote(a)
	}
	return strings.Join(words, " ")
}

func (m *manifest) versions() []string {
	b := &m.Build
	var out []string
	add := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	if b.Usurper != "" {
		add("%s", strings.TrimSpace("usurper "+b.Usurper+" "+b.Revision))
	}
	if b.Go != "" {
		add("%s", b.Go)
	}
	if b.Platform != "" {
		add("%s, %s", b.Platform, count.Many(b.CPUs, "processor"))
	}
	if b.System != "" {
		add("members: %s, sha256 %.12s", filepath.Base(b.System), b.SHA256)
	}
	return out
}

// commands are worth typing once one has seen the run.
func commands(dir results.Dir, report *checker.Report, again bool) []picture.Command {
	path := results.Quote(dir.Real())
	out := []picture.Command{{For: "judge it again", Line: "usurper check " + path}}
	invalid := report.Verdict == checker.Invalid
	if invalid {
		out = append(out, picture.Command{For: "tell the story", Line: "usurper explain " + path})
	}
	if again {
		out = append(out, picture.Command{For: "repeat it", Line: "usurper replay " + path})
	}
	if again && invalid {
		out = append(out,
			picture.Command{For: "find the faults that it needs", Line: "usurper shrink " + path},
			picture.Command{For: "keep it as a regression test", Line: "usurper keep " + path})
	}
	return out
}
