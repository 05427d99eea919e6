package fabric

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestDropByClass(t *testing.T) {
	r := newRig(t, true)
	a, b := r.connect()
	drop := r.apply(Rule{Action: Drop, Links: []Link{ab}, Class: "vote"})
	sayToy(t, a, 0, "one")
	sayToy(t, a, 1, "vote")
	sayToy(t, a, 2, "beat")
	hearToy(t, b, "one", "beat")
	eventually(t, func() bool { return r.watch.count(Dropped) == 1 }, "observer told")
	require.Equal(t, Evidence{FramesDropped: 1}, drop.Remove())
	sayToy(t, a, 1, "vote again")
	hearToy(t, b, "vote again")
}

func TestDropWithoutClassSparesWhatMustNotBeLost(t *testing.T) {
	r := newRig(t, true)
	a, b := r.connect()
	drop := r.apply(Rule{Action: Drop, Links: []Link{ab}})
	sayToy(t, a, 1, "vote")
	sayToy(t, a, 2, "beat")
	sayToy(t, a, 0, "one")
	hearToy(t, b, "one")
	require.Equal(t, Evidence{FramesDropped: 2}, drop.Remove())
}

func TestCountBoundsARule(t *testing.T) {
	r := newRig(t, true)
	a, b := r.connect()
	drop := r.apply(Rule{Action: Drop, Links: []Link{ab}, Count: 2})
	sayToy(t, a, 1, "1", "2", "3", "4")
	hearToy(t, b, "3", "4")
	require.Equal(t, Evidence{FramesDropped: 2}, drop.Remove())
}

func TestDuplicate(t *testing.T) {
	r := newRig(t, true)
	a, b := r.connect()
	dup := r.apply(Rule{Action: Duplicate, Links: []Link{ab}, Class: "vote", Count: 1})
	sayToy(t, a, 1, "1", "2")
	sayToy(t, a, 0, "3")
	hearToy(t, b, "1", "1", "2", "3")
	require.Equal(t, Evidence{FramesDuplicated: 1}, dup.Remove())
	eventually(t, func() bool { return r.watch.count(Delivered) == 2+4 }, "every copy delivered")
}

func TestReorder(t *testing.T) {
	r := newRig(t, true)
	a, b := r.connect()
	re := r.apply(Rule{Action: Reorder, Links: []Link{ab}, Class: "vote", Delay: time.Hour, Count: 1})
	sayToy(t, a, 1, "late")
	sayToy(t, a, 0, "1", "2", "3")
	var got []string
	for range 4 {
		p, err := readToy(b)
		require.NoError(t, err)
		got = append(got, p)
	}
	at := slices.Index(got, "late")
	require.Positive(t, at, "%q: overtaken by 1 to 3 frames", got)
	require.Equal(t, []string{"1", "2", "3"}, slices.Delete(slices.Clone(got), at, at+1))
	require.Equal(t, Evidence{FramesReordered: 1}, re.Remove())
}

func TestReorderedFrameDoesNotWaitForever(t *testing.T) {
	r := newRig(t, true)
	a, b := r.connect()
	r.apply(Rule{Action: Reorder, Links: []Link{ab}, Class: "vote", Delay: time.Millisecond})
	sayToy(t, a, 1, "alone")
	hearToy(t, b, "alone")
}

func TestHoldByClass(t *testing.T) {
	for _, action := range []Action{Hold, Cut} {
		t.Run(string(action), func(t *testing.T) {
			r := newRig(t, true)
			a, b := r.connect()
			hold := r.apply(Rule{Action: action, Links: []Link{ab}, Class: "vote"})
			sayToy(t, a, 1, "vote 1")
			sayToy(t, a, 0, "one")
			sayToy(t, a, 1, "vote 2")
			sayToy(t, a, 0, "two")
			hearToy(t, b, "one", "two")
			require.NoError(t, a.CloseWrite()) // the FIN waits for the frames
			silent(t, b)
			eventually(t, func() bool { return r.watch.count(Delivered) == 2+2 }, "hello twice, one, two delivered")
			require.Equal(t, Evidence{FramesHeld: 2}, hold.Remove())
			hearToy(t, b, "vote 1", "vote 2")
		})
	}
}

func TestDelayByClass(t *testing.T) {
	r := newRig(t, true)
	a, b := r.connect()
	d := r.apply(Rule{Action: Delay, Links: []Link{ab}, Class: "vote", Delay: time.Hour})
	sayToy(t, a, 1, "slow")
	sayToy(t, a, 0, "fast")
	hearToy(t, b, "fast")
	require.Equal(t, Evidence{ChunksDelayed: 1, DialsDelayed: 0}, d.Remove())
	hearToy(t, b, "slow")

	d = r.apply(Rule{Action: Delay, Links: []Link{ab}, Class: "order", Delay: time.Hour})
	sayToy(t, a, 0, "slow") // may not be overtaken, so the others wait
	sayToy(t, a, 1, "behind")
	silent(t, b)
	d.Remove()
	hearToy(t, b, "slow", "behind")
}

func TestThrottleByClass(t *testing.T) {
	r := newRig(t, true)
	a, b := r.connect()
	th := r.apply(Rule{Action: Throttle, Links: []Link{ab}, Class: "vote", Rate: 1})
	sayToy(t, a, 1, "slow")
	sayToy(t, a, 0, "fast")
	hearToy(t, b, "fast")
	require.Equal(t, Evidence{BytesThrottled: 9}, th.Remove())
	hearToy(t, b, "slow")
}

func TestResetDropsWhatIsHeld(t *testing.T) {
	r := newRig(t, true)
	a, _ := r.connect()
	hold := r.apply(Rule{Action: Hold, Links: []Link{ab}, Class: "vote"})
	sayToy(t, a, 1, "vote")
	eventually(t, func() bool { return hold.tally.evidence()[FramesHeld] == 1 }, "held")
	r.apply(Rule{Action: Reset, Links: []Link{ab}})
	eventually(t, func() bool { return r.watch.count(Dropped) == 1 }, "observer told")
}

func TestUndecodable(t *testing.T) {
	for _, rules := range []bool{false, true} {
		t.Run(fmt.Sprintf("Rules=%v", rules), func(t *testing.T) {
			r := newRig(t, true)
			a, b := r.connect()
			if rules {
				r.apply(Rule{Action: Delay, Links: []Link{ab, ba}, Delay: time.Millisecond})
			}
			say(t, b, "\x00\x00") // half a header, which waits for the rest
			junk := "\x00\x00\x00\x01\xffjunk"
			say(t, a, string(toyFrame(0, "good"))+junk)
			hearToy(t, b, "good")
			hear(t, b, junk)
			hear(t, a, "\x00\x00") // … until nothing can be decoded any more
			say(t, a, junk+junk)
			hear(t, b, junk+junk)
			say(t, b, junk)
			hear(t, a, junk)
			require.Equal(t, 1, r.watch.failures())
		})
	}
}

func TestCutShortFramePassesBeforeTheEnd(t *testing.T) {
	for _, rules := range []bool{false, true} {
		r := newRig(t, true)
		a, b := r.connect()
		if rules {
			r.apply(Rule{Action: Delay, Links: []Link{ab}, Delay: time.Millisecond})
		}
		torn := string(toyFrame(0, "whole")) + string(toyFrame(0, "torn")[:7])
		say(t, a, torn)
		require.NoError(t, a.CloseWrite())
		hear(t, b, torn)
		reset := make([]byte, 1)
		_, err := b.Read(reset)
		require.EqualError(t, err, "EOF")
	}
}

func TestLargeFrame(t *testing.T) {
	r := newRig(t, true)
	a, b := r.connect()
	big := strings.Repeat("0123456789", 50_000)
	go a.Write(toyFrame(0, big))
	hearToy(t, b, big)
}

// With one seed, a rule touches the same frames each time, whatever other rules
// there are on other links.
func TestSeedFixesDraws(t *testing.T) {
	run := func(seed uint64) []string {
		r := newRig(t, true, func(o *Options) { o.Seed = seed })
		a, b := r.connect()
		r.apply(Rule{Action: Drop, Links: []Link{ab, ba}, Class: "vote", Chance: 0.5})
		for i := range 64 {
			sayToy(t, a, 1, fmt.Sprint(i))
		}
		sayToy(t, a, 0, "end")
		var got []string
		for {
			p, err := readToy(b)
			require.NoError(t, err)
			if p == "end" {
				return got
			}
			got = append(got, p)
		}
	}
	first := run(7)
	require.NotEmpty(t, first)
	require.Less(t, len(first), 64)
	require.Equal(t, first, run(7))
	require.NotEqual(t, first, run(8))
}

func TestSupports(t *testing.T) {
	r := newRig(t, true)
	plain, err := r.fabric.Listen("c", "b", ListenOptions{Addr: "127.0.0.1:0", Backend: r.addr})
	require.NoError(t, err)
	require.NotEmpty(t, plain)
	on := []Link{ab}
	for _, tc := range []struct {
		want string // part of the error; "" for none
		rule Rule
	}{
		{"", Rule{Action: Cut, Links: on}},
		{"", Rule{Action: Cut, Links: on, Class: "vote", Count: 3}},
		{"", Rule{Action: Delay, Links: on, Delay: 2, Jitter: 2, Chance: 0.5, Class: "order"}},
		{"", Rule{Action: Throttle, Links: on, Rate: 1}},
		{"", Rule{Action: Cut, Links: []Link{{"c", "b"}, {"b", "c"}}}},
		{"", Rule{Action: Drop, Links: on, Chance: 1}},
		{"no such action", Rule{Action: "melt", Links: on}},
		{"names no link", Rule{Action: Cut}},
		{"unknown link a > z", Rule{Action: Cut, Links: []Link{ab, {"a", "z"}}}},
		{"not decoded", Rule{Action: Drop, Links: []Link{{"c", "b"}}}},
		{"unknown class", Rule{Action: Hold, Links: on, Class: "gossip"}},
		{"may not be lost", Rule{Action: Drop, Links: on, Class: "order"}},
		{"may not be lost", Rule{Action: Cut, Links: on, Class: "order"}},
		{"whole connections", Rule{Action: Reset, Links: on, Class: "vote"}},
		{"jitter ≤ delay", Rule{Action: Delay, Links: on, Delay: 1, Jitter: 2}},
		{"over 0", Rule{Action: Delay, Links: on}},
		{"takes no delay", Rule{Action: Cut, Links: on, Delay: 1}},
		{"rate", Rule{Action: Throttle, Links: on}},
		{"rate", Rule{Action: Throttle, Links: on, Rate: -1}},
		{"rate", Rule{Action: Cut, Links: on, Rate: 1}},
		{"chance", Rule{Action: Drop, Links: on, Chance: 1.5}},
		{"chance", Rule{Action: Refuse, Links: on, Chance: 0.5}},
		{"count", Rule{Action: Drop, Links: on, Count: -1}},
		{"count", Rule{Action: Delay, Links: on, Delay: 1, Count: 1}},
	} {
		err := r.fabric.Supports(tc.rule)
		if tc.want == "" {
			require.NoError(t, err, "%+v", tc.rule)
			continue
		}
		require.ErrorContains(t, err, tc.want, "%+v", tc.rule)
		_, err = r.fabric.Apply(tc.rule)
		require.Error(t, err)
	}
	require.Empty(t, r.fabric.applied)
	require.Same(t, noRules, r.fabric.links[ab].rules)
}

// told is what the observer was told of votes, in order: stage, number of the frame in
// order of appearance, and whether its bytes were shown.
func (r *rig) told() func() []string {
	var seen list[string]
	var ids []uint64
	r.watch.mu.Lock()
	defer r.watch.mu.Unlock()
	r.watch.each = func(stage Stage, f Frame) {
		if f.Class != "vote" {
			return
		}
		if !slices.Contains(ids, f.ID) {
			ids = append(ids, f.ID)
		}
		seen.add(fmt.Sprint(stage, " ", slices.Index(ids, f.ID), " ", f.Link, " ", f.Bytes != nil))
	}
	return seen.list
}

// A frame has one ID at every stage, its copies too, and is held once.
func TestFramesAreFollowedByID(t *testing.T) {
	r := newRig(t, true)
	a, b := r.connect()
	told := r.told()
	sayToy(t, a, 1, "first")
	hearToy(t, b, "first")
	eventually(t, func() bool { return len(told()) == 2 }, "delivered")
	cut := r.apply(Rule{Action: Cut, Links: []Link{ab}})
	dup := r.apply(Rule{Action: Duplicate, Links: []Link{ab}, Class: "vote"})
	sayToy(t, a, 1, "second")
	eventually(t, func() bool { return len(told()) == 4 }, "held")
	again := r.apply(Rule{Action: Cut, Links: []Link{ab}})
	again.Remove()
	dup.Remove()
	cut.Remove()
	hearToy(t, b, "second", "second")
	eventually(t, func() bool { return len(told()) == 6 }, "delivered")
	require.Equal(t, []string{
		"sent 0 a > b true", "delivered 0 a > b true",
		"sent 1 a > b true", "held 1 a > b false", "delivered 1 a > b true", "delivered 1 a > b true",
	}, told())
}

// What was on its way when a cut came is held as well.
func TestFramesThatWaitAreHeldByACut(t *testing.T) {
	r := newRig(t, true)
	a, b := r.connect()
	told := r.told()
	slow := r.apply(Rule{Action: Delay, Links: []Link{ab}, Delay: time.Hour})
	sayToy(t, a, 1, "one", "two")
	eventually(t, func() bool { return len(told()) == 2 }, "sent")
	cut := r.apply(Rule{Action: Cut, Links: []Link{ab}})
	eventually(t, func() bool { return len(told()) == 4 }, "held")
	slow.Remove()
	cut.Remove()
	hearToy(t, b, "one", "two")
	eventually(t, func() bool { return len(told()) == 6 }, "delivered")
	require.Equal(t, []string{"held 0 a > b false", "held 1 a > b false"}, told()[2:4])
}
