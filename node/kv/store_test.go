package kv_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/kv"
)

// do applies c at the next index.
func do(s *kv.Store, c kv.Command) kv.Result {
	return s.Apply(s.Applied()+1, c.AppendTo(nil))
}

func put(key, v string) kv.Command { return kv.Command{Op: kv.OpPut, Key: key, Arg: v} }

func cas(key, old, v string) kv.Command {
	return kv.Command{Op: kv.OpCas, Key: key, Old: old, Arg: v}
}

func appendTo(key, v string) kv.Command { return kv.Command{Op: kv.OpAppend, Key: key, Arg: v} }

func del(key string) kv.Command { return kv.Command{Op: kv.OpDelete, Key: key} }

// as gives c a request identity.
func as(c kv.Command, client string, seq uint64) kv.Command {
	c.Client, c.Seq = client, seq
	return c
}

func TestApply(t *testing.T) {
	done := kv.Result{Done: true}
	text := func(v string) kv.Value { return kv.Value{Found: true, String: v} }
	list := func(vs ...string) kv.Value { return kv.Value{Found: true, IsList: true, List: vs} }
	tests := []struct {
		name   string
		before []kv.Command
		c      kv.Command
		want   kv.Result
		after  kv.Value // of key k
	}{
		{"PutNew", nil, put("k", "1"), done, text("1")},
		{"PutOver", []kv.Command{put("k", "1")}, put("k", "2"), done, text("2")},
		{"PutEmpty", nil, put("k", ""), done, text("")},
		{"PutOverList", []kv.Command{appendTo("k", "1")}, put("k", "2"), done, text("2")},
		{"CasHit", []kv.Command{put("k", "1")}, cas("k", "1", "2"), done, text("2")},
		{"CasMiss", []kv.Command{put("k", "1")}, cas("k", "3", "2"),
			kv.Result{Saw: true, Found: true, Got: "1", Refusal: kv.Mismatch}, text("1")},
		{"CasAbsent", nil, cas("k", "1", "2"), kv.Result{Saw: true, Refusal: kv.Mismatch}, kv.Value{}},
		{"CasFromNothing", nil, cas("k", "", "2"), done, text("2")},
		{"CasFromEmpty", []kv.Command{put("k", "")}, cas("k", "", "2"), done, text("2")},
		{"CasNothingMiss", []kv.Command{put("k", "1")}, cas("k", "", "2"),
			kv.Result{Saw: true, Found: true, Got: "1", Refusal: kv.Mismatch}, text("1")},
		{"CasList", []kv.Command{appendTo("k", "1")}, cas("k", "1", "2"), kv.Result{Refusal: kv.WrongType}, list("1")},
		{"AppendNew", nil, appendTo("k", "1"), done, list("1")},
		{"AppendMore", []kv.Command{appendTo("k", "1")}, appendTo("k", "1"), done, list("1", "1")},
		{"AppendString", []kv.Command{put("k", "1")}, appendTo("k", "2"), kv.Result{Refusal: kv.WrongType}, text("1")},
		{"Delete", []kv.Command{put("k", "1")}, del("k"), done, kv.Value{}},
		{"DeleteAbsent", nil, del("k"), done, kv.Value{}},
		{"AppendAfterDelete", []kv.Command{appendTo("k", "1"), del("k")}, appendTo("k", "2"), done, list("2")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := kv.New(kv.Options{})
			for _, c := range tt.before {
				require.True(t, do(s, c).Done)
			}
			require.Equal(t, tt.want, s.Speculate(&tt.c), "speculated")
			require.Equal(t, tt.want, do(s, tt.c))
			require.Equal(t, tt.after, s.Get("k"))
		})
	}
}

func TestApplyOfNoCommand(t *testing.T) {
	s := kv.New(kv.Options{})
	require.Equal(t, kv.Result{Done: true}, s.Apply(1, nil), "a leader's no-op")
	require.Equal(t, kv.Undecodable, s.Apply(2, []byte("\xffgarbage")).Refusal)
	require.Equal(t, uint64(2), s.Applied())
	require.Equal(t, kv.New(kv.Options{}).Digest(), s.Digest())
	require.Panics(t, func() { s.Apply(4, nil) }, "a gap")
}

func TestResendAppliesOnce(t *testing.T) {
	s := kv.New(kv.Options{})
	add := as(appendTo("k", "1"), "c1", 5)
	require.True(t, do(s, add).Done)
	before := s.Digest()
	require.True(t, do(s, add).Done)
	require.Equal(t, []string{"1"}, s.Get("k").List)
	require.Equal(t, before, s.Digest(), "a resend changes nothing")

	require.Equal(t, kv.Superseded, do(s, as(appendTo("k", "0"), "c1", 4)).Refusal, "an older request")
	require.True(t, do(s, as(appendTo("k", "2"), "c2", 5)).Done, "another client's")
	require.Equal(t, []string{"1", "2"}, s.Get("k").List)
}

func TestResendGetsFirstAnswer(t *testing.T) {
	s := kv.New(kv.Options{})
	do(s, put("k", "1"))
	miss := as(cas("k", "2", "3"), "c1", 1)
	first := do(s, miss)
	require.Equal(t, kv.Result{Saw: true, Found: true, Got: "1", Refusal: kv.Mismatch}, first)
	do(s, put("k", "2"))
	require.Equal(t, first, do(s, miss), "though it would succeed now")
	require.Equal(t, "2", s.Get("k").String)
}

func TestOldestSessionIsForgotten(t *testing.T) {
	s := kv.New(kv.Options{MaxSessions: 2})
	a, b := as(appendTo("k", "a"), "a", 1), as(appendTo("k", "b"), "b", 1)
	do(s, a)
	do(s, b)
	do(s, as(appendTo("k", "a2"), "a", 2)) // a is younger than b now
	do(s, as(appendTo("k", "c"), "c", 1))  // b goes
	do(s, a)
	require.Equal(t, []string{"a", "b", "a2", "c"}, s.Get("k").List, "a is remembered")
	do(s, b)
	require.Equal(t, []string{"a", "b", "a2", "c", "b"}, s.Get("k").List, "b was forgotten")
}

func TestListReadIsStable(t *testing.T) {
	s := kv.New(kv.Options{})
	for i := range 9 {
		do(s, appendTo("k", fmt.Sprint(i)))
	}
	read := s.Get("k").List
	do(s, appendTo("k", "9"))
	do(s, del("k"))
	do(s, appendTo("k", "new"))
	require.Len(t, read, 9)
	require.Equal(t, "0", read[0])
}

func TestDigestIsOfTheStateAlone(t *testing.T) {
	a, b := kv.New(kv.Options{}), kv.New(kv.Options{})
	for _, c := range []kv.Command{put("x", "1"), put("y", "2"), appendTo("l", "1"), appendTo("l", "2"), put("z", "9"), del("z")} {
		do(a, c)
	}
	for _, c := range []kv.Command{appendTo("l", "1"), put("y", "7"), put("x", "1"), appendTo("l", "2"), put("y", "2")} {
		do(b, c)
	}
	require.Equal(t, a.Digest(), b.Digest())

	digests := map[uint64]string{kv.New(kv.Options{}).Digest(): "empty"}
	for name, cs := range map[string][]kv.Command{
		"string":       {put("k", "ab")},
		"other value":  {put("k", "ba")},
		"other key":    {put("ab", "k")},
		"empty string": {put("k", "")},
		"list":         {appendTo("k", "ab")},
		"split list":   {appendTo("k", "a"), appendTo("k", "b")},
		"swapped list": {appendTo("k", "b"), appendTo("k", "a")},
		"session":      {as(put("k", "ab"), "c", 1)},
		"next request": {as(put("k", "ab"), "c", 2)},
	} {
		s := kv.New(kv.Options{})
		for _, c := range cs {
			do(s, c)
		}
		require.NotContains(t, digests, s.Digest(), "%s and %s", name, digests[s.Digest()])
		digests[s.Digest()] = name
	}
}

// randomCommand draws from few keys and clients, so that writes meet.
func randomCommand(r *rand.Rand) kv.Command {
	c := kv.Command{
		Op:  kv.OpPut + kv.Op(r.IntN(4)),
		Key: fmt.Sprint("k", r.IntN(8)),
		Arg: fmt.Sprint(r.IntN(4)),
		Old: fmt.Sprint(r.IntN(4)),
	}
	if r.IntN(2) == 0 {
		c.Client, c.Seq = fmt.Sprint("c", r.IntN(12)), uint64(r.IntN(6))
	}
	return c
}

func TestSnapshotsAtAnyPointChangeNothing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	o := kv.Options{MaxSessions: 5}
	whole, resumed := kv.New(o), kv.New(o)
	for range 4000 {
		c := randomCommand(r)
		require.Equal(t, do(whole, c), do(resumed, c))
		require.Equal(t, whole.Digest(), resumed.Digest())
		if r.IntN(40) == 0 {
			snap := resumed.Snapshot()
			require.Equal(t, whole.Snapshot(), snap, "equal states, equal bytes")
			resumed = kv.New(o)
			require.NoError(t, resumed.Restore(snap))
			require.Equal(t, whole.Digest(), resumed.Digest())
			require.Equal(t, whole.Applied(), resumed.Applied())
			require.Equal(t, whole.Len(), resumed.Len())
		}
	}
}

func TestRestoreRefusesDamage(t *testing.T) {
	s := kv.New(kv.Options{})
	do(s, as(put("key", "value"), "client", 1))
	do(s, appendTo("list", "item"))
	snap := s.Snapshot()
	before := s.Digest()
	for i := range snap {
		damaged := append([]byte(nil), snap...)
		damaged[i] ^= 0x10
		require.ErrorIs(t, s.Restore(damaged), kv.ErrSnapshot, "byte %d", i)
		require.ErrorIs(t, s.Restore(snap[:i]), kv.ErrSnapshot, "cut at %d", i)
	}
	require.Equal(t, before, s.Digest(), "a refused snapshot changes nothing")
	require.NoError(t, s.Restore(snap))
}

func TestBugApplyTwice(t *testing.T) {
	s := kv.New(kv.Options{Bug: bug.ApplyTwice})
	add := as(appendTo("k", "1"), "c1", 1)
	do(s, add)
	do(s, add)
	require.Equal(t, []string{"1", "1"}, s.Get("k").List)
}

// What each bug of the sessions makes of a resend, where a correct store answers as
// it did the first time.
func TestBugsOfSessions(t *testing.T) {
	add := as(appendTo("k", "1"), "c1", 1)
	miss := as(cas("s", "no", "2"), "c2", 1)
	refused := kv.Result{Saw: true, Refusal: kv.Mismatch}
	pass := func(s *kv.Store, entries int) {
		for range entries {
			do(s, put("other", "1"))
		}
	}
	newLeader := func(s *kv.Store) { s.Apply(s.Applied()+1, nil) }
	for _, tc := range []struct {
		name    string
		bug     bug.Name
		between func(s *kv.Store)
		list    []string
		cas     kv.Result
	}{
		{"None/NewLeader", bug.None, newLeader, []string{"1"}, refused},
		{"None/Later", bug.None, func(s *kv.Store) { pass(s, 1000) }, []string{"1"}, refused},
		{"ForgetSessions/NewLeader", bug.ForgetSessions, newLeader, []string{"1", "1"}, refused},
		{"ForgetSessions/Later", bug.ForgetSessions, func(s *kv.Store) { pass(s, 1000) }, []string{"1"}, refused},
		{"ShortSessions/NewLeader", bug.ShortSessions, newLeader, []string{"1"}, refused},
		{"ShortSessions/Soon", bug.ShortSessions, func(s *kv.Store) { pass(s, 190) }, []string{"1"}, refused},
		{"ShortSessions/Later", bug.ShortSessions, func(s *kv.Store) { pass(s, 210) }, []string{"1", "1"}, refused},
		{"ResendIsDone", bug.ResendIsDone, newLeader, []string{"1"}, kv.Result{Done: true}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := kv.New(kv.Options{Bug: tc.bug})
			do(s, add)
			require.Equal(t, refused, do(s, miss))
			tc.between(s)
			restored := kv.New(kv.Options{Bug: tc.bug}) // all members alike, however they got there
			require.NoError(t, restored.Restore(s.Snapshot()))
			for _, s := range []*kv.Store{s, restored} {
				require.Equal(t, kv.Result{Done: true}, do(s, add))
				require.Equal(t, tc.list, s.Get("k").List)
				require.Equal(t, tc.cas, do(s, miss))
				require.False(t, s.Get("s").Found)
			}
			require.Equal(t, s.Digest(), restored.Digest())
		})
	}
}

func TestBugSnapshotDropsKey(t *testing.T) {
	s := kv.New(kv.Options{Bug: bug.SnapshotDropsKey})
	require.NoError(t, s.Restore(s.Snapshot()), "of an empty store")
	do(s, put("b", "1"))
	do(s, put("a", "1"))
	do(s, put("c", "1"))
	live := s.Digest()
	restored := kv.New(kv.Options{})
	require.NoError(t, restored.Restore(s.Snapshot()))
	require.Equal(t, live, s.Digest(), "the live state keeps the key")
	require.True(t, s.Get("b").Found)
	require.False(t, restored.Get("b").Found, "the key written longest ago is gone")
	require.Equal(t, 2, restored.Len())
	require.NotEqual(t, live, restored.Digest())
}

func BenchmarkAppend(b *testing.B) {
	s := kv.New(kv.Options{})
	c := as(appendTo("list", "a value"), "client", 0)
	var data []byte
	b.ReportAllocs()
	for b.Loop() {
		c.Seq++
		data = c.AppendTo(data[:0])
		s.Apply(s.Applied()+1, data)
	}
}
