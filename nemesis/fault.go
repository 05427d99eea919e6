// Package nemesis holds faults as values: what they are, the plans that order
// them, the generator that invents plans, and the executor that carries them
// out and heals everything it has done.
//
// # Plans
//
// A plan is text, one step a line. What follows a # is a comment.
//
//	at 5s   for 3s  partition leader | rest
//	at 12s          restart one
//	on vote-granted by n3  for 1s  kill n3
//	maybe at 20s  for 4s  delay append 80ms±40ms leader > *
//
// A step says when, for how long, and what:
//
//	plan    = ["generated" theme...] step...
//	step    = ["maybe"] ( "at" TIME [repeat] | trigger ) ["for" TIME] fault
//	repeat  = "every" TIME["±"TIME] ["until" TIME]
//	trigger = "on" EVENT ["by" who] ["from" TIME] ["until" TIME] ["times" N] ["after" TIME]
//
// TIME is a Go duration (80ms, 12s500ms). Times with at, from and until count
// from the start of the faults. A fault without "for" stays until the end, when
// everything is healed; faults that are over at once (restart, reset, replace,
// rolling-restart, defragment and its like) take no "for", restart-storm needs one. "maybe" marks a step
// that need not strike: nothing of what it attacks may come by, its trigger may not
// come, nobody may play the part that it names. "generated" says that no person wrote
// the plan, and which [Themes] it has, see [Plan].
//
// A step that repeats fires again some time after it last did, once that is over.
// The members of a staggered fault come back one after the other, at moments drawn
// before its end, or at the times given, one for each.
//
// A trigger fires a step when a raft event is seen, after a delay if it says
// so; once, or as often as "times" says, but never again before its last
// interval is over. [Triggers] lists the events. "by" restricts it to events of
// some members, "from" and "until" to a part of the run.
//
//	fault = "partition" who "|" who ["|" who]...  cut all links between the sides
//	      | "partition" "halves"                  two random halves
//	      | "partition" "bridge" [who]            two halves that share one member
//	      | "partition" "ring" [names]            every member sees another majority
//	      | "isolate" who                         from all others, each on its own
//	      | "cut" links | "reset" links | "refuse" links
//	      | "delay" [class] TIME["±"TIME] [N"%"] ["first" N] links
//	      | "throttle" N("B/s"|"KB/s"|"MB/s") links
//	      | ("drop"|"duplicate"|"reorder") [class] [N"%"] ["first" N] links
//	      | "hold" [class] ["first" N] links
//	      | ("kill"|"pause") who ["staggered" [TIME]...]
//	      | "power-failure" who ["keep" ("nothing"|"names"|"some" [N])] ["quiet"] ["staggered" [TIME]...]
//	      | "restart" who
//	      | "restart-storm" who "every" TIME | "rolling-restart" [who] "every" TIME
//	      | "slow-sync" who TIME["±"TIME] [files]
//	      | ("fail-sync"|"fail-write"|"full"|"short-write"|"lost-write") who [files]
//	      | "bit-rot" who ["flip"|"truncate"|"zero"] [files] [N]
//	      | "clock" who ("+"TIME|"-"TIME|"drift" N"ppm"|"strobe" "±"TIME "every" TIME)
//	      | "slow" who N"%" | "starve" who N("KB"|"MB"|"GB"|"%") | "freeze" who | "deaf" who
//	      | ("defragment"|"compact"|"snapshot-save") who | "move-leader" ["to" who]
//	      | "remove" who | "replace" who
//	      | "failpoint" NAME ("panic"|"sleep(" TIME ")") "at" who
//	links = who ">" who | who "<>" who
//	files = a class of files that the system names (wal, …), or a pattern in quotes ("*.log")
//	who   = one or more words: names of members (letters, then a number) and
//	        the words of [Words], resolved when the fault fires
//
// "clients" is no member but an end of links, or on a side of a partition:
//
//	at 5s  for 2s  cut clients > leader             what they ask waits
//	at 9s  for 2s  cut leader > clients             what it answers waits
//	at 13s for 3s  partition clients leader | rest  they see the deposed alone
//
// A class is a kind of message (append, vote-response, …) as the target's
// protocol names it. "±" may be written "+-".
//
// # Operators
//
// What administrators do (defragment and all below it) needs a system that offers
// it; elsewhere, or if the system refuses or does not answer, the step is skipped
// with the reason. It goes on beside other steps, so that one can strike in the
// midst of it:
//
//	at 5s             defragment follower
//	at 5.005s for 1s  kill same
//
// # Outcomes
//
// Every step leaves its end in the history: it was injected and healed, with
// the evidence that it bit; it was skipped; its trigger never came; or a word
// in it meant nobody just then, nor soon after: while there is no leader, a step
// that names one waits for half of the time that it is to last, or for a second if
// it has none. An inject event is recorded before the effect;
// if the installation then fails, a skipped event ends it.
//
// # Files
//
// fault.go, plan.go and system.go are the nouns, offer.go says what a plan can ask
// of a system. parse.go reads plans, generate.go
// invents them by the themes of theme.go from acts, which are in election.go, reign.go,
// act.go and medium.go, execute.go carries them out: aim.go says whom a step means, env.go undoes what faults have done.
//
// To add a fault: write its type, which implements [Fault], its line in [Catalog],
// and for tests its line in package draw.
package nemesis

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/text"
)

// Fault is a value that says what to do to the system. It prints as plan text
// that parses back to an equal value.
type Fault interface {
	// String is the fault as a plan has it.
	String() string
	// Span tells how the fault relates to the "for" of its step.
	Span() Span
	// Check reports what makes the fault impossible in any run of this setting.
	Check(Setting) error
	// Resolve returns the fault with every target word replaced by names. It
	// fails with [ErrNoTarget] when a word means nobody just then.
	Resolve(*Scene) (Fault, error)
	// Inject puts a resolved fault in force. A fault of span Instant is over
	// when Inject returns. After an error nothing is in force but what Env
	// undoes by itself at the end of the execution.
	Inject(context.Context, *Env) (Injected, error)
}

// Injected is a fault in force.
type Injected struct {
	// Heal takes the fault back and says what it did. It is called until it
	// succeeds or time is out, and each call does what is left to do.
	Heal func(context.Context) (Evidence, error)
	// Note says what part of the fault could not be put in force; "" for none.
	Note string
	// Found says, once it has healed, what was found besides; nil for nothing.
	Found func() string
	// Patience is how long healing may take, if longer than that of the execution.
	Patience time.Duration
}

// Evidence counts what a fault did: bytes-held, frames-dropped, pids-gone, …
type Evidence map[string]int64

// PidsGone counts the processes that ended.
const PidsGone = "pids-gone"

// StillServed counts the members in whose place somebody served although they had been
// killed or paused.
const StillServed = "still-served"

// Bit tells whether any count is positive. A fault did not bite if somebody served in
// the place of a member that it had hit, or if disks kept what a power failure takes, or
// had nothing to lose: whatever it did, it was not what it says.
func (e Evidence) Bit() bool {
	untried := e[DisksEmpty] + e[DisksUnused]
	if e[StillServed] > 0 || e[CanariesSurvived] > 0 || untried > 0 && untried >= e[canariesLost] {
		return false
	}
	for _, n := range e {
		if n > 0 {
			return true
		}
	}
	return false
}

// Span is how long a fault lasts.
type Span int

const (
	Open    Span = iota // as long as "for" says, without it until the end
	Bounded             // needs a "for"
	Instant             // over at once, or by itself: takes no "for"
)

// ErrNoTarget is the error of a word that means nobody just then.
var ErrNoTarget = errors.New("no such target just now")

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
		{"power-failure", "disk: take the power from members at one instant, and start them again at the end of the fault; quiet: once clients have their answers; staggered: one by one, before its end", "at 5s for 1s power-failure majority keep nothing", parsePower},
		{"restart", "SIGKILL, and start again at once", "at 15s restart one", parseWho(func(t Target) Fault { return Restart{t} })},
		{"restart-storm", "restart again and again", "at 16s for 4s restart-storm one every 300ms", parseStorm},
		{"rolling-restart", "restart all, one after the other", "at 16s rolling-restart every 500ms", parseRolling},
		{"slow-sync", "disk: let syncs of files take longer", "at 5s for 2s slow-sync leader 200ms±100ms wal", parseFileFault},
		{"fail-sync", "disk: fail the first sync of each file, and drop what it was to write; or all syncs, below a file system", "at 5s for 2s fail-sync one", parseFileFault},
		{"fail-write", "disk: fail writes", "at 5s for 1s fail-write follower wal", parseFileFault},
		{"full", "disk: no space is left until the end of the fault", "at 5s for 2s full minority", parseFileFault},
		{"short-write", "disk: write less than was asked, and say so", "at 5s for 2s short-write leader \"*.log\"", parseFileFault},
		{"lost-write", "disk: say that it was written, and write nothing", "at 5s for 1s lost-write follower", parseFileFault},
		{"bit-rot", "disk: kill, damage a file, and start again at the end of the fault", "at 5s for 1s bit-rot follower flip wal", parseBitRot},
		{"clock", "machine: the wall clock is wrong, drifts, or jumps to and fro", "at 5s for 3s clock leader strobe ±5s every 200ms", parseConstrained},
		{"slow", "machine: so much of a processor, and no more", "at 5s for 3s slow leader 5%", parseConstrained},
		{"starve", "machine: so much memory, and no more", "at 5s for 3s starve follower 110%", parseConstrained},
		{"freeze", "machine: everything stands still, without a signal", "at 5s for 2s freeze leader", parseConstrained},
		{"deaf", "machine: close the listening sockets for good, and restart at the end of the fault", "at 5s for 3s deaf leader", parseWho(func(t Target) Fault { return Deaf{t} })},
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
