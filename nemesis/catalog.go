package nemesis

import (
	"fmt"
	"strings"

	"github.com/usurper/usurper/harness/text"
)

// Entry is one line of the catalogue of faults.
type Entry struct {
	Name    string // as in a plan
	Short   string // one line of help
	Example string // a whole step

	parse func(name string, r *reader) (Fault, error)
}

// Catalog lists all faults, in the order in which help shows them. A fault's
// first word finds its parser.
func Catalog() []Entry {
	return []Entry{
		{"partition", "cut all links between the sides", "at 5s for 3s partition leader | rest", parsePartition},
		{"partition halves", "cut the cluster in two, at random", "at 5s for 3s partition halves", parsePartition},
		{"partition bridge", "two halves that only one member connects", "at 5s for 3s partition bridge one", parsePartition},
		{"partition ring", "every member sees a majority, nobody the same one", "at 5s for 3s partition ring", parsePartition},
		{"isolate", "cut all links of a member", "on candidate after 20ms for 1s isolate candidate", parseWho(func(t Target) Fault { return Isolate{t} })},
		{"cut", "hold everything that goes one way, dials too", "at 26s for 2s cut n1 > n2", parseTraffic},
		{"delay", "let everything, or messages of a class, arrive later", "at 20s for 4s delay append 80ms±40ms leader > *", parseTraffic},
		{"throttle", "let no more than so many bytes a second pass", "at 22s for 2s throttle 10KB/s leader > *", parseTraffic},
		{"reset", "close open connections with a reset, once", "at 25s reset * > *", parseTraffic},
		{"refuse", "close open connections and refuse new ones", "at 25s for 1s refuse n1 > n2", parseTraffic},
		{"drop", "lose messages", "at 22s for 2s drop vote 50% * > n3", parseTraffic},
		{"duplicate", "deliver messages twice", "maybe at 22s for 2s duplicate append 100% * > *", parseTraffic},
		{"reorder", "let messages be overtaken", "at 22s for 2s reorder append 50% leader > *", parseTraffic},
		{"hold", "keep messages back until the end of the fault", "at 22s for 2s hold vote-response * > n1", parseTraffic},
		{"kill", "SIGKILL, and start again at the end of the fault; staggered: one by one, before it", "on vote-granted by n3 for 1s kill n3", parseStruck(func(t Target) Fault { return Kill{t} })},
		{"pause", "SIGSTOP, and SIGCONT at the end of the fault; staggered: one by one, before it", "at 12s for 2s pause several staggered", parseStruck(func(t Target) Fault { return Pause{t} })},
		{"restart", "SIGKILL, and start again at once", "at 15s restart one", parseWho(func(t Target) Fault { return Restart{t} })},
		{"restart-storm", "restart again and again", "at 16s for 4s restart-storm one every 300ms", parseStorm},
		{"rolling-restart", "restart all, one after the other", "at 16s rolling-restart every 500ms", parseRolling},
		{OpDefragment, "operator: rewrite the database file without its holes", "at 5s defragment leader", parseOperation},
		{OpCompact, "operator: forget all revisions but the newest", "at 6s compact one", parseOperation},
		{OpSnapshot, "operator: stream a copy of the whole state", "at 7s snapshot-save follower", parseOperation},
		{OpMoveLeader, "operator: let the leader pass the lead on", "at 8s move-leader to follower", parseMoveLeader},
		{"remove", "operator: take a member out; at the end of the fault a new one, without data, takes its place", "at 10s for 3s remove follower", parseWho(func(t Target) Fault { return Remove{t} })},
		{"replace", "operator: kill a member, remove it and let a new one, without data, take its place", "at 18s replace one", parseWho(func(t Target) Fault { return Replace{t} })},
		{"failpoint", "panic or sleep at a failpoint (gofail)", "at 24s for 3s failpoint raftBeforeSave sleep(50ms) at leader", parseFailpoint},
	}
}

func parserOf(name string) func(string, *reader) (Fault, error) {
	for _, e := range Catalog() {
		if e.Name == name {
			return e.parse
		}
	}
	return nil
}

// faultNames lists the first words of all faults.
func faultNames() []string {
	var names []string
	for _, e := range Catalog() {
		if !strings.Contains(e.Name, " ") {
			names = append(names, e.Name)
		}
	}
	return names
}

// exampleOf returns the fault of the example of the fault called name.
func exampleOf(name string) string {
	for _, e := range Catalog() {
		if e.Name == name {
			return e.Example[strings.Index(e.Example, name+" "):]
		}
	}
	return ""
}

func parsePartition(_ string, r *reader) (Fault, error) {
	switch {
	case r.accept("halves"):
		return Halves{}, nil
	case r.accept("bridge"):
		return Bridge{Over: r.target("|")}, nil
	case r.accept("ring"):
		return Ring{Order: r.target("|")}, nil
	}
	p := Partition{Sides: []Target{r.target("|")}}
	for r.accept("|") {
		p.Sides = append(p.Sides, r.target("|"))
	}
	return p, nil
}

func parseWho(make func(Target) Fault) func(string, *reader) (Fault, error) {
	return func(_ string, r *reader) (Fault, error) { return make(r.target("|", ">", "<>")), nil }
}

// parseStruck is parseWho for faults of which the members may come back one by one.
func parseStruck(make func(Target) Fault) func(string, *reader) (Fault, error) {
	return func(_ string, r *reader) (Fault, error) {
		return parseStaggered(make(r.target("|", ">", "<>", staggered)), r)
	}
}

func parseTraffic(action string, r *reader) (Fault, error) {
	t := Traffic{Action: action}
	if err := t.parseWhat(r); err != nil {
		return nil, err
	}
	t.From = r.target(">", "<>")
	if t.From == "" && t.Class != "" {
		return nil, fmt.Errorf("%q is no target%s; if it is a class of messages, say between whom: for example %s", t.Class, text.DidYouMean(t.Class, wordNames()), exampleOf(action))
	}
	switch r.next() {
	case ">":
	case "<>":
		t.Both = true
	default:
		return nil, fmt.Errorf("%s goes from some to others: for example %s", action, exampleOf(action))
	}
	t.To = r.target(">", "<>", "|")
	return t, nil
}

// parseWhat reads what stands before the links.
func (t *Traffic) parseWhat(r *reader) (err error) {
	if w := r.peek(); t.messages() && className.MatchString(w) && orderOf(w) == unknown && w != "first" {
		t.Class = r.next()
	}
	switch t.Action {
	case "delay":
		if t.Delay, t.Jitter, err = r.spread("delay"); err != nil {
			return err
		}
	case "throttle":
		if t.Rate, err = parseRate(r.next()); err != nil {
			return err
		}
	}
	if strings.HasSuffix(r.peek(), "%") {
		if t.Percent, err = parsePercent(r.next()); err != nil {
			return err
		}
		if t.Percent == 100 && t.chancy() {
			t.Percent = 0
		}
	}
	if r.accept("first") {
		t.First, err = r.count("first")
	}
	return err
}

func parseStorm(_ string, r *reader) (Fault, error) {
	f := RestartStorm{Who: r.target("every")}
	var err error
	if r.accept("every") {
		f.Every, err = r.positive("every")
	}
	return f, err
}

func parseRolling(_ string, r *reader) (Fault, error) {
	f := RollingRestart{Who: r.target("every")}
	var err error
	if r.accept("every") {
		f.Every, err = r.positive("every")
	}
	return f, err
}
