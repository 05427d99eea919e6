package night_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night"
)

func read(t *testing.T, text string) (*night.File, error) {
	t.Helper()
	t.Chdir(t.TempDir())
	require.NoError(t, os.WriteFile("night.yaml", []byte(text), 0o644))
	return night.ReadFile("night.yaml", []string{"target", "for", "rate", "nodes", "plan", "vary", "pre-vote", "bug"}, numeric, []string{"votes", "stale-log", "set"})
}

// numeric takes numbers alone for a rate.
func numeric(s night.Setting) error {
	if _, err := strconv.Atoi(s.Value); s.Name == "rate" && err != nil {
		return fmt.Errorf("%s is no rate", s.Value)
	}
	return nil
}

func names(t *testing.T, f *night.File) (all []string) {
	t.Helper()
	cells, err := night.Combine(f.Axes, f.Excludes)
	require.NoError(t, err)
	for _, c := range cells {
		all = append(all, c.Name)
	}
	return all
}

// The file that --init writes is one.
func TestExampleFile(t *testing.T) {
	f, err := read(t, night.Example)
	require.NoError(t, err)
	require.Equal(t, time.Hour, f.For)
	require.Equal(t, "auto", f.Parallel)
	require.InDelta(t, 0.02, *f.MaxUnknown, 1e-9)
	require.Equal(t, []string{
		"system=five plan=random vary=-", "system=five plan=random vary=true", "system=five plan=kills vary=-",
		"system=pre-vote plan=random vary=-", "system=pre-vote plan=random vary=true", "system=pre-vote plan=kills vary=-",
	}, names(t, f))
	cells, err := night.Combine(f.Axes, f.Excludes)
	require.NoError(t, err)
	require.Equal(t, night.Combination{
		Name: "system=pre-vote plan=random vary=true", Weight: 3,
		Axes:     map[string]string{"system": "pre-vote", "plan": "random", "vary": "true"},
		Settings: []night.Setting{{"target", "reference"}, {"nodes", "5"}, {"pre-vote", "true"}, {"plan", "random"}, {"vary", "true"}},
	}, cells[4])
}

func TestMatrix(t *testing.T) {
	f, err := read(t, "matrix:\n  nodes: [3, 5]\n  plan: random\nexclude:\n  - {nodes: [3, 4], plan: random}\n")
	require.ErrorContains(t, err, `night.yaml:5: the axis nodes has no value "4"`)
	require.Nil(t, f)
	f, err = read(t, "runs: 3\n")
	require.NoError(t, err)
	require.Equal(t, []string{""}, names(t, f), "one cell without a name")
	f, err = read(t, "controls:\n  - checker: votes\n    flags: {bug: double-vote}\n  - {name: old, checker: set, flags: {bug: b, nodes: 3}}\n")
	require.NoError(t, err)
	require.Equal(t, []night.ControlSpec{
		{Name: "--bug=double-vote for votes", Checker: "votes", Settings: []night.Setting{{"bug", "double-vote"}}},
		{Name: "old", Checker: "set", Settings: []night.Setting{{"bug", "b"}, {"nodes", "3"}}},
	}, f.Controls.List)
	f, err = read(t, "controls: [usual, {checker: set, flags: {bug: b}}]\n")
	require.NoError(t, err)
	require.True(t, f.Controls.Usual)
	require.Len(t, f.Controls.List, 1)
	for text, usual := range map[string]bool{"controls: none\n": false, "controls: usual\n": true, "runs: 1\n": false} {
		f, err = read(t, text)
		require.NoError(t, err)
		require.Equal(t, night.Controls{Usual: usual}, f.Controls)
	}
}

// A file tells all that is wrong with it, each with its line.
func TestRefusedFiles(t *testing.T) {
	for text, want := range map[string]string{
		"":                                     "night.yaml:1: the file is empty: usurper nightly --init",
		"runs: 3\nrnus: 4\n":                   `night.yaml:2: unknown field "rnus": did you mean "runs"?`,
		"runs: 0\n":                            `night.yaml:1: "0": use a whole number from 1`,
		"until: late\n":                        `night.yaml:1: "late": use a time of the day in quotes, such as "06:00"`,
		"parallel: many\n":                     `night.yaml:1: "many" runs side by side: use a number from 1 to 250, or auto`,
		"max-unknown: 2\n":                     `night.yaml:1: "2": use a share from 0 to 1`,
		"seed: -4\n":                           `night.yaml:1: "-4": use a positive number`,
		"flags: {raet: 4}\n":                   `night.yaml:1: unknown flag "raet": usurper run --help lists them: did you mean "rate"?`,
		"flags: {seed: 4}\n":                   `night.yaml:1: seed is the night's own to set for each run`,
		"matrix:\n  nodse: [3]\n":              `night.yaml:2: unknown flag "nodse": usurper run --help lists them: did you mean "nodes"?`,
		"matrix:\n  nodes: [3, 3]\n":           "night.yaml:2: two values of nodes are called 3",
		"matrix:\n  nodes: []\n":               "night.yaml:2: the axis nodes has no value",
		"matrix:\n  a: [{name: x}]\n":          "night.yaml:2: a value of the axis a has a value of that flag, or flags and a name",
		"matrix:\n  a: [{flags: {for: 3s}}]\n": "night.yaml:2: a value with flags of its own needs a name",
		"flags: {nodes: 3}\nmatrix: {nodes: [3, 5]}\n":   "nodes is one of the flags, and set by the axis nodes",
		"matrix: {nodes: 3}\nexclude:\n  - {nodes: 3}\n": "night.yaml:1: a matrix of nothing: every cell is excluded",
		"matrix: {nodes: 3}\nexclude: {node: 3}\n":       `night.yaml:2: the matrix has no axis "node" (did you mean nodes?)`,
		"controls: usal\n": `night.yaml:1: "usal": use usual or none`,
		"controls: [{checker: vots, flags: {bug: b}}]\n": `night.yaml:1: there is no checker "vots": did you mean "votes"?`,
		"controls: [usal]\n":                             `night.yaml:1: "usal": use usual`,
		"controls: [{checker: votes}]\n":                 "night.yaml:1: a control has a checker and the flags of a system",
		"a: [":                                           "night.yaml:",
		"runs: 1\n---\nruns: 2\n":                        "night.yaml:1: more than one document: keep one",
		"runs: 3\nflags: {rate: fast}\n":                 "night.yaml:2: fast is no rate",
		"matrix:\n  rate: [3, fast]\n":                   "night.yaml:2: fast is no rate",
		"matrix:\n  nodes:\n":                            "night.yaml:2: the axis nodes has no value",
		"exclude: [{}]\n":                                "night.yaml:1: an exclude of nothing",
		"flags: &f {nodes: 3}\nmatrix: {a: [{name: b, flags: {<<: *f}}]}\n": "night.yaml:2: << is not understood here",
		"matrix: {nodes: [" + strings.Repeat("[3],", 2) + "]}\n":            "night.yaml:1: want a single value",
	} {
		f, err := read(t, text)
		require.ErrorContains(t, err, want, text)
		require.Nil(t, f)
	}
	_, err := read(t, "rnus: 3\nseed: x\n")
	require.ErrorContains(t, err, "night.yaml:1: ")
	require.ErrorContains(t, err, "night.yaml:2: ", "everything at once")
	_, err = night.ReadFile(filepath.Join(t.TempDir(), "none"), nil, nil, nil)
	require.ErrorContains(t, err, "read the file of a night: ")

	var wide night.Axis
	for i := range 40 {
		wide.Values = append(wide.Values, night.Value{Name: strings.Repeat("x", i), Weight: 1000})
	}
	_, err = night.Combine([]night.Axis{wide, wide}, nil)
	require.ErrorContains(t, err, "a matrix of more than 1000 cells")
	_, err = night.Combine([]night.Axis{wide}, nil)
	require.ErrorContains(t, err, "weights of 40000 in all")
}
