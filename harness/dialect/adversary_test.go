package dialect_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/tap"
)

// captured is a run of a real system's: all of what its members said in elections, and
// enough of the rest.
type captured struct {
	dialect, path string
	// thinned says that appends are missing: what was committed too soon is not to be known.
	thinned bool
	// fixed says that a connection has steps, which cannot be repeated and taken up anew.
	fixed bool
	// paired says that answers belong to requests by their order on the connection.
	paired bool
	// once says that there was one election only.
	once bool
}

func captures() []captured {
	return []captured{
		{dialect: "etcd", path: "etcd/testdata/3.5.2.jsonl.gz", fixed: true},
		{dialect: "etcd", path: "etcd/testdata/3.6.16.jsonl.gz", fixed: true},
		{dialect: "etcd", path: "etcd/testdata/3.7.3.jsonl.gz", fixed: true},
		{dialect: "hashicorp-raft", path: "hashicorp/testdata/1.7.3.pcapng", paired: true},
		{dialect: "hashicorp-raft", path: "hashicorp/testdata/1.8.0.pcapng", paired: true},
		{dialect: "libraft", path: "libraft/testdata/0.15.0.pcapng", once: true},
		{dialect: "nats-raft", path: "nats/testdata/2.10.22.pcapng", thinned: true},
		{dialect: "nats-raft", path: "nats/testdata/2.12.15.pcapng", thinned: true},
		{dialect: "nats-raft", path: "nats/testdata/2.15.2.pcapng", thinned: true},
		{dialect: "ovsdb", path: "ovsdb/testdata/3.1.0.pcapng"},
		{dialect: "zookeeper", path: "zookeeper/testdata/election.pcapng", fixed: true},
	}
}

// broken are the rules that these frames break.
func (c captured) broken(t *testing.T, w *wire, frames []frame) []string {
	t.Helper()
	rules, unknown := found(w.judge(t, frames))
	require.Empty(t, unknown)
	return slices.DeleteFunc(rules, func(rule string) bool { return c.thinned && rule == tooSoon })
}

const (
	twoLeaders = "two leaders in one term"
	twoVotes   = "two votes in one term"
	noMajority = "won without a majority"
	lacks      = "the winner lacks a committed entry"
	tooSoon    = "committed before a majority had it"
)

// What a real run's members said is legal, and so is the same seen in any other order that
// is possible, with connections that break, repeated requests and members that end, and any
// beginning of it.
func TestLegalVariants(t *testing.T) {
	for _, c := range captures() {
		t.Run(c.path, func(t *testing.T) {
			w := load(t, c.dialect, c.path)
			require.Empty(t, c.broken(t, w, w.frames))
			for seed := range uint64(6) {
				r := rand.New(rand.NewPCG(seed, 1))
				frames := slices.Clone(w.frames)
				if !c.fixed {
					for range 3 {
						frames = c.again(r, frames)
						frames = c.cut(r, frames)
					}
				}
				frames = reorder(r, late(frames))
				for range 2 {
					at := r.IntN(len(frames))
					frames = slices.Insert(frames, at, frame{exit: fmt.Sprintf("n%d", 1+r.IntN(3))})
				}
				require.Empty(t, c.broken(t, w, frames), "seed %d", seed)
				some := 1 + r.IntN(len(frames))
				require.Empty(t, c.broken(t, w, frames[:some]), "seed %d, the first %d of %d frames", seed, some, len(frames))
			}
		})
	}
}

// reorder lets frames pass in another order in which they may have been seen: those of one
// direction stay in order, and what a member sends comes after what was sent to it before.
func reorder(r *rand.Rand, frames []frame) []frame {
	for range 30 * len(frames) {
		i := r.IntN(len(frames) - 1)
		a, b := &frames[i], &frames[i+1]
		if a.on == b.on && a.forward == b.forward || a.to() == b.from() {
			continue
		}
		*a, *b = *b, *a
	}
	return frames
}

// late holds the grants that a winner had no need of until after its first append, as far
// as their connection allows.
func late(frames []frame) []frame {
	type candidacy struct {
		who, group string
		term       uint64
	}
	grants := make(map[candidacy]string)
	for i := 0; i < len(frames); i++ {
		f := frames[i]
		if m := f.says; m.Kind != tap.VoteResponse || m.Reject {
			continue
		}
		key := candidacy{f.to(), f.says.Group, f.says.Term}
		if first, ok := grants[key]; !ok {
			grants[key] = f.from()
			continue
		} else if first == f.from() {
			continue
		}
		at := i
		for at+1 < len(frames) && (frames[at+1].on != f.on || frames[at+1].forward != f.forward) && at < i+40 {
			frames[at] = frames[at+1]
			at++
		}
		frames[at] = f
		if at > i {
			i--
			grants[key] = f.from() // do not take it up again
		}
	}
	return frames
}

// idle tells whether every request on the connection is answered before frame i.
func idle(frames []frame, on *conn, i int) bool {
	open := 0
	for _, f := range frames[:i] {
		switch {
		case f.on != on || f.class == "snapshot-data":
		case f.forward:
			open++
		default:
			open--
		}
	}
	return open == 0
}

// again lets a candidate ask once more, and be granted the same.
func (c captured) again(r *rand.Rand, frames []frame) []frame {
	for _, i := range r.Perm(len(frames)) {
		answer := frames[i]
		if answer.says.Kind != tap.VoteResponse || answer.says.Reject || c.paired && !idle(frames, answer.on, i+1) {
			continue
		}
		for k := i - 1; k >= 0; k-- {
			ask := frames[k]
			if ask.says.Kind == tap.Vote && ask.says.Term == answer.says.Term && ask.says.Group == answer.says.Group &&
				ask.from() == answer.to() && ask.to() == answer.from() && (!c.paired || ask.on == answer.on) {
				return slices.Insert(frames, i+1, ask, answer)
			}
		}
	}
	return frames
}

// cut ends a connection in the middle of a frame, and makes it anew: that frame and all after
// it go there, behind what each end begins with.
func (c captured) cut(r *rand.Rand, frames []frame) []frame {
	i := r.IntN(len(frames))
	old := frames[i].on
	if frames[i].says.Kind == "" || c.paired && (!frames[i].forward || !idle(frames, old, i)) {
		return frames
	}
	anew := &conn{old.dialler, old.accepter}
	half := frames[i]
	half.bytes = half.bytes[:len(half.bytes)/2]
	out := append(slices.Clone(frames[:i]), half)
	for _, forward := range []bool{true, false} {
		for _, f := range frames[:i] {
			if f.on == old && f.forward == forward {
				if f.says.Kind != "" {
					break
				}
				f.on = anew
				out = append(out, f)
			}
		}
	}
	for _, f := range frames[i:] {
		if f.on == old {
			f.on = anew
		}
		out = append(out, f)
	}
	return out
}

// What no run of a correct system's can have said is found, whatever the order.
func TestIllegalVariants(t *testing.T) {
	for _, c := range captures() {
		for rule, forge := range map[string]func(*wire) func(*tap.Message){
			twoLeaders: usurp, twoVotes: voteTwice, noMajority: withoutVotes, lacks: behind, tooSoon: unacknowledged,
		} {
			if rule == lacks && c.once || rule == tooSoon && c.thinned {
				continue
			}
			t.Run(c.path+"/"+rule, func(t *testing.T) {
				w := load(t, c.dialect, c.path)
				frames := slices.Clone(w.frames)
				for seed := range uint64(2) {
					w.change = forge(w)
					require.Contains(t, c.broken(t, w, frames), rule, "seed %d", seed)
					frames = reorder(rand.New(rand.NewPCG(seed, 2)), frames)
				}
			})
		}
	}
}

// usurp lets a follower speak as leader, once.
func usurp(*wire) func(*tap.Message) {
	done := false
	return func(m *tap.Message) {
		if !done && m.Kind == tap.AppendResponse && !m.Reject && m.Log.Index > 0 {
			*m, done = tap.Message{Kind: tap.Heartbeat, From: m.From, To: m.To, Group: m.Group, Term: m.Term}, true
		}
	}
}

// voteTwice lets a member vote for a second candidate, once.
func voteTwice(*wire) func(*tap.Message) {
	done := false
	var given []tap.Message
	return func(m *tap.Message) {
		if done {
			return
		}
		for _, g := range given {
			if g.From == m.From {
				*m, done = g, true
				m.To = third(g.From, g.To)
				return
			}
		}
		if m.Kind == tap.VoteResponse && !m.Reject && (m.Asked == 0 || m.Asked == m.Term) {
			given = append(given, *m)
		}
	}
}

func third(a, b string) string {
	for _, n := range []string{"n1", "n2", "n3"} {
		if n != a && n != b {
			return n
		}
	}
	return ""
}

// last is the last leader's first word of the main group.
func last(w *wire) (leads tap.Message) {
	for _, f := range w.frames {
		m := f.says
		if (m.Kind == tap.Append || m.Kind == tap.Heartbeat) && m.Group == w.Main && m.Term > leads.Term {
			leads = m
		}
	}
	return leads
}

// withoutVotes takes all votes from the last leader.
func withoutVotes(w *wire) func(*tap.Message) {
	l := last(w)
	return func(m *tap.Message) {
		if m.Kind == tap.VoteResponse && m.Group == l.Group && m.Term == l.Term {
			m.Reject = true
		}
	}
}

// behind gives the last leader a log without what was committed.
func behind(w *wire) func(*tap.Message) {
	l := last(w)
	return func(m *tap.Message) {
		if m.Kind == tap.Vote && m.Group == l.Group && m.Term == l.Term {
			m.Log.Term, m.Log.Index = 1, 1
		}
	}
}

// unacknowledged takes all acknowledgements from the last leader.
func unacknowledged(w *wire) func(*tap.Message) {
	l := last(w)
	return func(m *tap.Message) {
		if (m.Kind == tap.AppendResponse || m.Kind == tap.SnapshotResponse) && m.Group == l.Group && m.Term == l.Term {
			m.Reject = true
		}
	}
}

// A log may begin in the term of the first election: what all began with counts as committed
// without a word, and what the first leader made does not.
func TestElectionsInTheTermOfTheFirstEntry(t *testing.T) {
	for _, c := range captures() {
		w := load(t, c.dialect, c.path)
		var first tap.Message
		for _, f := range w.frames {
			if f.says.Kind == tap.Vote && (first.Term == 0 || f.says.Term < first.Term) {
				first = f.says
			}
		}
		if first.Term != first.Log.Term+1 || first.Log.Term == 0 {
			continue // such as those that begin with an empty log
		}
		t.Run(c.path, func(t *testing.T) {
			w.change = sooner
			require.Empty(t, c.broken(t, w, w.frames))
			w.change = func(m *tap.Message) {
				sooner(m)
				m.Reject = m.Reject || m.Kind == tap.AppendResponse && m.Term == 1
			}
			require.Contains(t, c.broken(t, w, w.frames), tooSoon)
		})
	}
}

// sooner makes term 2 the first, in which the log began.
func sooner(m *tap.Message) {
	for _, term := range []*uint64{&m.Term, &m.Asked, &m.Log.Term, &m.Last.Term} {
		if *term > 1 {
			*term--
		}
	}
}
