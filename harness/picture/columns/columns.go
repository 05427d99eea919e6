// Package columns cuts a stretch of a picture into equal columns, for whoever draws in
// characters or in pixels. What is shorter than a column is seen in it all the same.
package columns

import (
	"math"
	"time"

	"github.com/usurper/usurper/harness/picture"
)

// Scale is a stretch of time that is drawn in a number of columns. To is after From, and
// Columns positive.
type Scale struct {
	From, To time.Duration
	Columns  int
}

// At returns the column of a moment: below 0 or beyond the last if it lies outside.
func (s Scale) At(t time.Duration) int {
	if t < s.From {
		return -1
	}
	return int(float64(t-s.From) / float64(s.To-s.From) * float64(s.Columns))
}

// Begin returns when a column begins.
func (s Scale) Begin(column int) time.Duration {
	return s.From + time.Duration(float64(s.To-s.From)*float64(column)/float64(s.Columns))
}

// Span returns the columns of a stretch of time, from the first to before end, and
// whether any of it is within the scale. What has no length has one column.
func (s Scale) Span(span picture.Span) (first, end int, within bool) {
	if span.From >= s.To || span.To < s.From || span.To == s.From && span.From < span.To {
		return 0, 0, false
	}
	first = max(s.At(span.From), 0)
	end = s.Columns
	if span.To < s.To {
		if end = s.At(span.To); end == first || s.Begin(end) < span.To {
			end++
		}
	}
	return first, min(end, s.Columns), first < s.Columns
}

// Lane returns for each column what a member was, nil before its first event. Of several
// it is the one that is in no other column, and of such the one that says most: that it
// led, that it was down.
func (s Scale) Lane(l *picture.Lane) []*picture.Stay {
	out := make([]*picture.Stay, s.Columns)
	alone := make([]bool, s.Columns)
	for i := range l.Stays {
		stay := &l.Stays[i]
		first, end, within := s.Span(stay.Span)
		if !within {
			continue
		}
		short := end-first == 1
		for c := first; c < end; c++ {
			if out[c] == nil || short && !alone[c] || short == alone[c] && rank(stay.Role) >= rank(out[c].Role) {
				out[c], alone[c] = stay, short
			}
		}
	}
	return out
}

func rank(r picture.Role) int {
	switch r {
	case picture.Leader:
		return 7
	case picture.Down:
		return 6
	case picture.Paused:
		return 5
	case picture.Removed:
		return 4
	case picture.Candidate:
		return 3
	case picture.Learner:
		return 2
	case picture.Follower:
		return 1
	}
	return 0
}

// Within tells for each column whether any of the spans is in it.
func (s Scale) Within(spans []picture.Span) []bool {
	out := make([]bool, s.Columns)
	for _, span := range spans {
		first, end, _ := s.Span(span)
		for c := first; c < end; c++ {
			out[c] = true
		}
	}
	return out
}

// Rate returns how many a second there are of what counts has by columns of its own
// width, and the greatest of it.
func (s Scale) Rate(counts []int, width time.Duration) (rate []float64, most float64) {
	rate = make([]float64, s.Columns)
	s.each(len(counts), width, func(c, from, to int) {
		sum := 0
		for _, n := range counts[from:to] {
			sum += n
		}
		rate[c] = float64(sum) / (time.Duration(to-from) * width).Seconds()
		most = max(most, rate[c])
	})
	return rate, most
}

// Greatest returns the greatest of values, which have columns of their own width, in each
// column, -1 for none, and the greatest of all.
func (s Scale) Greatest(values []int64, width time.Duration) (greatest []int64, most int64) {
	greatest, most = make([]int64, s.Columns), -1
	for c := range greatest {
		greatest[c] = -1
	}
	s.each(len(values), width, func(c, from, to int) {
		for _, v := range values[from:to] {
			greatest[c] = max(greatest[c], v)
		}
		most = max(most, greatest[c])
	})
	return greatest, most
}

// each calls do with each column and those of another width, n in all, that are in it.
func (s Scale) each(n int, width time.Duration, do func(column, from, to int)) {
	if width <= 0 {
		return
	}
	for c := range s.Columns {
		from := int(s.Begin(c) / width)
		to := min(max(from+1, int((s.Begin(c+1)+width-1)/width)), n)
		if from < to {
			do(c, from, to)
		}
	}
}

// Tick is a round moment.
type Tick struct {
	At     time.Duration
	Column int
}

// Ticks returns round moments that are at least so many columns apart, and by which of
// them the clock counts.
func (s Scale) Ticks(apart int) (ticks []Tick, step time.Duration) {
	least := time.Duration(math.Ceil(float64(s.To-s.From) / float64(s.Columns) * float64(apart)))
	step = roundStep(least)
	for t := (s.From + step - 1) / step * step; t < s.To; t += step {
		ticks = append(ticks, Tick{t, s.At(t)})
	}
	return ticks, step
}

// roundStep returns the least round stretch of time that is no shorter.
func roundStep(least time.Duration) time.Duration {
	for unit := time.Nanosecond; unit < time.Second; unit *= 10 {
		for _, k := range []time.Duration{1, 2, 5} {
			if k*unit >= least {
				return k * unit
			}
		}
	}
	for _, d := range []time.Duration{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21600, 43200} {
		if d*time.Second >= least {
			return d * time.Second
		}
	}
	day := 24 * time.Hour
	return (least + day - 1) / day * day
}

// Clock writes a moment of a scale whose ticks are so far apart: 4s, 4.25s, 1m30s.
func Clock(at, step time.Duration) string {
	if at >= time.Minute && step >= time.Second {
		return at.Round(time.Second).String()
	}
	digits := 0
	for unit := time.Second; unit > step && digits < 9; unit /= 10 {
		digits++
	}
	return seconds(at, digits)
}
