package night

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/usurper/usurper/harness/document"
)

// File is what a file of a night says. What it does not say is zero.
type File struct {
	For        time.Duration
	Until      string
	Runs       int
	Failures   int
	Seed       uint64
	Parallel   string // a number, or "auto"
	Findings   string
	MaxUnknown *float64 // a share
	Flags      []Setting
	Axes       []Axis
	Excludes   []Exclude
	Controls   Controls
}

// Controls are the known-bad configurations that a file names; none, if it says nothing.
type Controls struct {
	Usual bool // those of [Usual], before its own
	List  []ControlSpec
}

// ControlSpec is a configuration that a checker is to call invalid.
type ControlSpec struct {
	Name, Checker string
	Settings      []Setting
}

// Example is a file of a night to begin with.
//
//go:embed night.yaml
var Example string

// maxFile bounds the file of a night: whatever is longer is not one.
const maxFile = 1 << 20

// unset is the name of a value that leaves its flag alone.
const unset = "-"

// ReadFile reads the file of a night. flags are the names of the flags that runs have, set
// tells whether one takes a value, checkers are the names of the checkers. An error tells everything that is wrong with the file,
// each with its line.
func ReadFile(path string, flags []string, set func(Setting) error, checkers []string) (*File, error) {
	in, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read the file of a night: %w", err)
	}
	defer in.Close()
	text, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil || len(text) > maxFile {
		return nil, fmt.Errorf("read the file of a night: %s is no text of at most %d KiB: name a YAML file", path, maxFile>>10)
	}
	d, root, err := document.Read(path, text)
	if errors.Is(err, document.ErrEmpty) {
		return nil, fmt.Errorf("%w: usurper nightly --init writes one to begin with", err)
	}
	if err != nil {
		return nil, err
	}
	r := reader{Document: d, flags: flags, set: set, checkers: checkers}
	f := r.read(root)
	if err := errors.Join(d.Errs...); err != nil {
		return nil, err
	}
	return f, nil
}

// usual is the list of the usual controls, as in a file of a night.
//
//go:embed usual.yaml
var usual []byte

// Usual returns the usual controls, given flags and checkers as for [ReadFile]: deliberate bugs of the reference node, under the plan, the workload and the
// members that show each soon, and as long as it takes to show.
func Usual(flags []string, set func(Setting) error, checkers []string) ([]ControlSpec, error) {
	d, root, err := document.Read("usual.yaml", usual)
	if err != nil {
		return nil, err
	}
	r := reader{Document: d, flags: flags, set: set, checkers: checkers}
	c := r.controls(root)
	return c.List, errors.Join(d.Errs...)
}

// reader reads the file of a night.
type reader struct {
	*document.Document
	flags, checkers []string
	set             func(Setting) error
}

func (r *reader) read(root *yaml.Node) *File {
	var f File
	var excludes []*yaml.Node
	r.Mapping(root, document.Fields{
		"for":         r.Duration(&f.For),
		"until":       r.until(&f.Until),
		"runs":        r.Number(&f.Runs, 1, 1_000_000),
		"failures":    r.Number(&f.Failures, 1, 1_000_000),
		"seed":        r.seed(&f.Seed),
		"parallel":    r.parallel(&f.Parallel),
		"findings":    r.Text(&f.Findings),
		"max-unknown": r.share(&f.MaxUnknown),
		"flags":       func(n *yaml.Node) { f.Flags = r.settings(n) },
		"matrix":      func(n *yaml.Node) { f.Axes = r.axes(n) },
		"exclude":     func(n *yaml.Node) { r.List(n, func(e *yaml.Node) { excludes = append(excludes, e) }) },
		"controls":    func(n *yaml.Node) { f.Controls = r.controls(n) },
	})
	for _, n := range excludes { // once all axes are known
		if x := r.exclude(n, f.Axes); x != nil {
			f.Excludes = append(f.Excludes, x)
		}
	}
	for _, s := range f.Flags {
		for _, a := range f.Axes {
			if slices.ContainsFunc(a.Values, func(v Value) bool {
				return slices.ContainsFunc(v.Settings, func(o Setting) bool { return o.Name == s.Name })
			}) {
				r.Errorf(root, "%s is one of the flags, and set by the axis %s: leave one of them out", s.Name, a.Name)
			}
		}
	}
	if len(r.Errs) == 0 {
		if _, err := Combine(f.Axes, f.Excludes); err != nil {
			r.Errorf(root, "%w", err)
		}
	}
	return &f
}

// setting checks that a flag takes a value.
func (r *reader) setting(n *yaml.Node, s Setting) Setting {
	if err := r.set(s); err != nil {
		r.Errorf(n, "%w", err)
	}
	return s
}

// flag checks that there is a flag of a name.
func (r *reader) flag(n *yaml.Node, name string) bool {
	switch {
	case slices.Contains(r.flags, name):
		return true
	case slices.Contains([]string{"seed", "results", "entry"}, name):
		r.Errorf(n, "%s is the night's own to set for each run: leave it out", name)
	default:
		r.Errorf(n, "unknown flag %q: usurper run --help lists them: %s", name, document.Suggest(name, r.flags))
	}
	return false
}

// settings reads a mapping of flags to values.
func (r *reader) settings(n *yaml.Node) (all []Setting) {
	r.Entries(n, func(key, value *yaml.Node) {
		if v, ok := r.Scalar(value); ok && r.flag(key, key.Value) {
			all = append(all, r.setting(value, Setting{key.Value, v}))
		}
	})
	return all
}

func (r *reader) axes(n *yaml.Node) (all []Axis) {
	r.Entries(n, func(key, value *yaml.Node) {
		a := Axis{Name: key.Value}
		known := true // or it was said
		if document.IsNull(value) {
			value.Kind = yaml.SequenceNode // of nothing
		}
		r.List(value, func(e *yaml.Node) {
			v := r.value(key, e, &known)
			if slices.ContainsFunc(a.Values, func(o Value) bool { return o.Name == v.Name }) && v.Name != "" {
				r.Errorf(e, "two values of %s are called %s: give one a name of its own", a.Name, v.Name)
			}
			a.Values = append(a.Values, v)
		})
		if len(a.Values) == 0 {
			r.Errorf(value, "the axis %s has no value: give it one, or leave it out", a.Name)
		}
		all = append(all, a)
	})
	return all
}

// value reads a value of an axis: that of the flag which is called like the axis, null for
// that flag left alone, or a mapping that gives it a weight, or other flags and a name.
func (r *reader) value(axis, n *yaml.Node, known *bool) Value {
	v := Value{Weight: 1}
	plain := func(n *yaml.Node) {
		if *known && !r.flag(axis, axis.Value) {
			*known = false // said once
		}
		if v.Name = unset; document.IsNull(n) {
			return
		}
		text, ok := r.Scalar(n)
		if v.Name = text; ok && *known {
			v.Settings = []Setting{r.setting(n, Setting{axis.Value, text})}
		}
	}
	if n.Kind != yaml.MappingNode {
		plain(n)
		return v
	}
	var value, flags *yaml.Node
	name := ""
	r.Mapping(n, document.Fields{
		"value":  func(n *yaml.Node) { value = n },
		"flags":  func(n *yaml.Node) { flags = n },
		"name":   r.Text(&name),
		"weight": r.Number(&v.Weight, 1, 1000),
	})
	switch {
	case (value == nil) == (flags == nil):
		r.Errorf(n, "a value of the axis %s has a value of that flag, or flags and a name: give one of them", axis.Value)
	case value != nil:
		plain(value)
	case name == "":
		r.Errorf(n, "a value with flags of its own needs a name, for reports")
	default:
		v.Settings = r.settings(flags)
	}
	if name != "" {
		v.Name = name
	}
	return v
}

func (r *reader) exclude(n *yaml.Node, axes []Axis) Exclude {
	x := make(Exclude)
	r.Entries(n, func(key, value *yaml.Node) {
		r.List(value, func(e *yaml.Node) {
			text := unset
			if !document.IsNull(e) {
				text, _ = r.Scalar(e)
			}
			x[key.Value] = append(x[key.Value], text)
		})
	})
	if len(x) == 0 {
		r.Errorf(n, "an exclude of nothing: name the values of axes that are left out together")
	}
	if err := x.check(axes); err != nil {
		r.Errorf(n, "%w", err)
		return nil
	}
	return x
}

func (r *reader) controls(n *yaml.Node) (c Controls) {
	if n.Kind == yaml.ScalarNode {
		c.Usual = r.Word(n, "usual", "none") == "usual"
		return c
	}
	r.List(n, func(e *yaml.Node) {
		if e.Kind == yaml.ScalarNode {
			c.Usual = r.Word(e, "usual") == "usual"
			return
		}
		var s ControlSpec
		r.Mapping(e, document.Fields{
			"name":    r.Text(&s.Name),
			"checker": func(n *yaml.Node) { s.Checker = r.checker(n) },
			"flags":   func(n *yaml.Node) { s.Settings = r.settings(n) },
		})
		if s.Checker == "" || len(s.Settings) == 0 {
			r.Errorf(e, "a control has a checker and the flags of a system that it must call invalid: give both")
		}
		if s.Name == "" {
			for _, f := range s.Settings {
				s.Name += f.String() + " "
			}
			s.Name += "for " + s.Checker
		}
		if slices.ContainsFunc(c.List, func(o ControlSpec) bool { return o.Name == s.Name }) {
			r.Errorf(e, "two controls are called %q: give one a name of its own", s.Name)
		}
		c.List = append(c.List, s)
	})
	return c
}

func (r *reader) checker(n *yaml.Node) string {
	name, ok := r.Scalar(n)
	if ok && !slices.Contains(r.checkers, name) {
		r.Errorf(n, "there is no checker %q: %s", name, document.Suggest(name, r.checkers))
	}
	return name
}

func (r *reader) until(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := r.Scalar(n)
		if _, err := clock(text); ok && err != nil {
			r.Errorf(n, "%q: use a time of the day in quotes, such as \"06:00\"", text)
		}
		*into = text
	}
}

func (r *reader) seed(into *uint64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := strconv.ParseUint(n.Value, 10, 64)
		if n.Kind != yaml.ScalarNode || err != nil || v == 0 {
			r.Errorf(n, "%q: use a positive number, or leave it out for the seed of the day", n.Value)
		}
		*into = v
	}
}

func (r *reader) parallel(into *string) func(*yaml.Node) {
	return func(n *yaml.Node) {
		text, ok := r.Scalar(n)
		if _, err := ParseParallel(text); ok && err != nil {
			r.Errorf(n, "%w", err)
		}
		*into = text
	}
}

// ParseParallel reads how many runs go on side by side: a number, or "auto", which is 0.
func ParseParallel(text string) (int, error) {
	if text == "auto" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > maxParallel {
		return 0, fmt.Errorf("%q runs side by side: use a number from 1 to %d, or auto", text, maxParallel)
	}
	return n, nil
}

// maxParallel bounds how many runs go on side by side.
const maxParallel = 250

func (r *reader) share(into **float64) func(*yaml.Node) {
	return func(n *yaml.Node) {
		v, err := strconv.ParseFloat(n.Value, 64)
		if n.Kind != yaml.ScalarNode || err != nil || !(v >= 0 && v <= 1) {
			r.Errorf(n, "%q: use a share from 0 to 1, such as 0.02", n.Value)
			return
		}
		*into = &v
	}
}
