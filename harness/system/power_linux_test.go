package system

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/nemesis"
)

// volume is a disk that does as it is told.
type volume struct {
	dir   string
	mu    sync.Mutex
	kept  []disk.Keep
	takes bool // everything that is on it
	back  disk.Restored
	err   error
}

func (v *volume) Dir() string   { return v.dir }
func (v *volume) Settle() error { return nil }
func (v *volume) Close() error  { return nil }

func (v *volume) Cut(k disk.Keep) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.kept = append(v.kept, k)
	if v.takes {
		return os.RemoveAll(filepath.Join(v.dir, "log"))
	}
	return nil
}

func (v *volume) Restore(context.Context) (disk.Restored, error) { return v.back, v.err }

type page struct{ bytes.Buffer }

func (*page) Close() error { return nil }

// withDisks is three members with a disk each, with a file on all but n3's.
func withDisks(t *testing.T) (s *system, disks map[string]*volume, told *page, spoilt *[]error) {
	t.Helper()
	o, _, _ := startClub(t, &club{})
	told, spoilt = &page{}, new([]error)
	s = &system{
		cluster: o.cluster, rec: history.NewRecorder(told), disks: make(map[string]disk.Volume), operator: o,
		spoilt: func(err error) { *spoilt = append(*spoilt, err) },
	}
	disks = make(map[string]*volume)
	for _, name := range o.cluster.Names() {
		v := &volume{dir: t.TempDir(), back: disk.Restored{Bit: true, Flushes: -1, Unflushed: -1}}
		if name != "n3" {
			require.NoError(t, os.WriteFile(filepath.Join(v.dir, "log"), []byte("x"), 0o644))
		}
		disks[name], s.disks[name] = v, v
	}
	return s, disks, told, spoilt
}

func TestCutPower(t *testing.T) {
	s, disks, _, _ := withDisks(t)
	disks["n2"].back = disk.Restored{Bit: true, Flushes: 0, Unflushed: 8192}
	out, err := s.CutPower(t.Context(), []string{"n1", "n2"}, nemesis.Keep{What: nemesis.KeepSome, Seed: 7}, false)
	require.NoError(t, err)
	require.Equal(t, nemesis.Outage{
		Down:     []string{"n1", "n2"},
		Evidence: map[string]int64{"pids-gone": 2, "canaries-lost": 2},
		Note:     "n2: flushed 0 times since it was mounted, 8192 bytes not flushed",
	}, out)
	require.Empty(t, disks["n3"].kept)
	require.Equal(t, nemesis.KeepSome, disks["n1"].kept[0].What)
	require.NotEqual(t, disks["n1"].kept, disks["n2"].kept, "they keep different blocks")
	require.NoError(t, s.Start(t.Context(), "n1"))
}

// Clients have their answers before a disk is held, and go on once the power is gone.
func TestCutPowerIsQuiet(t *testing.T) {
	s, disks, _, _ := withDisks(t)
	var calls []string
	s.lull = func(limit time.Duration) (int, func()) {
		calls = append(calls, fmt.Sprint("lull ", limit, " ", len(disks["n1"].kept)))
		return 2, func() { calls = append(calls, fmt.Sprint("resume ", len(disks["n1"].kept))) }
	}
	out, err := s.CutPower(t.Context(), []string{"n1", "n2"}, nemesis.Keep{What: nemesis.KeepNothing}, true)
	require.NoError(t, err)
	require.Equal(t, []string{"lull 100ms 0", "resume 1"}, calls[:2])
	require.Contains(t, out.Note, "operations under way that had no answer: 2")

	calls = nil
	_, err = s.CutPower(t.Context(), []string{"n1", "n2"}, nemesis.Keep{What: nemesis.KeepNothing}, false)
	require.NoError(t, err)
	require.Empty(t, calls)
}

// A member that keeps nothing on its disk loses nothing, and a disk whose canary survived
// did not lose its power.
func TestCutPowerTakesNothing(t *testing.T) {
	s, disks, _, _ := withDisks(t)
	disks["n1"].back.Bit = false
	out, err := s.CutPower(t.Context(), []string{"n1", "n3"}, nemesis.Keep{What: nemesis.KeepNothing}, false)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"pids-gone": 2, "canaries-survived": 1, "canaries-lost": 1, "disks-empty": 1}, out.Evidence)
	require.Contains(t, out.Note, "n3: nothing was written to the disk")
	require.False(t, nemesis.Evidence(out.Evidence).Bit())
}

// What counts is what was there when the power failed: that a disk is empty afterwards is
// what a power failure does.
func TestCutPowerTakesAll(t *testing.T) {
	s, disks, _, _ := withDisks(t)
	disks["n1"].takes, disks["n2"].takes = true, true
	out, err := s.CutPower(t.Context(), []string{"n1", "n2"}, nemesis.Keep{What: nemesis.KeepNothing}, false)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"pids-gone": 2, "canaries-lost": 2}, out.Evidence)
	require.Empty(t, out.Note)
	require.True(t, nemesis.Evidence(out.Evidence).Bit())
}

// A disk that lost what was synced, or does not come back, spoils the run, and its member
// is not started again.
func TestCutPowerSpoilsTheRun(t *testing.T) {
	for name, change := range map[string]func(v *volume){
		"the engine lied":   func(v *volume) { v.back.Lied = true },
		"structure needs …": func(v *volume) { v.err = errors.New("structure needs …") },
	} {
		s, disks, told, spoilt := withDisks(t)
		change(disks["n1"])
		out, err := s.CutPower(t.Context(), []string{"n1", "n2"}, nemesis.Keep{What: nemesis.KeepNames}, false)
		require.ErrorContains(t, err, name)
		require.Equal(t, []string{"n1", "n2"}, out.Down)
		require.Len(t, *spoilt, 1)
		require.NoError(t, s.rec.Close())
		require.Contains(t, told.String(), `"what":"spoilt","node":"n1"`)
		require.ErrorContains(t, s.Start(t.Context(), "n1"), name)
		require.NoError(t, s.Start(t.Context(), "n2"))
	}
}

func TestCutPowerOfNoDisk(t *testing.T) {
	s, _, _, _ := withDisks(t)
	delete(s.disks, "n2")
	_, err := s.CutPower(t.Context(), []string{"n1", "n2"}, nemesis.Keep{What: nemesis.KeepNothing}, false)
	require.ErrorIs(t, err, nemesis.ErrUnsupported)
	require.True(t, s.runs("n1"))
}

// holder is a disk whose flushes can be slowed down and held.
type holder struct {
	*volume
	note func(what string)
}

func (h *holder) Strain(time.Duration) { h.note("strain") }
func (h *holder) Holds() bool          { return true }
func (h *holder) Hold()                { h.note("hold") }
func (h *holder) Release()             { h.note("release") }

func (h *holder) Cut(k disk.Keep) error {
	h.note("cut")
	return h.volume.Cut(k)
}

// Flushes are held on all disks before the first of them is cut; and where a part of what
// is under way is kept, all of them are slow before that.
func TestCutPowerInTheMidstOfFlushes(t *testing.T) {
	for _, tt := range []struct {
		keep string
		want []string
	}{
		{nemesis.KeepNothing, []string{"hold", "hold", "cut", "cut"}},
		{nemesis.KeepSome, []string{"strain", "strain", "hold", "hold", "cut", "cut"}},
	} {
		s, disks, _, _ := withDisks(t)
		var mu sync.Mutex
		var done []string
		for name, v := range disks {
			s.disks[name] = &holder{v, func(what string) {
				mu.Lock()
				defer mu.Unlock()
				done = append(done, what)
			}}
		}
		_, err := s.CutPower(t.Context(), []string{"n1", "n2"}, nemesis.Keep{What: tt.keep}, false)
		require.NoError(t, err)
		require.Equal(t, tt.want, done)
	}
}
