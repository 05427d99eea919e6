package nights

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cli/setup"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/target/reference"
)

// Every checker that can say that a rule is broken has a usual control, but for those
// for which the reference node has nothing to judge.
func TestUsualControls(t *testing.T) {
	all, err := controls(t.Context(), &night.File{Controls: night.Controls{Usual: true}}, nil, func(string) {})
	require.NoError(t, err)
	without := setup.CheckerNames()
	for _, c := range all {
		require.True(t, strings.HasPrefix(c.Name, c.Checker+"-"), c.Name)
		require.Contains(t, without, c.Checker, "one is enough")
		without = slices.DeleteFunc(without, func(name string) bool { return name == c.Checker })
	}
	require.Equal(t, []string{"transactions", "lost", "divergence", "autopsy", "assertions", "coverage"}, without)

	own := night.ControlSpec{Name: all[0].Name, Checker: "votes", Settings: []night.Setting{{Name: "bug", Value: "double-vote"}}}
	_, err = controls(t.Context(), &night.File{Controls: night.Controls{Usual: true, List: []night.ControlSpec{own}}}, nil, func(string) {})
	require.ErrorContains(t, err, "one of the usual ones is called so")
	own.Name = "own"
	file := &night.File{Flags: []night.Setting{{Name: "rate", Value: "77"}}, Controls: night.Controls{Usual: true, List: []night.ControlSpec{own}}}
	both, err := controls(t.Context(), file, nil, func(string) {})
	require.NoError(t, err)
	require.Equal(t, all, both[:len(all)], "flags of the file are for its own")
	require.Contains(t, both[len(all)].Cell.Args, "--rate=77")
}

// Nights whose members have disks of their own have controls on such.
func TestUsualControlsOnDisks(t *testing.T) {
	specs, err := night.Usual(cellFlags(), setsFlag(), setup.CheckerNames())
	require.NoError(t, err)
	names := func(cells ...night.Cell) (all []string) {
		for _, s := range suited(specs, cells) {
			if s.Checker == "lost" {
				all = append(all, s.Name)
			}
		}
		return all
	}
	require.Empty(t, names(night.Cell{Args: []string{"--disk=plain"}}))
	require.Equal(t, []string{"lost-write-without-sync"}, names(night.Cell{Args: []string{"--disk=xfs"}}))
	require.Equal(t, []string{"lost-write-without-sync", "lost-etcd-no-fsync"}, names(night.Cell{Args: []string{"--target=etcd", "--disk=ext4"}}))
}

// Nights of other systems have the controls of those, of the build that is attacked.
func TestUsualControlsOfASystem(t *testing.T) {
	specs, err := night.Usual(cellFlags(), setsFlag(), setup.CheckerNames())
	require.NoError(t, err)
	reference := suited(specs, nil)
	require.Equal(t, reference, suited(specs, []night.Cell{{Args: []string{"--target=etcd"}}, {Args: []string{"--nodes=3"}}}))
	for system, checkers := range map[string][]string{
		"ovsdb": {"set", "linearizable"}, "nats": {"set", "linearizable"}, "zookeeper": {"linearizable", "linearizable"},
	} {
		of := "--target=" + system
		cells := []night.Cell{{}, {Args: []string{of, "--version=v2.15.2", "--nodes=5"}}, {Args: []string{of, "--version=v2.12.15"}}}
		all := suited(specs, cells)
		require.Equal(t, reference, all[:len(reference)])
		var own []string
		for _, s := range all[len(reference):] {
			require.True(t, strings.HasPrefix(s.Name, s.Checker+"-"+system+"-"), s.Name)
			version, _ := said(s.Settings, "version")
			require.Equal(t, "v2.15.2", version, s.Name)
			own = append(own, s.Checker)
		}
		require.Equal(t, checkers, own, system)
	}
}

// Each usual control is called invalid by its own checker.
func TestUsualControlsAreRed(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute")
	}
	t.Parallel()
	binary := reference.Reenter()
	specs, err := night.Usual(cellFlags(), setsFlag(), setup.CheckerNames())
	require.NoError(t, err)
	for _, s := range suited(specs, nil) {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			decided := false
			for try := range uint64(5) { // as a night does
				e := tried(t, s, binary, try+1)
				if slices.ContainsFunc(e.Breaches, func(b entry.Breach) bool { return b.Checker == s.Checker }) {
					return
				}
				decided = decided || e.Class != entry.Unknown || e.Stalled == 0
			}
			if !decided {
				t.Skip("the machine stalls: no run came to a verdict")
			}
			require.Fail(t, "stayed green")
		})
	}
}

// tried runs the system of a control.
func tried(t *testing.T, s night.ControlSpec, binary string, seed uint64) entry.Entry {
	_, cfg, err := newCell(context.Background(), night.Combination{}, append(slices.Clone(s.Settings), night.Setting{Name: "binary", Value: binary}), func(string) {})
	require.NoError(t, err)
	cfg.Seed, cfg.Results = seed, filepath.Join(t.TempDir(), "results")
	result, err := engine.Run(t.Context(), cfg)
	e := night.Told(cfg, result, err)
	t.Logf("seed %d: %s: %s", seed, e.Class, e.Why)
	return e
}
