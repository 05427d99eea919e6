package audit

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// shelf is what a member holds, whatever the revision.
type shelf struct {
	positions []target.Position // the next, or the last for ever
	digest    target.Digest
	entries   []target.Entry
	err       error
	pageErr   error
}

// shelves are a target of which members can be compared. Pages have two keys.
type shelves map[string]*shelf

func (s shelves) Position(_ context.Context, m target.Member) (target.Position, error) {
	member := s[m.Name]
	p := member.positions[0]
	if len(member.positions) > 1 {
		member.positions = member.positions[1:]
	}
	return p, member.err
}

func (s shelves) Digest(_ context.Context, m target.Member, _ uint64) (target.Digest, error) {
	return s[m.Name].digest, s[m.Name].err
}

func (s shelves) Page(_ context.Context, m target.Member, _ uint64, after string) ([]target.Entry, error) {
	member := s[m.Name]
	i, found := slices.BinarySearchFunc(member.entries, after, func(e target.Entry, key string) int { return cmp.Compare(e.Key, key) })
	if found {
		i++
	}
	return slices.Clone(member.entries[i:min(i+2, len(member.entries))]), cmp.Or(member.err, member.pageErr)
}

// audited audits three members, n1 as told, and returns what the checker makes of
// it and how the events end.
func audited(t *testing.T, change func(s shelves)) (checker.Result, []history.Event) {
	s, events := threeAlike()
	change(s)
	synctest.Test(t, func(t *testing.T) { // no machine is too slow for it
		start := time.Now()
		o := Options{Target: s, Pause: time.Millisecond, Record: func(e history.Event) {
			e.Seq, e.At = uint64(len(events)), time.Since(start)
			events = append(events, e)
		}}
		for _, n := range []string{"n1", "n2", "n3"} {
			o.Members = append(o.Members, target.Member{Name: n})
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		Run(ctx, o)
	})
	return judged(events), events
}

// threeAlike returns three members that hold the same, and how a history of them
// begins.
func threeAlike() (shelves, []history.Event) {
	s := shelves{}
	for _, n := range []string{"n1", "n2", "n3"} {
		s[n] = &shelf{positions: []target.Position{{Revision: 50, Applied: 90}}, digest: target.Digest{Hash: 1, Compacted: 10}}
		for _, key := range []string{"a", "b", "c", "d", "e"} {
			s[n].entries = append(s[n].entries, target.Entry{Key: key, Value: strings.Repeat(key, 300), Revision: 7, Rest: 1})
		}
	}
	begin := history.Event{Run: &history.Run{What: history.RunBegin, Format: history.Format, Nodes: []string{"n1", "n2", "n3"}}}
	return s, []history.Event{begin}
}

// judged is what the checker makes of a history.
func judged(events []history.Event) checker.Result {
	judge := evidence.NewDivergence()
	for i := range events {
		judge.Event(&events[i])
	}
	return judge.Finish()
}

func TestAudit(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(s shelves)
		want   checker.Verdict
		text   string
	}{
		{"all alike", func(shelves) {}, checker.Valid, "3 members hold the same data at revision 50"},
		{"one is late", func(s shelves) {
			s["n2"].positions = []target.Position{{Revision: 48, Applied: 90}, {Revision: 49, Applied: 90}, {Revision: 50, Applied: 90}}
		}, checker.Valid, "3 members hold the same"},
		{"one forgot less", func(s shelves) { s["n2"].digest = target.Digest{Hash: 2, Compacted: 5} },
			checker.Valid, "3 members hold the same data at revision 50, 5 keys read one by one"},
		{"a value differs", func(s shelves) {
			s["n2"].digest.Hash = 2
			s["n2"].entries[2].Value = "z"
		}, checker.Invalid, "n2 differs from n1 n3: at revision 50, key c holds "},
		{"a key is missing", func(s shelves) {
			s["n3"].digest.Hash = 2
			s["n3"].entries = s["n3"].entries[:4]
		}, checker.Invalid, "n3 differs from n1 n2: at revision 50, key e holds "},
		{"a version differs", func(s shelves) {
			s["n1"].digest.Hash = 2
			s["n1"].entries[0].Rest = 9
		}, checker.Invalid, "n1 differs from n2 n3: at revision 50, key a holds "},
		{"only digests differ", func(s shelves) { s["n1"].digest.Hash = 2 }, checker.Unknown, "the digests of the members' data differ"},
		{"one stays behind", func(s shelves) { s["n2"].positions[0].Revision = 45 },
			checker.Invalid, "n2 differs from n1 n3: having applied entries up to 90"},
		{"one has applied less", func(s shelves) { s["n2"].positions[0] = target.Position{Revision: 45, Applied: 80} },
			checker.Unknown, "never came to rest"},
		{"one does not answer", func(s shelves) { s["n2"].err = errors.New("gone") }, checker.Unknown, "n2 did not answer"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			result, _ := audited(t, c.change)
			require.Equal(t, c.want, result.Verdict, "%+v", result)
			require.Contains(t, result.Summary, c.text)
		})
	}
}

func TestAuditShowsAFewKeysInShort(t *testing.T) {
	_, events := audited(t, func(s shelves) {
		s["n2"].digest.Hash = 2
		for i := range s["n2"].entries {
			s["n2"].entries[i].Revision = 8
		}
	})
	var keys []string
	for _, e := range events {
		if e.State == nil || e.State.What != history.StateDiffer {
			continue
		}
		keys = append(keys, e.State.Key)
		require.Len(t, e.State.Held, 3)
		for _, h := range e.State.Held {
			require.Less(t, len(h.Value), 200)
			require.Contains(t, h.Value, "(300 bytes)")
		}
	}
	require.Equal(t, []string{"a", "b", "c"}, keys)
}
