package finding_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/finding"
)

var monday = time.Date(2026, 11, 30, 22, 0, 0, 0, time.UTC)

// nightOf is a shard of the n-th night, in which the first runs broke the rules.
func nightOf(n, shard, runs, bad int, broken ...entry.Breach) (entry.Facts, []entry.Entry) {
	begun := monday.AddDate(0, 0, n)
	f := entry.Facts{Night: begun.Format(time.DateOnly), Begun: begun.Add(time.Duration(shard) * time.Minute), Shard: shard, Shards: 2, Seed: 7}
	var log []entry.Entry
	for i := range runs {
		e := entry.Entry{
			Number: 2*i + shard, Night: f.Night, Cell: "reference", Axes: map[string]string{"target": "reference"},
			Seed: uint64(i), Class: entry.Valid, Started: f.Begun.Add(time.Duration(i) * time.Second), System: "v1",
		}
		if i < bad {
			e.Class, e.Breaches = entry.Invalid, broken
		}
		log = append(log, e)
	}
	return f, log
}

var (
	twoVotes  = entry.Breach{Checker: "votes", Rule: "two votes in one term", Shape: "a:vote(1)", Text: "n1 voted twice in term 2: for n1 and for n2"}
	staleRead = entry.Breach{Checker: "linearizable", Rule: "not linearizable", Shape: "clients", Text: "key r0: …"}
)

func open(t *testing.T, dir string) *finding.Store {
	t.Helper()
	s, err := finding.Open(dir)
	require.NoError(t, err)
	return s
}

func put(t *testing.T, s *finding.Store, f entry.Facts, log []entry.Entry) {
	t.Helper()
	require.NoError(t, s.Put(f, log))
}

func report(t *testing.T, s *finding.Store, as string) finding.Report {
	t.Helper()
	r, err := s.Read(as, monday)
	require.NoError(t, err)
	return r
}

// A finding is new, then ongoing, resolved once it was not seen for long enough, and
// regressed when it comes back; of each night it is told as it was then.
func TestStatuses(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "findings"))
	require.Empty(t, report(t, s, "").Findings, "there is none yet")
	bad := []int{0, 5, 2, 0, 0, 0, 0, 2, 0}
	want := []finding.Status{"", finding.New, finding.Ongoing, finding.Ongoing, finding.Resolved, finding.Resolved, finding.Resolved, finding.Regressed, finding.Ongoing}
	for n, k := range bad {
		f, log := nightOf(n, 1, 40, k, twoVotes, staleRead)
		put(t, s, f, log)
	}
	for n, status := range want {
		r := report(t, s, monday.AddDate(0, 0, n).Format(time.DateOnly))
		if status == "" {
			require.Empty(t, r.Findings)
			continue
		}
		require.Len(t, r.Findings, 1, "what is broken too is no finding of its own")
		f := r.Findings[0]
		require.Equal(t, status, f.Status, "night %d: %+v", n, f.Rate)
		require.Equal(t, bad[n], f.Tonight)
		require.Equal(t, []string{"linearizable: not linearizable"}, f.Also)
	}
	f := report(t, s, "").Findings[0]
	require.Equal(t, finding.Rate{K: 2, N: 40, Quiet: 40, Needs: 138}, f.Rate, "since it is back")
	require.Equal(t, "2026-12-01", f.First.Night)
	require.Equal(t, "2026-12-07", f.Last.Night)
	require.Less(t, f.Low, 0.05)
	require.Greater(t, f.High, 0.05)
	_, err := s.Read("2026-12-09", monday)
	require.ErrorContains(t, err, `knows no night "2026-12-09" (did you mean 2026-12-`)
}

// A night of all deliberate bugs, whose names are not in the entries: each run is in one
// finding, and whoever shares one is told that it may be several bugs.
func TestNightOfBugs(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "findings"))
	facts, _ := nightOf(0, 1, 0, 0)
	var log []entry.Entry
	bugs := make(map[string][]string) // by finding
	for name, r := range judged(t) {
		e := entry.Entry{Number: len(log) + 1, Night: facts.Night, Cell: "reference", Axes: map[string]string{"target": "reference"}, Class: entry.Invalid, Breaches: finding.Breaches(r)}
		sig, ok := finding.SignatureOf(e)
		require.True(t, ok)
		bugs[sig.ID()] = append(bugs[sig.ID()], name)
		log = append(log, e)
	}
	put(t, s, facts, log)
	r := report(t, s, "")
	require.Len(t, r.Findings, len(bugs), "what is broken too has none of its own")
	seen := 0
	for _, f := range r.Findings {
		require.Equal(t, len(bugs[f.ID]) > 1, f.Several != "", "%v", bugs[f.ID])
		seen += len(bugs[f.ID])
	}
	require.Equal(t, len(log), seen)
	require.Greater(t, len(bugs), 15)
}

// It does not matter in which order shards come, nor how often, nor through how many
// stores.
func TestMerge(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole, one, two := open(t, filepath.Join(dir, "whole")), open(t, filepath.Join(dir, "1")), open(t, filepath.Join(dir, "2"))
	fa, a := nightOf(0, 1, 30, 4, twoVotes)
	fb, b := nightOf(0, 2, 30, 2, staleRead)
	put(t, one, fa, a[:10])
	require.NoError(t, two.Merge(one), "while it goes on")
	put(t, one, fa, a)
	put(t, two, fb, b)
	put(t, whole, fb, b)
	for n := range a {
		put(t, whole, fa, a[:n+1])
	}
	require.NoError(t, one.Merge(two))
	require.NoError(t, two.Merge(one))
	require.NoError(t, two.Merge(one))
	require.Len(t, report(t, whole, "").Findings, 2)
	require.Equal(t, report(t, whole, "").Findings, report(t, one, "").Findings)
	require.Equal(t, report(t, whole, "").Findings, report(t, two, "").Findings)
	require.Equal(t, files(t, one), files(t, two))
}

// Git joins what two machines have added to one finding.
func TestGitMerges(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git")
	}
	dir := t.TempDir()
	git := func(args ...string) {
		cmd := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=x", "-c", "user.email=x@y", "-c", "commit.gpgsign=false"}, args...)...)
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, string(out))
	}
	s := open(t, filepath.Join(dir, "findings"))
	add := func(night, shard, bad int, broken entry.Breach) {
		f, log := nightOf(night, shard, 20, bad, broken)
		put(t, s, f, log)
		git("add", "-A")
		git("commit", "-qm", "a night")
	}
	git("init", "-q", "-b", "main")
	add(0, 1, 3, twoVotes)
	git("checkout", "-qb", "other")
	add(1, 1, 2, twoVotes)
	git("checkout", "-q", "main")
	add(1, 2, 5, twoVotes)
	add(2, 2, 1, staleRead)
	git("merge", "-q", "-m", "both", "other")
	r := report(t, open(t, s.Dir()), "")
	require.Empty(t, r.Damaged)
	require.Len(t, r.Findings, 2)
	f, err := r.Find("votes")
	require.NoError(t, err)
	require.Equal(t, 10, f.Rate.K)
	require.Equal(t, 60, f.Rate.N)
	require.Equal(t, 20, f.Rate.Quiet)
}

func files(t *testing.T, s *finding.Store) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(s.Dir(), func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		all[strings.TrimPrefix(path, s.Dir())] = string(text)
		return err
	}))
	return all
}

func TestTwoWriters(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "findings")
	var wg sync.WaitGroup
	for shard := 1; shard <= 2; shard++ {
		s := open(t, dir)
		wg.Go(func() {
			f, log := nightOf(0, shard, 20, 5, twoVotes)
			for n := range log {
				if err := s.Put(f, log[:n+1]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	r := report(t, open(t, dir), "")
	require.Empty(t, r.Damaged)
	require.Len(t, r.Findings, 1)
	require.Equal(t, 10, r.Findings[0].Rate.K)
	require.Equal(t, 40, r.Findings[0].Rate.N)
}

func TestOtherDirectories(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "README"), []byte("mine"), 0o644))
	_, err := finding.Open(dir)
	require.ErrorIs(t, err, finding.ErrNotAStore)
	require.ErrorContains(t, err, "it has README and no usurper-findings.json")
	mark := filepath.Join(dir, "usurper-findings.json")
	for text, want := range map[string]string{
		`{"format":9}`: "format 9 is newer than this usurper, which knows 1",
		`{"form`:       "usurper-findings.json is damaged, or was not written to its end",
		`{}`:           "names no format",
	} {
		require.NoError(t, os.WriteFile(mark, []byte(text), 0o644))
		_, err = finding.Open(dir)
		require.ErrorContains(t, err, want)
	}
	_, err = finding.Open(mark)
	require.Error(t, err)
}

// A file that was cut short is told by its name; all others still count.
func TestDamage(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "findings"))
	for n := range 3 {
		f, log := nightOf(n, 1, 10, 2, twoVotes)
		put(t, s, f, log)
	}
	f, log := nightOf(3, 1, 10, 2, staleRead)
	put(t, s, f, log)
	for name, text := range files(t, s) {
		if strings.HasSuffix(name, "findings.json") {
			continue
		}
		path := filepath.Join(s.Dir(), name)
		for _, cut := range []string{"", text[:len(text)/2]} {
			require.NoError(t, os.WriteFile(path, []byte(cut), 0o644))
			r := report(t, s, "")
			require.Len(t, r.Damaged, 1, name)
			require.Contains(t, r.Damaged[0], path)
			require.NotEmpty(t, r.Findings)
		}
		require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	}
	put(t, s, f, log)
	for _, name := range []string{".new-17", filepath.Join("nights", ".new-18"), filepath.Join(report(t, s, "").Findings[0].ID, "seen", ".new-19")} {
		require.NoError(t, os.WriteFile(filepath.Join(s.Dir(), name), []byte("{"), 0o644), "what a killed writer left")
	}
	require.Empty(t, report(t, open(t, s.Dir()), "").Damaged)
	require.NoError(t, os.Mkdir(filepath.Join(s.Dir(), "stray"), 0o755))
	require.Contains(t, report(t, s, "").Damaged[0], "stray has no signature.json")
}

// Two signatures of one ID are two findings.
func TestClash(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "findings"))
	f, log := nightOf(0, 1, 10, 2, twoVotes)
	put(t, s, f, log)
	id := report(t, s, "").Findings[0].ID
	path := filepath.Join(s.Dir(), id, "signature.json")
	require.NoError(t, os.WriteFile(path, []byte(`{"target":"reference","checker":"votes","rule":"another","shape":""}`), 0o644))
	put(t, s, f, log)
	r := report(t, s, "")
	require.Len(t, r.Findings, 2)
	_, err := r.Find(id)
	require.NoError(t, err, "its whole name is not the beginning of the other's")
	_, err = r.Find(id[:7])
	require.ErrorContains(t, err, "2 findings begin with")
}

func TestSaid(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "findings"))
	for n, bad := range []int{3, 0, 0, 0, 3} {
		f, log := nightOf(n, 1, 40, bad, twoVotes)
		put(t, s, f, log)
	}
	r := report(t, s, "")
	f, err := r.Find("votes")
	require.NoError(t, err)
	require.Equal(t, finding.Regressed, f.Status)
	require.True(t, f.Fails())
	require.ErrorContains(t, s.SetMute(f, "tomorrow", "", monday), `"tomorrow" is no day: write it as 2026-12-14`)
	require.ErrorContains(t, s.SetMute(f, "2026-11-29", "", monday), "is over")
	require.NoError(t, s.SetMute(f, "2026-12-02", "known", monday))
	require.NoError(t, s.Label(f, "the vote of Monday"))
	f = &report(t, s, "").Findings[0]
	require.True(t, f.Muted)
	require.False(t, f.Fails(), "not even if it has regressed")
	require.Equal(t, "the vote of Monday", f.Label)
	over, err := s.Read("", monday.AddDate(0, 0, 3))
	require.NoError(t, err)
	require.True(t, over.Findings[0].MuteOver())
	require.True(t, over.Findings[0].Fails())
	require.NoError(t, s.Unmute(f))
	require.NoError(t, s.Unmute(f), "twice does no harm")
	require.NoError(t, s.Label(f, ""))
	f = &report(t, s, "").Findings[0]
	require.Nil(t, f.Mute)
	require.Empty(t, f.Label)
	_, err = r.Find("votse")
	require.ErrorContains(t, err, `there is no finding "votse"`)
}
