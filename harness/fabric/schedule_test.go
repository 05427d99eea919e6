package fabric

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// named is the toy protocol with names for its votes: the payload is a term, and
// "no" after it a refusal.
type named struct{ toy }

func (named) Identify(class string, frame []byte) (ID, bool) {
	text, reject := strings.CutSuffix(string(frame[5:]), " no")
	term, err := strconv.ParseUint(text, 10, 64)
	return ID{Class: class, Term: term, Reject: reject}, err == nil && class == "vote"
}

func (named) Opens(class string) bool { return class == "vote" }

func schedule(t testing.TB, lines ...string) Schedule {
	t.Helper()
	s, err := ParseSchedule("test", strings.NewReader(ScheduleHeader+"\n"+strings.Join(lines, "\n")+"\n"))
	require.NoError(t, err)
	return s
}

func (s Schedule) lines() []string {
	var lines []string
	for _, m := range s {
		lines = append(lines, m.String())
	}
	return lines
}

func TestScheduleReadsBack(t *testing.T) {
	lines := []string{"sent a > b vote 7", "delivered a > b vote 7", "sent b > a vote-response 7 reject"}
	s := schedule(t, lines...)
	require.Equal(t, lines, s.lines())
	require.Equal(t, Moment{Sent, ba, ID{"vote-response", 7, true}}, s[2])

	torn, err := ParseSchedule("x", strings.NewReader(ScheduleHeader+"\nsent a > b vote 7\nsent b > a vo"))
	require.NoError(t, err)
	require.Equal(t, lines[:1], torn.lines(), "a line that a crash cut off")
}

func TestParseScheduleErrors(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "x:1:",
		"sent a > b vote 7\n":                 "x:1:",
		"# usurper schedule 2\n":              "of this version",
		ScheduleHeader + "\nlost a > b v 7\n": "x:2:",
		ScheduleHeader + "\n\n":               "x:2:",
		ScheduleHeader + "\nsent a > b vote 7\nsent a b vote 7\n":          "x:3:",
		ScheduleHeader + "\nsent a > b vote -7\n":                          "x:2:",
		ScheduleHeader + "\nsent a > b vote 7 granted\n":                   "x:2:",
		ScheduleHeader + "\nsent a > b vote 7 reject and more than that\n": "x:2:",
	} {
		_, err := ParseSchedule("x", strings.NewReader(text))
		require.ErrorContains(t, err, want, "%q", text)
	}
}

// Who has opened a term had heeded nothing of it, whatever was on its socket.
func TestScheduleIsHeeded(t *testing.T) {
	s := schedule(t,
		"sent a > b vote 2", "delivered a > b vote 2",
		"sent a > c vote 2", "delivered a > c vote 2",
		"sent b > c vote 2", "sent b > a vote 2",
		"delivered b > a vote 2",
		"sent c > a vote 3",
	)
	require.Equal(t, []string{
		"sent a > b vote 2",
		"sent a > c vote 2", "delivered a > c vote 2",
		"sent b > c vote 2", "delivered a > b vote 2", "sent b > a vote 2",
		"delivered b > a vote 2",
		"sent c > a vote 3",
	}, s.heeded(named{}.Opens).lines())
	require.Equal(t, s.lines(), s.heeded(func(string) bool { return false }).lines())
}

// A delivery waits for all before it, sends too, and for its rivals.
func TestFollower(t *testing.T) {
	f := newFollower(schedule(t,
		"sent a > b vote 2", "sent c > b vote 2",
		"delivered c > b vote 2", "delivered a > b vote 2",
		"sent b > c vote-response 2", "delivered b > c vote-response 2",
	), func(string) bool { return false })
	first, second := Moment{Delivered, Link{"c", "b"}, ID{Class: "vote", Term: 2}}, Moment{Delivered, ab, ID{Class: "vote", Term: 2}}
	stranger := Moment{Delivered, Link{"d", "b"}, ID{Class: "vote", Term: 2}}
	require.False(t, f.happened(Moment{Sent, ab, second.ID}), "only deliveries count")
	require.False(t, f.may(first), "c has not stood yet in the eyes of the schedule")
	require.False(t, f.may(second))
	require.False(t, f.may(stranger), "it rivals those that are scheduled")
	require.True(t, f.may(Moment{Delivered, Link{"d", "b"}, ID{Class: "vote", Term: 3}}), "nothing is known of term 3")

	f.happened(Moment{Sent, Link{"c", "b"}, first.ID})
	require.True(t, f.may(first))
	require.False(t, f.may(second))
	require.True(t, f.happened(first))
	require.False(t, f.happened(first), "once only")
	require.True(t, f.may(second))
	require.True(t, f.happened(second))
	require.True(t, f.may(stranger), "its rivals are through")

	answer := f.schedule[5]
	require.False(t, f.may(answer))
	f.overdue(answer)
	require.True(t, f.may(answer))
	require.True(t, f.happened(answer))
	require.True(t, f.done())
	require.Equal(t, Followed{Deliveries: 3, Kept: 3, Diverged: &Divergence{Frame: answer, Missed: f.schedule[4]}}, f.progress)
	require.Equal(t, `followed 3 of 3 deliveries, diverged first at "sent b > c vote-response 2", which did not come before "delivered b > c vote-response 2"`,
		f.progress.String())
}

func TestFollowerGoesOnBehindWhatIsLost(t *testing.T) {
	f := newFollower(schedule(t, "delivered a > b vote 2", "delivered b > a vote 2"), named{}.Opens)
	require.False(t, f.may(f.schedule[1]))
	f.lost(f.schedule[0])
	require.True(t, f.happened(f.schedule[1]))
	require.Equal(t, Followed{Deliveries: 2, Kept: 1}, f.progress)
}

func TestScheduleIsRecorded(t *testing.T) {
	for _, rules := range []bool{false, true} {
		t.Run(fmt.Sprintf("Rules=%v", rules), func(t *testing.T) {
			var got list[Moment] // recorded
			r := newRig(t, true, func(o *Options) { o.Protocol, o.Record = named{}, got.add })
			a, b := r.connect()
			if rules {
				r.apply(Rule{Action: Delay, Links: []Link{ab, ba}, Delay: time.Millisecond})
			}
			sayToy(t, a, 1, "7")
			hearToy(t, b, "7")
			sayToy(t, a, 2, "7") // no vote
			sayToy(t, a, 1, "7", "6", "8")
			hearToy(t, b, "7", "7", "6", "8")
			sayToy(t, b, 1, "7 no")
			hearToy(t, a, "7 no")
			want := []string{
				"sent a > b vote 7", "delivered a > b vote 7",
				"sent a > b vote 8", "delivered a > b vote 8",
				"sent b > a vote 7 reject", "delivered b > a vote 7 reject",
			}
			require.Equal(t, want, Schedule(got.list()).lines(), "a name counts once, and no term after a higher one")
			r.fabric.Heal()
			sayToy(t, a, 1, "9")
			hearToy(t, b, "9")
			require.Equal(t, want, Schedule(got.list()).lines(), "until Heal")
		})
	}
}

// follow makes a rig that follows a schedule.
func follow(t *testing.T, patience time.Duration, lines ...string) *rig {
	return newRig(t, true, func(o *Options) {
		o.Protocol, o.Follow, o.Patience = named{}, schedule(t, lines...), patience
	})
}

// Frames on two links come in the order of the schedule, not in that in which
// they were sent; what the schedule does not name passes them.
func TestScheduleIsFollowed(t *testing.T) {
	r := follow(t, time.Hour, "sent a > b vote 7", "sent b > a vote 7", "delivered b > a vote 7", "delivered a > b vote 7")
	a, b := r.connect()
	sayToy(t, a, 1, "7")
	sayToy(t, a, 2, "beat")
	hearToy(t, b, "beat")
	silent(t, b)
	sayToy(t, b, 1, "7")
	hearToy(t, a, "7")
	hearToy(t, b, "7")
	require.Equal(t, Followed{Deliveries: 2, Kept: 2}, r.fabric.Followed())
}

// What may not overtake is never held.
func TestScheduleSparesWhatMustStayInOrder(t *testing.T) {
	r := follow(t, time.Hour, "sent b > a vote 1", "delivered a > b order 7")
	a, b := r.connect()
	sayToy(t, a, 0, "7", "8")
	hearToy(t, b, "7", "8")
}

func TestScheduleHasPatience(t *testing.T) {
	r := follow(t, 20*time.Millisecond, "sent b > a vote 7", "delivered a > b vote 7", "delivered a > b vote 8")
	a, b := r.connect()
	begun := time.Now()
	sayToy(t, a, 1, "7")
	hearToy(t, b, "7")
	require.GreaterOrEqual(t, time.Since(begun), 15*time.Millisecond)
	sayToy(t, a, 1, "8")
	hearToy(t, b, "8")
	got := r.fabric.Followed()
	require.Equal(t, "sent b > a vote 7", got.Diverged.Missed.String())
	require.Equal(t, "delivered a > b vote 7", got.Diverged.Frame.String())
	require.Equal(t, 2, got.Kept)
	require.False(t, got.GaveUp)
}

// After a few waits in vain, frames no longer wait at all.
func TestScheduleIsGivenUp(t *testing.T) {
	r := follow(t, 5*time.Millisecond, "sent b > a vote 9",
		"delivered b > a vote 7", "delivered b > a vote 8", "delivered b > a vote 9", "delivered b > a vote 10", "delivered b > a vote 11")
	a, b := r.connect()
	for _, term := range []string{"7", "8", "9"} { // each rivals that of b
		sayToy(t, a, 1, term)
		hearToy(t, b, term)
	}
	require.True(t, r.fabric.Followed().GaveUp)
	require.Zero(t, r.fabric.Followed().Kept)
	r.fabric.scheduler.mu.Lock()
	r.fabric.scheduler.patience = time.Hour
	r.fabric.scheduler.mu.Unlock()
	sayToy(t, a, 1, "10")
	hearToy(t, b, "10")
}

func TestHealEndsASchedule(t *testing.T) {
	r := follow(t, time.Hour, "sent b > a vote 7", "delivered a > b vote 7", "delivered a > b vote 8")
	a, b := r.connect()
	sayToy(t, a, 1, "7")
	silent(t, b)
	r.fabric.Heal()
	hearToy(t, b, "7")
	sayToy(t, a, 1, "8")
	hearToy(t, b, "8")
	require.Equal(t, Followed{Deliveries: 2}, r.fabric.Followed(), "what came out of turn is not counted")
}

// A frame that is lost does not keep others waiting.
func TestScheduleGoesOnBehindADroppedFrame(t *testing.T) {
	r := follow(t, time.Hour, "delivered a > b vote 7", "delivered b > a vote 7")
	a, b := r.connect()
	r.apply(Rule{Action: Drop, Links: []Link{ab}, Class: "vote"})
	sayToy(t, b, 1, "7")
	silent(t, a)
	sayToy(t, a, 1, "7")
	hearToy(t, a, "7")
}

// A frame that rules keep back waits for its turn only after that, and its turn
// waits for it.
func TestScheduleAndRules(t *testing.T) {
	r := follow(t, time.Hour, "delivered a > b vote 7", "delivered b > a vote 7")
	a, b := r.connect()
	hold := r.apply(Rule{Action: Hold, Links: []Link{ab}, Class: "vote"})
	sayToy(t, a, 1, "7")
	sayToy(t, b, 1, "7")
	silent(t, a)
	silent(t, b)
	require.Equal(t, Evidence{FramesHeld: 1}, hold.Remove())
	hearToy(t, b, "7")
	hearToy(t, a, "7")
	require.Nil(t, r.fabric.Followed().Diverged)
}

func TestScheduleNeedsNames(t *testing.T) {
	_, err := New(Options{Protocol: toy{}, Record: func(Moment) {}})
	require.ErrorContains(t, err, "Identifier")
	_, err = New(Options{Protocol: named{}, Follow: Schedule{}})
	require.ErrorContains(t, err, "Patience")
}
