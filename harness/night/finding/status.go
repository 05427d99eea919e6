package finding

import (
	"cmp"
	"slices"
	"time"
)

// Status is what has become of a finding by a night. It is told from what was seen in
// which night, and kept nowhere.
type Status string

const (
	// New: it was seen in this night for the first time.
	New Status = "new"
	// Ongoing: it was seen before, and not so long ago that it can be thought gone.
	Ongoing Status = "ongoing"
	// Resolved: it was not seen in so many runs since that, had its rate stayed what it
	// was, this would happen in at most one of twenty such findings ([Chance]).
	Resolved Status = "resolved"
	// Regressed: it was resolved, and was seen again in this night.
	Regressed Status = "regressed"
)

// Chance is how often a finding is called resolved that is as frequent as before.
const Chance = 0.05

// Rate is how often a finding was seen: K of N runs of the cells in which it was ever
// seen, from the first night that it was seen in (again, if it had been resolved).
// Quiet is how many such runs there were since the last night that it was seen in, and
// Needs how many show that it is resolved.
type Rate struct {
	K     int `json:"k"`
	N     int `json:"n"`
	Quiet int `json:"quiet"`
	Needs int `json:"needs"`
}

// evening is a night as one finding sees it.
type evening struct {
	name  string
	begun time.Time
	k, n  int // runs that showed it, of those of its cells
}

// history returns the status after the last of the nights, which are in order.
func statusOf(nights []evening) (Status, Rate) {
	status, rate := Status(""), Rate{}
	for _, e := range nights {
		switch {
		case e.k == 0 && rate.K == 0:
			continue // it was not there yet
		case e.k == 0:
			rate.Quiet += e.n
			if status != Resolved {
				status = Ongoing
			}
			if rate.Quiet >= rate.Needs {
				status = Resolved
			}
			continue
		case rate.K == 0:
			status = New
		case status == Resolved:
			status, rate = Regressed, Rate{}
		default:
			status = Ongoing
		}
		rate.N += rate.Quiet + max(e.n, e.k)
		rate.K, rate.Quiet = rate.K+e.k, 0
		rate.Needs = enough(rate.K, rate.N)
	}
	return status, rate
}

// enough is how many runs without it it takes to think a finding gone that k of n runs
// showed: the fewest, m, of which Fisher's exact test says that if n + m runs are all
// alike, none of the last m shows it in at most [Chance]. If all runs showed it, one
// more might be enough, but it is at least three, since runs of one night share much.
func enough(k, n int) int {
	gone := func(m int) bool {
		p := 1.0
		for i := range k {
			p *= float64(n-i) / float64(n+m-i)
		}
		return p <= Chance
	}
	high := 3
	for !gone(high) {
		high *= 2
	}
	low := 3
	for low < high {
		if mid := (low + high) / 2; gone(mid) {
			high = mid
		} else {
			low = mid + 1
		}
	}
	return low
}

// byBegin orders nights.
func byBegin(a, b evening) int {
	return cmp.Or(a.begun.Compare(b.begun), cmp.Compare(a.name, b.name))
}

// upTo returns the nights up to the one of a name, all of them if it is "".
func upTo(nights []evening, name string) []evening {
	slices.SortFunc(nights, byBegin)
	if i := slices.IndexFunc(nights, func(e evening) bool { return e.name == name }); i >= 0 {
		return nights[:i+1]
	}
	return nights
}
