package finding

import (
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/results"
)

// State is the status with what people did about it: "ongoing, muted until 2026-12-24".
func (f *Finding) State() string {
	switch {
	case f.Muted:
		return string(f.Status) + ", muted until " + f.Mute.Until
	case f.MuteOver():
		return string(f.Status) + ", mute over since " + f.Mute.Until
	}
	return string(f.Status)
}

// Seen is "5 of 80 (2 % to 14 %)": the rate, and where it is with [reproduce.Confidence].
func (f *Finding) Seen() string {
	return fmt.Sprintf("%d of %d (%s to %s)", f.Rate.K, f.Rate.N, percent(f.Low), percent(f.High))
}

// percent is a share with as many digits as tell it from nothing.
func percent(share float64) string {
	switch {
	case share > 0 && share < 0.0001:
		return "under 0.01 %"
	case share > 0 && share < 0.01:
		return fmt.Sprintf("%.2f %%", 100*share)
	}
	return fmt.Sprintf("%.0f %%", 100*share)
}

// Again says whether the finding came again when its runs were repeated: "3 of 4", "not
// repeated: 0 of 10", "not tried yet".
func (f *Finding) Again() string {
	k, n, tried := 0, 0, false
	for _, t := range f.Tried {
		if t.What == Repeat {
			k, n, tried = k+t.Reproduced, n+t.Runs, true
		}
	}
	switch {
	case k > 0:
		return fmt.Sprintf("%d of %d", k, n)
	case tried:
		return fmt.Sprintf("not repeated: 0 of %d", n)
	}
	return "not tried yet"
}

// Count says how many findings there are of each status: "2 findings: 1 new, 1 ongoing; 1 of
// them muted".
func (r *Report) Count() string {
	count := make(map[Status]int)
	muted := 0
	for i := range r.Findings {
		count[r.Findings[i].Status]++
		if r.Findings[i].Muted {
			muted++
		}
	}
	var parts []string
	for _, s := range []Status{New, Regressed, Ongoing, Resolved} {
		if count[s] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count[s], s))
		}
	}
	word := "findings"
	if len(r.Findings) == 1 {
		word = "finding"
	}
	text := fmt.Sprintf("%d %s", len(r.Findings), word)
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	if muted > 0 {
		text += fmt.Sprintf("; %d of them muted", muted)
	}
	return text
}

// String is the list, a line a finding.
func (r *Report) String() string {
	var b strings.Builder
	b.WriteString(r.Count())
	if r.Night != "" {
		b.WriteString(", as of " + r.Night)
	}
	b.WriteByte('\n')
	if len(r.Findings) == 0 {
		return b.String()
	}
	b.WriteByte('\n')
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "STATUS\tID\tSEEN\tAGAIN\tFIRST\tLAST\tVERSIONS\tRULE")
	for i := range r.Findings {
		f := &r.Findings[i]
		rule := f.Signature.String()
		if f.Label != "" {
			rule += " – " + f.Label
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", f.State(), f.ID, f.Seen(), f.Again(), f.First.Night, f.Last.Night, versions(f.Systems), rule)
	}
	w.Flush() // a Builder never fails
	return b.String()
}

// versions is "v1", or "v1 and 2 more".
func versions(all []string) string {
	switch len(all) {
	case 0:
		return "–"
	case 1:
		return all[0]
	}
	return fmt.Sprintf("%s and %d more", all[len(all)-1], len(all)-1)
}

// Page is all that is known of a finding, with the commands to go on.
func (f *Finding) Page() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s  %s  %s\n", f.ID, f.State(), f.Signature)
	if f.Label != "" {
		fmt.Fprintf(&b, "  %s\n", f.Label)
	}
	if f.Mute != nil && f.Mute.Why != "" {
		fmt.Fprintf(&b, "  muted: %s\n", f.Mute.Why)
	}
	b.WriteByte('\n')
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, row := range f.rows() {
		fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
	}
	w.Flush() // a Builder never fails
	for _, m := range f.Minimal {
		how := "fails"
		if !m.Measured {
			how = "failed while it was looked for, which flatters it,"
		}
		fmt.Fprintf(&b, "\nsmallest plan, which %s %d of %s (from %s to %s):\n", how, m.Reproduced, count.Many(m.Runs, "time"), m.Before, m.After)
		if strings.TrimSpace(m.Plan) == "" {
			b.WriteString("  (no fault: the system fails by itself)\n")
		}
		for line := range strings.Lines(m.Plan) {
			fmt.Fprintf(&b, "  %s\n", strings.TrimRight(line, "\n"))
		}
	}
	if commands := f.Commands(); len(commands) > 0 {
		fmt.Fprintf(&b, "\n  %s\n", strings.Join(commands, "\n  "))
	}
	return b.String()
}

// rows are the facts of a page.
func (f *Finding) rows() [][2]string {
	rows := [][2]string{
		{"proof", f.Text},
		{"shape", f.Shape},
		{"seen", fmt.Sprintf("%d of %s (%.0f %% sure: %s to %s), %d in the last night", f.Rate.K, count.Many(f.Rate.N, "run"), 100*reproduce.Confidence, percent(f.Low), percent(f.High), f.Tonight)},
		{"again", f.Again()},
		{"first", f.First.String()},
		{"last", f.Last.String()},
	}
	add := func(name, text string) {
		if text != "" {
			rows = append(rows, [2]string{name, text})
		}
	}
	if f.Tonight == 0 {
		add("quiet", fmt.Sprintf("for %s; from %d on it is resolved", count.Many(f.Rate.Quiet, "run"), f.Rate.Needs))
	}
	add("versions", strings.Join(f.Systems, ", "))
	add("usurper", strings.Join(f.Harness, ", "))
	add("also broken", strings.Join(f.Also, "; "))
	add("possibly several", f.Several)
	if len(f.Alike) > 0 {
		add("possibly one bug", "the same smallest plan has "+strings.Join(f.Alike, ", "))
	}
	for _, t := range f.Tried {
		add("tried", fmt.Sprintf("%s (%s, %s)", t, t.Of, t.Night))
	}
	for _, e := range f.Examples {
		add("example", e.Dir)
	}
	return rows
}

// String is "2026-12-01, run 17, seed 5, 22:01 UTC, reference, v1".
func (s Sighting) String() string {
	text := fmt.Sprintf("%s, run %d, seed %d, %s UTC", s.Night, s.Number, s.Seed, s.Time.UTC().Format("2006-01-02 15:04"))
	for _, more := range []string{s.Cell, s.System} {
		if more != "" {
			text += ", " + more
		}
	}
	return text
}

// Commands are what to type to go on with a finding: to repeat it, by its smallest plan
// if there is one, else by an example, to look at it, and to make the first run again.
func (f *Finding) Commands() []string {
	var commands []string
	switch {
	case len(f.Minimal) > 0:
		dir := results.Quote(f.Minimal[0].Dir)
		commands = append(commands, f.repeating("replay --times 10", dir), f.of("explain", dir))
	case len(f.Examples) > 0:
		dir := results.Quote(f.Examples[0].Dir)
		commands = append(commands, f.repeating("replay --times 10", dir), f.of("explain", dir), f.repeating("shrink", dir))
	}
	if len(f.Last.Args) > 0 {
		words := slices.Clone(f.Last.Args)
		for i := range words {
			words[i] = results.Quote(words[i])
		}
		commands = append(commands, "usurper "+strings.Join(words, " "))
	}
	return commands
}

// of is a command about this finding's checker.
func (f *Finding) of(command, dir string) string {
	return "usurper " + command + " " + dir + " --checker " + results.Quote(f.Checker)
}

// repeating is a command that makes runs until this finding's rule is broken.
func (f *Finding) repeating(command, dir string) string {
	command = f.of(command, dir) + " --rule " + results.Quote(f.Rule)
	if binary := f.First.Binary(); binary != "" {
		command += " --binary " + results.Quote(binary)
	}
	return command
}

// Binary is the executable that the run's arguments name, "" if they name none.
func (s Sighting) Binary() string {
	for i, arg := range s.Args {
		if name, ok := strings.CutPrefix(arg, "--binary="); ok {
			return name
		}
		if arg == "--binary" && i+1 < len(s.Args) {
			return s.Args[i+1]
		}
	}
	return ""
}
