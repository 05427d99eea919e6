package serve

import (
	"cmp"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// perPage is how many runs one page of the index has.
const perPage = 100

// question is what of the index is asked for.
type question struct {
	Text, Verdict, Target, Workload, Bug, Rule, Kind string
	Under                                            string // a directory
	Sort                                             string
	Page                                             int
}

// sorts are the columns by which the index can be sorted; the first is the usual one.
func sorts() []string {
	return []string{"newest", "oldest", "verdict", "target", "workload", "bug", "length"}
}

func ask(v url.Values) question {
	q := question{
		Text: v.Get("q"), Verdict: v.Get("verdict"), Target: v.Get("target"), Workload: v.Get("workload"),
		Bug: v.Get("bug"), Rule: v.Get("rule"), Kind: v.Get("kind"), Under: v.Get("under"), Sort: v.Get("sort"),
	}
	if !slices.Contains(sorts(), q.Sort) {
		q.Sort = sorts()[0]
	}
	q.Page, _ = strconv.Atoi(v.Get("page")) // else the first
	return q
}

// Link is the address of the same question.
func (q question) Link() string { return q.link("page", strconv.Itoa(q.Page)) }

// link is the address of the same question, with one thing changed.
func (q question) link(name, value string) string {
	v := url.Values{}
	for k, s := range map[string]string{"q": q.Text, "verdict": q.Verdict, "target": q.Target, "workload": q.Workload, "bug": q.Bug, "rule": q.Rule, "kind": q.Kind, "under": q.Under, "sort": q.Sort} {
		if s != "" && !(k == "sort" && s == sorts()[0]) {
			v.Set(k, s)
		}
	}
	if value == "" {
		v.Del(name)
	} else {
		v.Set(name, value)
	}
	if len(v) == 0 {
		return "/"
	}
	return "/?" + v.Encode()
}

func (q question) wants(e *entry) bool {
	is := func(want, has string) bool { return want == "" || want == has }
	kind := "run"
	if e.Night {
		kind = aNight
	}
	return is(q.Kind, kind) && is(q.Verdict, e.Verdict) && is(q.Target, e.Target) && is(q.Workload, e.Workload) && is(q.Bug, e.Bug) &&
		(q.Rule == "" || slices.Contains(e.Rules, q.Rule)) &&
		(q.Under == "" || strings.HasPrefix(e.Path, q.Under+"/")) &&
		(q.Text == "" || strings.Contains(e.Path, q.Text) || strings.Contains(e.Plan, q.Text) || q.Text == strconv.FormatUint(e.Seed, 10))
}

// choose returns those that are asked for, in order, and how many pages they have; the
// page that is asked for becomes one that there is.
func (q *question) choose(all []*entry) (chosen []*entry, count, pages int) {
	for _, e := range all {
		if q.wants(e) {
			chosen = append(chosen, e)
		}
	}
	slices.SortFunc(chosen, func(a, b *entry) int {
		newest := cmp.Or(b.At.Compare(a.At), cmp.Compare(b.Path, a.Path))
		switch q.Sort {
		case "oldest":
			return -newest
		case "verdict":
			return cmp.Or(cmp.Compare(a.Verdict, b.Verdict), newest)
		case "target":
			return cmp.Or(cmp.Compare(a.Target, b.Target), newest)
		case "workload":
			return cmp.Or(cmp.Compare(a.Workload, b.Workload), newest)
		case "bug":
			return cmp.Or(cmp.Compare(b.Bug, a.Bug), newest)
		case "length":
			return cmp.Or(cmp.Compare(b.Length, a.Length), newest)
		}
		return newest
	})
	count = len(chosen)
	pages = max(1, (count+perPage-1)/perPage)
	q.Page = min(max(q.Page, 1), pages)
	from := (q.Page - 1) * perPage
	return chosen[from:min(from+perPage, count)], count, pages
}

// choice is a value that a filter can have.
type choice struct {
	Value string
	Count int
	Is    bool
}

// maxChoices bounds the values of a filter: rules and bugs are few.
const maxChoices = 200

// choices counts the values of something, the most frequent first.
func choices(all []*entry, is string, of func(*entry) []string) []choice {
	counts := make(map[string]int)
	for _, e := range all {
		for _, v := range of(e) {
			if v != "" {
				counts[v]++
			}
		}
	}
	if is != "" && counts[is] == 0 {
		counts[is] = 0
	}
	var out []choice
	for v, n := range counts {
		out = append(out, choice{v, n, v == is})
	}
	slices.SortFunc(out, func(a, b choice) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value)) })
	return out[:min(len(out), maxChoices)]
}
