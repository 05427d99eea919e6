package night

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/text"
)

// Setting is a flag of `usurper run` and its value.
type Setting struct{ Name, Value string }

// String is the argument that sets it.
func (s Setting) String() string { return "--" + s.Name + "=" + s.Value }

// Axis is one dimension of a matrix.
type Axis struct {
	Name   string
	Values []Value
}

// Value is one of an axis: a name, and the flags that make it so. One without flags
// leaves everything as it is.
type Value struct {
	Name     string
	Settings []Setting
	Weight   int // at least 1
}

// Exclude keeps those cells out of a matrix that have one of the values of each axis.
type Exclude map[string][]string

// Combination is a cell of a matrix before anybody has looked whether a run can be made
// of it.
type Combination struct {
	Name     string
	Axes     map[string]string
	Settings []Setting
	Weight   int
}

const (
	// maxCells bounds a matrix, maxRound the sum of its weights.
	maxCells = 1000
	maxRound = 10_000
)

// Combine returns the cells of a matrix, in the order of its axes. No axes are one cell
// without a name.
func Combine(axes []Axis, excludes []Exclude) ([]Combination, error) {
	count := 1
	for _, a := range axes {
		if count *= len(a.Values); count > maxCells {
			return nil, fmt.Errorf("a matrix of more than %d cells: leave values out", maxCells)
		}
	}
	all := []Combination{{Weight: 1}}
	for _, a := range axes {
		var next []Combination
		for _, c := range all {
			for _, v := range a.Values {
				next = append(next, c.with(a.Name, v))
			}
		}
		all = next
	}
	all = slices.DeleteFunc(all, func(c Combination) bool {
		return slices.ContainsFunc(excludes, func(x Exclude) bool { return x.meets(c.Axes) })
	})
	if len(all) == 0 {
		return nil, fmt.Errorf("a matrix of nothing: every cell is excluded")
	}
	round := 0
	for _, c := range all {
		round += c.Weight
	}
	if round > maxRound {
		return nil, fmt.Errorf("weights of %d in all, by which a cell may come once in as many runs: use smaller ones, up to %d", round, maxRound)
	}
	return all, nil
}

// with is the cell further along an axis.
func (c Combination) with(axis string, v Value) Combination {
	next := Combination{
		Name:     strings.TrimSpace(c.Name + " " + axis + "=" + v.Name),
		Axes:     map[string]string{axis: v.Name},
		Settings: append(slices.Clone(c.Settings), v.Settings...),
		Weight:   c.Weight * max(1, v.Weight),
	}
	maps.Copy(next.Axes, c.Axes)
	return next
}

// meets tells whether a cell is kept out.
func (x Exclude) meets(axes map[string]string) bool {
	for axis, values := range x {
		if !slices.Contains(values, axes[axis]) {
			return false
		}
	}
	return len(x) > 0
}

// check tells what in it the matrix lacks.
func (x Exclude) check(axes []Axis) error {
	for _, name := range slices.Sorted(maps.Keys(x)) {
		i := slices.IndexFunc(axes, func(a Axis) bool { return a.Name == name })
		if i < 0 {
			names := make([]string, len(axes))
			for i, a := range axes {
				names[i] = a.Name
			}
			return fmt.Errorf("the matrix has no axis %q%s", name, text.DidYouMean(name, names))
		}
		var values []string
		for _, v := range axes[i].Values {
			values = append(values, v.Name)
		}
		for _, v := range x[name] {
			if !slices.Contains(values, v) {
				return fmt.Errorf("the axis %s has no value %q%s", name, v, text.DidYouMean(v, values))
			}
		}
	}
	return nil
}
