package morning

import (
	"fmt"

	"github.com/usurper/usurper/harness/count"
)

// FailOn says which findings fail a night.
type FailOn string

// What fails a night.
const (
	FailOnNew FailOn = "new" // new and regressed ones
	FailOnAny FailOn = "any" // ongoing ones too
)

// fails tells whether a finding fails the night. A muted one never does, nor one that no
// run of the night shows.
func (o FailOn) fails(f *Finding) bool {
	known := f.Status == Ongoing || f.Status == Resolved
	return f.Tonight > 0 && !f.Muted && (!known || o == FailOnAny)
}

// evidence is what a night's verdict rests on.
type evidence struct {
	findings   []Finding
	unfiled    int // broken rules of which no finding tells
	runs       Counts
	maxUnknown float64 // share of the runs
	doubts     []Doubt
	failOn     FailOn
}

// judge decides what a night was, and says what was found and what it lacks to be known
// for good. What it lacks never masks what was found.
func judge(e evidence) (v Verdict, found, lacks []string) {
	by := make(map[Status]int)
	for i := range e.findings {
		if e.failOn.fails(&e.findings[i]) {
			by[e.findings[i].Status]++
		}
	}
	for _, s := range statuses() {
		if n := by[s]; n > 0 {
			found = append(found, count.Many(n, string(s)+" finding"))
		}
		delete(by, s)
	}
	for s, n := range by {
		found = append(found, count.Many(n, "finding")+" of status "+string(s))
	}
	if e.unfiled > 0 {
		found = append(found, count.Many(e.unfiled, "broken rule")+" of which no finding tells")
	}
	if e.runs.Broken > 0 {
		lacks = append(lacks, count.Many(e.runs.Broken, "run")+" broken")
	}
	if share := float64(e.runs.Unknown); e.runs.Unknown > 0 && share > e.maxUnknown*float64(e.runs.All) {
		most := "none may be"
		if e.maxUnknown > 0 {
			most = fmt.Sprintf("at most %.3g %% may be", 100*e.maxUnknown)
		}
		lacks = append(lacks, fmt.Sprintf("%d of %s unknown: %s", e.runs.Unknown, count.Many(e.runs.All, "run"), most))
	}
	switch n := len(e.doubts); n {
	case 0:
	case 1:
		lacks = append(lacks, e.doubts[0].Text)
	default:
		lacks = append(lacks, e.doubts[0].Text+", and "+count.Many(n-1, "more doubt"))
	}
	if e.runs.All == 0 {
		lacks = append(lacks, "no run was made")
	}
	switch {
	case len(found) > 0:
		return Found, found, lacks
	case len(lacks) > 0:
		return Unknown, found, lacks
	}
	return Quiet, found, lacks
}

// Status is the exit status of the night: 1, 2, 0.
func (v Verdict) Status() int {
	switch v {
	case Found:
		return 1
	case Quiet:
		return 0
	}
	return 2
}
