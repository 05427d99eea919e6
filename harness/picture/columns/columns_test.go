package columns_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/picture"
	"github.com/usurper/usurper/harness/picture/columns"
)

const s = time.Second

func TestSpan(t *testing.T) {
	scale := columns.Scale{From: 10 * s, To: 20 * s, Columns: 10}
	for _, c := range []struct {
		from, to   time.Duration
		first, end int
		within     bool
	}{
		{10 * s, 20 * s, 0, 10, true},
		{0, 60 * s, 0, 10, true},
		{12 * s, 13 * s, 2, 3, true},
		{12*s + 1, 13*s + 1, 2, 4, true},
		{12*s + 1, 12*s + 1, 2, 3, true}, // a moment
		{12 * s, 12 * s, 2, 3, true},
		{20*s - 1, 21 * s, 9, 10, true},
		{20 * s, 21 * s, 0, 0, false},
		{9 * s, 10 * s, 0, 0, false},
		{1, 2, 0, 0, false},
	} {
		first, end, within := scale.Span(picture.Span{From: c.from, To: c.to})
		require.Equal(t, c.within, within, c)
		if within {
			require.Equal(t, []int{c.first, c.end}, []int{first, end}, c)
		}
	}
}

// What is shorter than a column is seen.
func TestLane(t *testing.T) {
	stay := func(from, to time.Duration, r picture.Role) picture.Stay {
		return picture.Stay{Span: picture.Span{From: from, To: to}, Role: r}
	}
	l := &picture.Lane{Stays: []picture.Stay{
		stay(1*s, 5*s, picture.Follower), stay(5*s, 5*s+1, picture.Candidate), stay(5*s+1, 7*s, picture.Leader),
		stay(7*s, 7*s+2, picture.Down), stay(7*s+2, 7*s+4, picture.Follower), stay(7*s+4, 10*s, picture.Leader),
	}}
	var got []picture.Role
	for _, at := range (columns.Scale{To: 10 * s, Columns: 10}).Lane(l) {
		if at == nil {
			got = append(got, "")
			continue
		}
		got = append(got, at.Role)
	}
	f, c, le, d := picture.Follower, picture.Candidate, picture.Leader, picture.Down
	require.Equal(t, []picture.Role{"", f, f, f, f, c, le, d, le, le}, got)
}

func TestCurves(t *testing.T) {
	scale := columns.Scale{To: 4 * s, Columns: 2}
	rate, most := scale.Rate([]int{4, 0, 0, 20}, s)
	require.Equal(t, []float64{2, 10}, rate)
	require.Equal(t, 10.0, most)
	greatest, top := scale.Greatest([]int64{-1, 7, -1, -1}, s)
	require.Equal(t, []int64{7, -1}, greatest)
	require.Equal(t, int64(7), top)

	near := columns.Scale{From: 3 * s, To: 3*s + 10, Columns: 5} // each in one column of the counts
	rate, _ = near.Rate([]int{4, 0, 0, 20}, s)
	require.Equal(t, []float64{20, 20, 20, 20, 20}, rate)
	rate, most = scale.Rate(nil, 0)
	require.Equal(t, []float64{0, 0}, rate)
	require.Zero(t, most)
}

func TestTicks(t *testing.T) {
	for _, c := range []struct {
		from, to time.Duration
		want     []string
	}{
		{0, 9 * s, []string{"0s", "2s", "4s", "6s", "8s"}},
		{1234 * time.Millisecond, 1500 * time.Millisecond, []string{"1.25s", "1.30s", "1.35s", "1.40s", "1.45s"}},
		{0, 10 * time.Minute, []string{"0s", "2m0s", "4m0s", "6m0s", "8m0s"}},
		{5 * s, 5*s + 10, []string{"5.000000000s", "5.000000002s", "5.000000004s", "5.000000006s", "5.000000008s"}},
		{0, 24 * 50 * time.Hour, []string{"0s", "216h0m0s", "432h0m0s", "648h0m0s", "864h0m0s", "1080h0m0s"}},
	} {
		scale := columns.Scale{From: c.from, To: c.to, Columns: 60}
		ticks, step := scale.Ticks(10)
		var got []string
		for _, tick := range ticks {
			got = append(got, columns.Clock(tick.At, step))
		}
		require.Equal(t, c.want, got)
	}
}
