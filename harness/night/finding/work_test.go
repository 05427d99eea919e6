package finding

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target/reference"
	"github.com/usurper/usurper/nemesis"
)

// bench is a night whose runs are those of the corpus, and work on it that makes no run.
type bench struct {
	*testing.T
	store *Store
	log   []entry.Entry
	facts entry.Facts
	did   []string
	again map[string]int      // by rule, how many of ten runs fail again
	share bool                // a smallest plan breaks the rule in the others' systems, too
	plans map[string][]string // by rule, what shrinking ends with, one after the other
}

func newBench(t *testing.T, runs ...string) *bench {
	s, err := Open(filepath.Join(t.TempDir(), "findings"))
	require.NoError(t, err)
	b := &bench{T: t, store: s, again: make(map[string]int)}
	b.facts = entry.Facts{Night: "Monday 1", Begun: time.Unix(1000, 0), Shard: 1, Shards: 1}
	for i, name := range runs {
		dir := filepath.Join("..", "..", "..", "results", "corpus", name)
		h, err := history.Open(filepath.Join(dir, "history.jsonl.gz"))
		require.NoError(t, err)
		report, err := checker.Run(checker.All(verdict.Options{}), h.Events())
		require.NoError(t, err)
		require.NoError(t, h.Close())
		e := entry.Entry{
			Number: i + 1, Night: b.facts.Night, Cell: "reference", Axes: map[string]string{"target": "reference"},
			Class: entry.Invalid, Breaches: Breaches(report), Dir: dir, Args: []string{"run", "--seed=7", "--binary=./old"}, Started: b.facts.Begun.Add(time.Duration(i) * time.Minute),
		}
		b.log = append(b.log, e)
		require.NoError(t, s.Put(b.facts, b.log))
		_, err = s.Keep(e)
		require.NoError(t, err)
	}
	return b
}

func (b *bench) options() WorkOptions {
	return WorkOptions{
		Budget: time.Hour,
		Build: func(_ context.Context, cfg *engine.Config, saved json.RawMessage, run Sighting) error {
			require.Equal(b, "./old", run.Binary())
			var o reference.Options
			if err := json.Unmarshal(saved, &o); err != nil {
				return err
			}
			o.Binary = os.Args[0]
			var err error
			cfg.Target, err = reference.New(o)
			return err
		},
		repeat: func(_ context.Context, f reproduce.Finding, o WorkOptions) (reproduce.Count, error) {
			b.did = append(b.did, "repeat "+f.Breach.String())
			require.True(b, f.Same(f.Violation))
			return reproduce.Count{Reproduced: b.again[f.Breach.Rule], Runs: o.Times}, nil
		},
		trial: func(_ context.Context, t reproduce.Trial) (reproduce.Count, error) {
			require.Equal(b, engine.ShrunkPlan, t.Config.PlanName)
			if !b.share {
				return reproduce.Count{Runs: 10}, nil
			}
			b.did = append(b.did, "share "+t.Breach.String())
			dir, err := results.Open(b.log[0].Dir)
			require.NoError(b, err)
			copied := filepath.Join(b.TempDir(), "run")
			require.NoError(b, os.CopyFS(copied, os.DirFS(dir.String())))
			dir, err = results.Open(copied)
			require.NoError(b, err)
			t.Done(reproduce.Attempt{Dir: dir, Reproduced: true}, reproduce.Count{})
			return reproduce.Count{Reproduced: 3, Runs: 4}, nil
		},
		shrink: func(_ context.Context, f reproduce.Finding, o reproduce.ShrinkOptions) (reproduce.Shrunk, error) {
			b.did = append(b.did, "shrink "+f.Breach.String())
			require.Positive(b, o.Budget)
			plans := b.plans[f.Breach.Rule]
			if len(plans) == 0 {
				return reproduce.Shrunk{Runs: 7}, reproduce.ErrNotReproduced
			}
			plan, err := nemesis.Parse("plan", plans[0])
			b.plans[f.Breach.Rule] = plans[1:]
			require.NoError(b, err)
			f.Config.Plan = &plan
			return reproduce.Shrunk{Dir: f.Dir, Config: f.Config, Count: reproduce.Count{Reproduced: 9, Runs: 10}, Measured: true}, nil
		},
	}
}

func (b *bench) work() Done {
	done, err := b.store.Work(b.Context(), b.options())
	require.NoError(b, err)
	return done
}

func (b *bench) read() Report {
	r, err := b.store.Read("", time.Unix(2000, 0))
	require.NoError(b, err)
	require.Empty(b, r.Damaged)
	return r
}

// All are repeated before any is shrunk, the most frequent first; what came of it is in
// the store, and not done again.
func TestWork(t *testing.T) {
	t.Parallel()
	b := newBench(t, "stale-log-vote", "double-vote", "double-vote")
	b.again["two votes in one term"] = 3
	b.plans = map[string][]string{"two votes in one term": {"at 1s for 2s kill n3", "at 4s for 9s kill n1"}}
	require.Equal(t, Done{Repeated: 2, Shrunk: 3}, b.work())
	votes, stale := "votes: two votes in one term", "votes: a vote for a stale log"
	require.Equal(t, []string{"repeat " + votes, "repeat " + stale, "shrink " + votes, "shrink " + stale, "shrink " + votes}, b.did[:5])
	require.Equal(t, Done{}, b.work(), "there is nothing left")
	r := b.read()
	require.Len(t, r.Findings, 2)
	f := r.Findings[0]
	require.Equal(t, "two votes in one term", f.Rule)
	require.Equal(t, "kill a", f.Form, "both runs have come to one plan")
	require.Equal(t, "2 runs, 2 of them shrunk, to one plan", f.Several)
	require.Len(t, f.Examples, 2)
	require.Equal(t, 3, f.Repeated())
	dir, err := results.Open(f.Minimal[0].Dir)
	require.NoError(t, err)
	require.Equal(t, results.ZstdFile, filepath.Base(dir.History()))
	require.Contains(t, f.Commands()[0], " --checker votes --rule 'two votes in one term' --binary ./old")
	f = r.Findings[1]
	require.Zero(t, f.Repeated())
	require.Contains(t, f.Tried[0].String(), "not repeated: 0 of 10")
	require.Empty(t, f.Form)
}

// Runs of one rule and shape whose smallest plans differ are two findings from then on,
// and other rules with such a plan are told.
func TestTellApart(t *testing.T) {
	t.Parallel()
	b := newBench(t, "double-vote", "double-vote", "forget-vote")
	b.plans = map[string][]string{"two votes in one term": {"at 1s kill leader", "at 1s restart all"}, "a vote was forgotten": {"on leader kill it"}}
	b.work()
	r := b.read()
	require.Len(t, r.Findings, 3)
	var ids, forms []string
	alike := 0
	for _, f := range r.Findings {
		ids, forms, alike = append(ids, f.ID), append(forms, f.Form), alike+len(f.Alike)
	}
	require.ElementsMatch(t, []string{"kill leader", "restart all", "kill it on leader"}, forms)
	require.Zero(t, alike)
	require.Regexp(t, `^votes-[0-9a-f]{8}\.[0-9a-f]{4}$`, r.Findings[0].ID)
	require.Contains(t, r.Findings[0].Several, "2 runs of 2 plans")
	require.NoError(t, b.store.Label(&r.Findings[0], "a"))
	_, err := r.Find(ids[0])
	require.NoError(t, err)

	b = newBench(t, "double-vote", "stale-log-vote")
	b.plans = map[string][]string{"two votes in one term": {"at 1s kill n1"}, "a vote for a stale log": {"at 3s kill n2"}}
	b.work()
	r = b.read()
	require.Equal(t, []string{r.Findings[1].ID}, r.Findings[0].Alike)
	require.Equal(t, []string{r.Findings[0].ID}, r.Findings[1].Alike)
}

// Where the smallest plan of another example is enough, it is this one's too, and nothing is
// shrunk.
func TestSharedPlan(t *testing.T) {
	t.Parallel()
	b := newBench(t, "double-vote", "double-vote")
	b.share = true
	b.plans = map[string][]string{"two votes in one term": {"at 1s kill leader", "at 1s restart all"}}
	require.Equal(t, Done{Repeated: 2, Shrunk: 2}, b.work())
	require.Equal(t, "share votes: two votes in one term", b.did[len(b.did)-1])
	r := b.read()
	require.Len(t, r.Findings, 1)
	f := r.Findings[0]
	require.Len(t, f.Minimal, 2)
	require.Equal(t, "kill leader", f.Form)
	require.Equal(t, "2 runs, 2 of them shrunk, to one plan", f.Several)
	require.Equal(t, Done{}, b.work())
}

// What is cut short is done by the next call; so is what there was no time for.
func TestWorkInterrupted(t *testing.T) {
	t.Parallel()
	b := newBench(t, "double-vote")
	ctx, stop := context.WithCancel(t.Context())
	o := b.options()
	o.repeat = func(ctx context.Context, _ reproduce.Finding, _ WorkOptions) (reproduce.Count, error) {
		stop()
		return reproduce.Count{Runs: 2}, ctx.Err()
	}
	_, err := b.store.Work(ctx, o)
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, b.read().Findings[0].Tried)
	o = b.options()
	o.Budget = time.Nanosecond
	done, err := b.store.Work(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, Done{Left: 2}, done)
	b.again["two votes in one term"] = 2
	require.Equal(t, Done{Repeated: 1, Shrunk: 1}, b.work())
	stale, fresh := b.store.path(".work-1"), b.store.path(".work-2")
	require.NoError(t, os.Mkdir(stale, 0o755))
	require.NoError(t, os.Chtimes(stale, time.Time{}, time.Now().Add(-2*old)))
	require.NoError(t, os.Mkdir(fresh, 0o755), "another process is at it")
	b.work()
	require.NoDirExists(t, stale)
	require.NoError(t, os.Remove(fresh))
	left, err := os.ReadDir(b.store.dir)
	require.NoError(t, err)
	for _, e := range left {
		require.NotEqual(t, '.', rune(e.Name()[0]), "nothing half-written is left")
	}
}

// The third example has to be of another kind than the others, and is shrunk before the
// one that is like the first.
func TestKeepsThreeExamples(t *testing.T) {
	t.Parallel()
	b := newBench(t, "double-vote", "double-vote", "double-vote")
	require.Len(t, b.read().Findings[0].Examples, Examples-1)
	e := b.log[2]
	e.Number, e.Breaches = 9, append(slices.Clone(e.Breaches), entry.Breach{Checker: "set", Rule: "lost"})
	b.log = append(b.log, e)
	require.NoError(t, b.store.Put(b.facts, b.log))
	for range 2 { // it is one already
		kept, err := b.store.Keep(e)
		require.NoError(t, err)
		require.True(t, kept)
	}
	_, err := b.store.Keep(entry.Entry{Class: entry.Valid})
	require.ErrorContains(t, err, "is no finding")
	b.plans = map[string][]string{"two votes in one term": {"at 1s kill one", "at 1s pause one"}}
	require.Equal(t, Done{Repeated: 3, Shrunk: 2}, b.work())
	r := b.read()
	require.Len(t, r.Findings, 2)
	require.ElementsMatch(t, []string{r.Findings[0].Examples[0].Name, r.Findings[0].Examples[2].Name}, []string{r.Findings[0].Minimal[0].Of, r.Findings[1].Minimal[0].Of})
}

// Stores that each have three examples have three together, whichever is merged into which.
func TestMergeExamples(t *testing.T) {
	t.Parallel()
	a, b := newBench(t, "double-vote", "double-vote", "double-vote"), newBench(t, "forget-vote", "double-vote")
	b.facts.Night, b.facts.Shard = "Monday 2", 2
	b.log = b.log[1:]
	b.log[0].Night, b.log[0].Started = b.facts.Night, b.facts.Begun.Add(-time.Hour)
	require.NoError(t, b.store.Put(b.facts, b.log))
	_, err := b.store.Keep(b.log[0])
	require.NoError(t, err)
	require.NoError(t, a.store.Merge(b.store))
	require.NoError(t, b.store.Merge(a.store))
	names := func(b *bench) (names []string) {
		r := b.read()
		f, err := r.Find(Signature{"reference", "votes", "two votes in one term", "a:vote(1)"}.ID())
		require.NoError(t, err)
		for _, e := range f.Examples {
			names = append(names, e.Name)
		}
		return names
	}
	require.Len(t, names(a), Examples)
	require.Equal(t, names(a), names(b))
	require.Contains(t, names(a)[2], "monday-2-2-", "the earliest stay")
}

// Two that work on one store do not do the same.
func TestTwoWorkers(t *testing.T) {
	t.Parallel()
	b := newBench(t, "double-vote", "forget-vote")
	o := b.options()
	repeat := o.repeat
	o.repeat = func(ctx context.Context, f reproduce.Finding, o WorkOptions) (reproduce.Count, error) {
		if len(b.did) == 0 {
			b.did = append(b.did, "first")
			other := b.options()
			other.Only = []string{Signature{"reference", "votes", f.Breach.Rule, Shape(f.Violation)}.ID()}
			done, err := b.store.Work(ctx, other)
			require.NoError(t, err)
			require.Equal(t, Done{Left: 2}, done, "it is being worked on")
		}
		return repeat(ctx, f, o)
	}
	done, err := b.store.Work(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, Done{Repeated: 2, Shrunk: 2}, done)
}

// Several are worked on at a time, by no more clusters than there are, and what one of
// them cannot do ends the others.
func TestWorkSideBySide(t *testing.T) {
	t.Parallel()
	b := newBench(t, "double-vote", "forget-vote", "stale-log-vote", "deposed-panics", "term-regress")
	var mu sync.Mutex
	busy, most, asked := 0, 0, make(map[string]int)
	together := make(chan struct{})
	o := b.options()
	o.Parallel = 7
	o.repeat = func(ctx context.Context, f reproduce.Finding, o WorkOptions) (reproduce.Count, error) {
		mu.Lock()
		busy += o.Parallel
		most = max(most, busy)
		asked[f.Dir.Name()]++
		if len(asked) == 2 {
			close(together)
			asked[""] = 0
		}
		mu.Unlock()
		select {
		case <-together: // two of them, or nobody would get on
		case <-time.After(time.Minute):
		}
		mu.Lock()
		defer mu.Unlock()
		busy -= o.Parallel
		return reproduce.Count{Reproduced: 3, Runs: 3}, ctx.Err()
	}
	o.shrink = func(context.Context, reproduce.Finding, reproduce.ShrinkOptions) (reproduce.Shrunk, error) {
		return reproduce.Shrunk{Runs: 7}, reproduce.ErrNotReproduced
	}
	findings := len(b.read().Findings)
	done, err := b.store.Work(t.Context(), o)
	require.NoError(t, err)
	require.Equal(t, Done{Repeated: findings, Shrunk: len(b.log)}, done, "each example is to be shrunk, in vain")
	require.Equal(t, 6, most, "three clusters each for two of them, and one is left")
	for name, times := range asked {
		require.LessOrEqual(t, times, 1, name)
	}

	b = newBench(t, "double-vote", "stale-log-vote")
	o = b.options()
	o.Parallel = 6
	waits, ended := make(chan struct{}), false
	o.repeat = func(ctx context.Context, f reproduce.Finding, _ WorkOptions) (reproduce.Count, error) {
		if f.Breach.Rule == "two votes in one term" {
			close(waits)
			select {
			case <-ctx.Done():
				ended = true
			case <-time.After(time.Minute):
			}
			return reproduce.Count{}, ctx.Err()
		}
		<-waits
		require.NoError(t, os.Rename(b.store.dir, b.store.dir+".away"))
		return reproduce.Count{Reproduced: 3, Runs: 3}, os.WriteFile(b.store.dir, nil, 0o644)
	}
	_, err = b.store.Work(t.Context(), o)
	require.ErrorContains(t, err, b.store.dir)
	require.True(t, ended)
}

// What is of the same kinds may be the same bug; another crash is not.
func TestSimilar(t *testing.T) {
	t.Parallel()
	raft := func(what history.RaftWhat, node string) history.Event {
		return history.Event{Raft: &history.Raft{What: what, Node: node}}
	}
	log := func(text string) history.Event {
		return history.Event{Run: &history.Run{What: history.RunLog, Node: "n1", Text: text}}
	}
	op := func(f history.F) history.Event {
		return history.Event{Op: &history.Op{Type: history.Invoke, F: f}}
	}
	proof := func(events ...history.Event) checker.Violation { return checker.Violation{Events: events} }
	commit, leader, appended := raft(history.RaftCommit, "n1"), raft(history.RaftLeader, "n2"), raft(history.RaftAppend, "n2")
	voted := raft(history.RaftVote, "n2")
	require.True(t, similar(proof(commit, leader), proof(leader)))
	require.True(t, similar(proof(leader), proof(commit, leader)))
	require.False(t, similar(proof(leader), proof(commit)))
	require.True(t, similar(proof(commit), proof(appended)), "either shows what a log holds")
	require.False(t, similar(proof(leader, commit), proof(commit, voted)))
	require.True(t, similar(proof(log("12:01 panic: no entry 5")), proof(log("12:02 panic: no entry 77"))))
	require.False(t, similar(proof(log("panic: no entry 5")), proof(log("panic: no vote"))))
	require.True(t, similar(proof(op(history.FGet)), proof(op(history.FCas), op(history.FPut))))
	require.False(t, similar(proof(op(history.FGet)), proof(leader)))
}

// Of several proofs of a rule the plainest is told.
func TestPlainest(t *testing.T) {
	t.Parallel()
	require.True(t, plainer("clients failed", "clients"), "that it failed is worth a word")
	require.True(t, plainer("a:vote(1)", "a:vote(1) b:vote(2)"))
	require.False(t, plainer("a:vote(1)", "a:vote(1)"))
}

func TestForm(t *testing.T) {
	t.Parallel()
	for plan, want := range map[string]string{
		"":                               "no fault",
		"at 3s for 1s kill n3":           "kill a",
		"maybe at 9s for 4s kill n1":     "kill a",
		"at 1s kill n2\nat 5s kill n2":   "kill a",
		"at 1s kill n2\nat 5s kill n4":   "kill a; kill b",
		"on leader by n2 kill it":        "kill it on leader by a",
		"on commit times 50 restart n4":  "restart a on commit",
		"at 1s delay 80ms±40ms n2 > n1":  "delay a > b",
		"at 2s partition n1 n2 | rest":   "partition a b | rest",
		"at 2s drop vote 50% leader > *": "drop vote leader > *",
	} {
		p, err := nemesis.Parse("plan", plan)
		require.NoError(t, err, plan)
		require.Equal(t, want, Form(p))
	}
}
