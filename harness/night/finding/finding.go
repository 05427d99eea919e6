package finding

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/text"
)

// Finding is what is known of a finding after some night.
type Finding struct {
	ID string `json:"id"`
	Signature
	// Form is the smallest plan found for it, up to the names of members and without
	// times; "" as long as there is none, or several (see Several).
	Form   string `json:"form,omitempty"`
	Text   string `json:"text"` // of its first violation, with names and numbers
	Status Status `json:"status"`
	Rate   Rate   `json:"rate"`
	// Low and High are the exact interval of the rate, by which it is known with
	// [reproduce.Confidence].
	Low  float64 `json:"low"`
	High float64 `json:"high"`
	// Tonight is how many runs of the last of the nights showed it.
	Tonight  int       `json:"tonight"`
	First    Sighting  `json:"first"`
	Last     Sighting  `json:"last"`
	Systems  []string  `json:"systems,omitempty"` // versions that showed it
	Harness  []string  `json:"harness,omitempty"`
	Also     []string  `json:"also,omitempty"`  // what else its runs broke, the most frequent first
	Alike    []string  `json:"alike,omitempty"` // IDs of findings by other rules with the same smallest plan: perhaps one bug
	Several  string    `json:"several,omitempty"`
	Label    string    `json:"label,omitempty"`
	Mute     *Mute     `json:"mute,omitempty"`
	Muted    bool      `json:"muted"` // at the time asked for
	Examples []Example `json:"examples,omitempty"`
	Minimal  []Minimal `json:"minimal,omitempty"`
	Tried    []Tried   `json:"tried,omitempty"`
	folder   string    // below the store; several findings may share it
	cells    map[string]bool
	runs     int       // seen as its own
	shrunk   []Minimal // also those of other findings of the folder
}

// Fails tells whether the finding makes a night fail: it is new or regressed, and not
// muted.
func (f *Finding) Fails() bool {
	return !f.Muted && (f.Status == New || f.Status == Regressed)
}

// MuteOver tells whether it was muted until a day that is over.
func (f *Finding) MuteOver() bool { return f.Mute != nil && !f.Muted }

// Report is what a store holds after some night.
type Report struct {
	Night    string    `json:"night"` // the last one told of; "" if there is none
	Findings []Finding `json:"findings"`
	// Damaged names the files that could not be read, and why. What they say is missing.
	Damaged []string `json:"damaged,omitempty"`
}

// Read tells of all findings as of a night, the latest if it is "". Mutes are as of now.
// New and regressed ones come first, then the most frequent. Damaged files are told and
// passed over; an error means that the directory as a whole cannot be read.
func (s *Store) Read(as string, now time.Time) (Report, error) {
	r := Report{Night: as}
	damaged := func(why string) { r.Damaged = append(r.Damaged, why) }
	names, err := list(s.dir)
	if err != nil {
		return r, fmt.Errorf("read findings: %w", err)
	}
	var nights []night
	readAll(s.path(nightsDir), damaged, func(_ string, n night) { nights = append(nights, n) })
	if as != "" && !slices.ContainsFunc(nights, func(n night) bool { return n.Night == as }) {
		return r, fmt.Errorf("%s knows no night %q%s", s.dir, text.Shorten(as, text.Token), text.DidYouMean(as, nightNames(nights)))
	}
	if as == "" {
		r.Night = latest(nights)
	}
	for _, name := range names {
		if name == nightsDir || name == markFile || !isFolder(s.path(name)) {
			continue
		}
		var sig Signature
		if err := read(s.path(name, signatureFile), &sig); err != nil {
			if errors.Is(err, fs.ErrNotExist) {
				err = fmt.Errorf("%s has no %s, so it is no finding", s.path(name), signatureFile)
			}
			damaged(err.Error())
			continue
		}
		r.Findings = append(r.Findings, s.findings(name, sig, nights, r.Night, now, damaged)...)
	}
	alike(r.Findings)
	slices.SortStableFunc(r.Findings, worthFirst)
	return r, nil
}

// findings reads a folder: one finding, or one for each smallest plan that it has.
func (s *Store) findings(name string, sig Signature, nights []night, as string, now time.Time, damaged func(string)) []Finding {
	f := Finding{ID: name, Signature: sig, folder: name, cells: make(map[string]bool)}
	var all []seen
	readAll(s.path(name, seenDir), damaged, func(_ string, n seen) { all = append(all, n) })
	evenings := upTo(f.evenings(nights, all), as)
	f.Status, f.Rate = statusOf(evenings)
	if f.Status == "" {
		return nil // it was first seen later, or what tells of it is damaged
	}
	f.Low, f.High = reproduce.Interval(f.Rate.K, f.Rate.N, reproduce.Confidence)
	f.Tonight = evenings[len(evenings)-1].k
	if f.sightings(all, evenings); f.runs == 0 {
		return nil // all its runs are told of other findings
	}
	for _, example := range s.kept(name, examplesDir) {
		e := Example{Name: example, Dir: s.path(name, examplesDir, example)}
		if err := read(filepath.Join(e.Dir, runFile), &e.Run); err != nil {
			damaged(err.Error())
			continue
		}
		f.Examples = append(f.Examples, e)
	}
	readAll(s.path(name, triedDir), damaged, func(_ string, t Tried) { f.Tried = append(f.Tried, t) })
	slices.SortStableFunc(f.Tried, func(a, b Tried) int { return a.Begun.Compare(b.Begun) })
	for _, form := range s.kept(name, minimalDir) {
		var m Minimal
		dir := s.path(name, minimalDir, form)
		if err := read(filepath.Join(dir, minimalFile), &m); err != nil {
			damaged(err.Error())
			continue
		}
		m.Dir = dir
		f.Minimal = append(f.Minimal, m)
	}
	f.shrunk = f.Minimal
	s.said(&f, now, damaged)
	return f.parts()
}

// evenings counts, for each night, the runs that showed the finding and those of its
// cells.
func (f *Finding) evenings(nights []night, all []seen) []evening {
	byName := make(map[string]*evening)
	at := func(name string, begun time.Time) *evening {
		e := byName[name]
		if e == nil {
			e = &evening{name: name, begun: begun}
			byName[name] = e
		}
		if begun.Before(e.begun) {
			e.begun = begun
		}
		return e
	}
	for _, n := range all {
		for cell, k := range n.Runs {
			f.cells[cell] = true
			at(n.Night, n.Begun).k += k
		}
	}
	for _, n := range nights {
		e := at(n.Night, n.Begun)
		for cell := range f.cells {
			e.n += n.Runs[cell]
		}
	}
	var list []evening
	for _, e := range byName {
		list = append(list, *e)
	}
	return list
}

// sightings takes what was seen up to the last of some nights.
func (f *Finding) sightings(all []seen, evenings []evening) {
	also := make(map[string]int)
	for _, n := range all {
		if !slices.ContainsFunc(evenings, func(e evening) bool { return e.name == n.Night }) {
			continue
		}
		if f.First.Time.IsZero() || n.First.Time.Before(f.First.Time) {
			f.First, f.Text = n.First, n.Text
		}
		if f.Last.Time.IsZero() || n.Last.Time.After(f.Last.Time) {
			f.Last = n.Last
		}
		for what, k := range n.Also {
			also[what] += k
		}
		for _, v := range n.Systems {
			f.Systems = with(f.Systems, v)
		}
		for _, v := range n.Harness {
			f.Harness = with(f.Harness, v)
		}
		f.runs += n.Main
	}
	for what := range also {
		f.Also = append(f.Also, what)
	}
	slices.SortFunc(f.Also, func(a, b string) int { return cmp.Or(cmp.Compare(also[b], also[a]), cmp.Compare(a, b)) })
}

// parts returns the findings of a folder. Runs that break one rule in one way are one
// finding until their smallest plans say otherwise: then they are one for each plan, and
// which of them the other runs are of is not known.
func (f Finding) parts() []Finding {
	forms := make(map[string][]Minimal)
	var order []string
	for _, m := range f.Minimal {
		if forms[m.Form] == nil {
			order = append(order, m.Form)
		}
		forms[m.Form] = append(forms[m.Form], m)
	}
	switch {
	case len(order) == 0 && f.runs > 1:
		f.Several = fmt.Sprintf("%d runs, none of them shrunk", f.runs)
	case len(order) == 1 && f.runs > 1:
		f.Form = order[0]
		f.Several = fmt.Sprintf("%d runs, %d of them shrunk, to one plan", f.runs, len(f.Minimal))
	case len(order) == 1:
		f.Form = order[0]
	}
	if len(order) < 2 {
		return []Finding{f}
	}
	var parts []Finding
	for _, form := range order {
		part := f
		part.ID = f.ID + "." + digest([]byte(form))[:4]
		part.Form, part.Minimal = form, forms[form]
		part.Several = fmt.Sprintf("%s of %s: rate, first and last seen are those of all of them", count.Many(f.runs, "run"), count.Many(len(order), "plan"))
		parts = append(parts, part)
	}
	return parts
}

// alike notes which findings have the same smallest plan by another rule. That two fail
// without any fault says nothing.
func alike(all []Finding) {
	for i := range all {
		for j := range all {
			f, o := &all[i], &all[j]
			if i != j && f.Form != "" && f.Form != NoFault && f.Form == o.Form && f.Target == o.Target && (f.Checker != o.Checker || f.Rule != o.Rule) {
				f.Alike = append(f.Alike, o.ID)
			}
		}
	}
}

// worthFirst orders findings as people want to read them.
func worthFirst(a, b Finding) int {
	rank := []Status{Regressed, New, Ongoing, Resolved}
	return cmp.Or(
		cmp.Compare(slices.Index(rank, a.Status), slices.Index(rank, b.Status)),
		cmp.Compare(b.Rate.K*a.Rate.N, a.Rate.K*b.Rate.N),
		strings.Compare(a.ID, b.ID),
	)
}

// Find returns the finding of an ID, or of what only one ID begins with.
func (r *Report) Find(id string) (*Finding, error) {
	var begin []string
	var ids []string
	found := -1
	for i := range r.Findings {
		switch f := &r.Findings[i]; {
		case f.ID == id:
			return f, nil
		case strings.HasPrefix(f.ID, id):
			begin, found = append(begin, f.ID), i
		}
		ids = append(ids, r.Findings[i].ID)
	}
	switch {
	case id == "":
		return nil, errors.New("name a finding by its ID: usurper findings lists them")
	case len(begin) == 1:
		return &r.Findings[found], nil
	case len(begin) > 1:
		return nil, fmt.Errorf("%d findings begin with %q: %s", len(begin), text.Shorten(id, text.Token), strings.Join(begin, ", "))
	}
	return nil, fmt.Errorf("there is no finding %q%s: usurper findings lists them", text.Shorten(id, text.Token), text.DidYouMean(id, ids))
}

func latest(nights []night) string {
	var last night
	for _, n := range nights {
		if n.Begun.After(last.Begun) || n.Begun.Equal(last.Begun) && n.Night > last.Night {
			last = n
		}
	}
	return last.Night
}

func nightNames(nights []night) (names []string) {
	for _, n := range nights {
		names = with(names, n.Night)
	}
	return names
}
