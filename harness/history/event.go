// Package history is the hub of the harness: the one record of a run that
// every other part writes to and every checker reads from.
//
// A history is a file of JSON lines, one [Event] a line, in the order in which
// the [Recorder] received them. It is append-only and flushed as it grows, so
// that a harness which dies leaves a readable prefix.
//
// Read event.go, op.go and raft.go (what is recorded) first; recorder.go writes,
// reader.go and batch.go read, and parse.go is how that is fast.
//
// The package imports nothing of the project. To add a kind of event, add its
// struct in a file of its own, a pointer to it in Event, and its name in
// [Event.Kind].
package history

import (
	"slices"
	"strings"
	"time"
)

// Format is the version of the file format that this package writes. A reader
// accepts this version and every older one, and refuses newer ones.
const Format = 1

// Event is one line of a history. Exactly one of the payload pointers is set.
type Event struct {
	// Seq is the event's position in the history, counted from 0 without gaps.
	Seq uint64 `json:"n"`
	// At is when the recorder took the event, since the start of the run, on one
	// monotonic clock. It orders client operations. Raft events are merged from
	// several processes: for them At is for display, never for proof.
	At time.Duration `json:"t"`

	Run   *Run   `json:"run,omitempty"`
	Op    *Op    `json:"op,omitempty"`
	Fault *Fault `json:"fault,omitempty"`
	Proc  *Proc  `json:"proc,omitempty"`
	Raft  *Raft  `json:"raft,omitempty"`
	State *State `json:"state,omitempty"`
	Claim *Claim `json:"claim,omitempty"`
}

// Kind names the payload that the event carries: "run", "op", "fault", "proc",
// "raft", "state", "claim", or "" for an event without a payload, which no recorder writes.
func (e *Event) Kind() string {
	switch {
	case e.Run != nil:
		return "run"
	case e.Op != nil:
		return "op"
	case e.Fault != nil:
		return "fault"
	case e.Proc != nil:
		return "proc"
	case e.Raft != nil:
		return "raft"
	case e.State != nil:
		return "state"
	case e.Claim != nil:
		return "claim"
	}
	return ""
}

// Run describes the run itself. The first event of every history is a Run with
// What "begin".
type Run struct {
	What RunWhat `json:"what"`

	// Set with RunBegin.
	Format    int           `json:"format,omitempty"`
	Target    string        `json:"target,omitempty"`
	Workload  string        `json:"workload,omitempty"`
	Seed      uint64        `json:"seed,omitempty"`
	Nodes     []string      `json:"nodes,omitempty"`     // the voters at the start
	Election  time.Duration `json:"election,omitempty"`  // T: timers are drawn from [T, 2T)
	Heartbeat time.Duration `json:"heartbeat,omitempty"` // interval between heartbeats
	Ready     time.Duration `json:"ready,omitempty"`     // how long members may take to be ready once started; 0: no longer than is usual
	Traced    bool          `json:"traced,omitempty"`    // every node writes a trace
	Tapped    bool          `json:"tapped,omitempty"`    // every peer link is decoded
	Wire      *Wire         `json:"wire,omitempty"`      // how, if a dialect does it
	Disk      string        `json:"disk,omitempty"`      // the kind of disk that each member has for itself, "" for none
	Steps     int           `json:"steps,omitempty"`     // steps in the plan
	Themes    []string      `json:"themes,omitempty"`    // what a generated plan is about
	Rules     []Rule        `json:"rules,omitempty"`     // that the system keeps beside Raft's own, as its target states
	// Authored says that a person wrote the plan, so that each of its steps that is
	// not marked "maybe" was to strike.
	Authored bool     `json:"authored,omitempty"`
	Checkers []string `json:"checkers,omitempty"` // the user's own, which a later check may lack

	// Set with RunPhase: one of the Phase constants.
	Phase string `json:"phase,omitempty"`

	// Set with RunStall: the harness itself did not get the processor for this
	// long, ending at the event's At. Timing verdicts do not hold across it.
	Stall time.Duration `json:"stall,omitempty"`

	// Set with RunNote and RunLog: something a person should know. Node names
	// the member it is about, if any. A RunLog line is a node's own log line that
	// looks like a crash (panic, data race, fatal error). With RunEnd, Text says
	// why the run ended before its plan did, if it did.
	Node string `json:"node,omitempty"`
	Text string `json:"text,omitempty"`
	// Set with RunAssertion: what Node says of itself.
	Assertion *Assertion `json:"assertion,omitempty"`

	// Set with RunNote: how many operations that arrived by themselves were not tried,
	// since all clients had no answer yet.
	Untried uint64 `json:"untried,omitempty"`

	// Set with RunMessages: of how many messages of elections the history tells
	// (RaftMessage), and of how many it does not, for there were too many.
	Messages uint64 `json:"messages,omitempty"`
	Left     uint64 `json:"left,omitempty"`

	// Set with RunHeard.
	Heard *Heard `json:"heard,omitempty"`
}

// Rule is something that a system promises beside what makes Raft safe. Another may
// do otherwise and be right, so nobody is held to it whose target does not state it.
// (A history of the reference node that names none states FirstCome and Timers.)
type Rule string

const (
	// FirstCome: a vote goes to the first eligible candidate of a term that asks (Raft
	// §5.2). hashicorp/raft and dqlite refuse who asks while they think they have a
	// leader.
	FirstCome Rule = "first-come"
	// Timers: who has heard its leader does not stand before its election timer, which
	// is random, has run out (Raft §5.2), and grants no pre-vote within its least time
	// (thesis §9.6), nor does a leader.
	Timers Rule = "timers"
	// PreVotes: nobody stands before a majority has granted it pre-votes for the term
	// (thesis §9.6), but at the word of a leader that hands over its lead (§3.10).
	PreVotes Rule = "pre-votes"
	// LatePreVotes: beside PreVotes, one that was granted to the same candidate for the
	// term before, and comes late, counts for the next term as well. It takes something
	// back from PreVotes: etcd's raft does not look for which term a pre-vote was.
	LatePreVotes Rule = "late-pre-votes"
	// AsksFirst: a candidate asks for votes before its own is on its disk, so that one that
	// ends in between has given it to nobody, and may vote for another once it is back. It
	// takes something back from one vote a term, which a member that led has given itself.
	// (hashicorp/raft writes its term, then asks, then writes its vote.)
	AsksFirst Rule = "asks-first"
)

// RunWhat tells what a [Run] event says.
type RunWhat string

const (
	RunBegin RunWhat = "begin" // the first event of every history: what runs, and how it is judged
	RunPhase RunWhat = "phase" // the run enters a Phase
	RunStall RunWhat = "stall" // the harness itself did not get the processor for Stall
	RunNote  RunWhat = "note"  // something that a person should know
	RunLog   RunWhat = "log"   // Node logged something that looks like a crash
	RunUntap RunWhat = "untap" // a connection could not be decoded; tap evidence has a hole: Text says where
	RunApart RunWhat = "apart" // the harness itself keeps members apart: Text says how, and how often
	// RunSpoilt: the harness itself did to a member what no fault says, so that nothing
	// follows from what the system does then: Text says what. It is the last event: a
	// recorder takes none after it.
	RunSpoilt RunWhat = "spoilt"
	// RunUntrace: a line of Node's trace could not be read, and nothing behind it: Text
	// says where.
	RunUntrace RunWhat = "untrace"
	// RunAssertion: Node says of an Assertion that it came by it, or that there is one. Without
	// one a process of Node says that it asserts, or Text says why nothing more of what it
	// says is read.
	RunAssertion RunWhat = "assertion"
	// RunAutopsy: the files that members left were examined once all had ended. Text says,
	// in lines, what is wrong with them, those of Node if it is set; without Text nothing
	// is.
	RunAutopsy RunWhat = "autopsy"
	// RunUnexamined: they could not be; Text says why.
	RunUnexamined RunWhat = "unexamined"
	// RunMessages is written at the end of a run whose messages of elections were
	// recorded, with Messages and Left. Where neither it nor a RaftMessage is, nothing is
	// known of any.
	RunMessages RunWhat = "messages"
	// RunHeard is written at the end of a run whose traffic a dialect read, with Heard.
	RunHeard RunWhat = "heard"
	RunEnd   RunWhat = "end" // written last; a history without it was cut short
)

// The phases of a run, in order.
const (
	PhaseReady  = "ready"  // a leader is known, clients start
	PhaseFaults = "faults" // the nemesis starts
	PhaseHealed = "healed" // everything is healed, no further fault
	PhaseFinal  = "final"  // a leader is known again, final reads start
	PhaseStop   = "stop"   // clients are done, nodes are being stopped
)

// Fault is what the nemesis did. Step is the plan's step, counted from 1; an
// inject and its heal share it.
type Fault struct {
	Step int       `json:"step"`
	What FaultWhat `json:"what"`
	// Text is the step as the plan has it; Resolved is the step as it came to
	// pass, a plan line too: its target words replaced by the nodes they meant
	// when it fired, its trigger by that time.
	Text     string   `json:"text"`
	Resolved string   `json:"resolved,omitempty"`
	Nodes    []string `json:"nodes,omitempty"` // nodes that the fault touches, sorted
	// Bit and Evidence are set when the fault ends: whether it had any effect,
	// and the counts that show it (bytes-held, frames-dropped, pid-gone, …).
	Bit      bool             `json:"bit,omitempty"`
	Evidence map[string]int64 `json:"evidence,omitempty"`
	Reason   string           `json:"reason,omitempty"`
	// Optional is set for a step that the plan marks "maybe": that it does not
	// bite is no news.
	Optional bool `json:"maybe,omitempty"`
	// Traffic is set for a fault of what members say to each other, and nobody else.
	Traffic bool `json:"traffic,omitempty"`
	// Line is that of the plan as it was written, from 1 on; 0 if it is no text.
	Line int `json:"line,omitempty"`
}

// FaultWhat tells how far a fault got.
type FaultWhat string

const (
	FaultInject   FaultWhat = "inject"    // it begins
	FaultHeal     FaultWhat = "heal"      // the end of an injected fault, with Bit and Evidence
	FaultSkipped  FaultWhat = "skipped"   // could not be installed: Reason; ends the inject before it, if there is one
	FaultNotFired FaultWhat = "not-fired" // its trigger never came
	FaultNoTarget FaultWhat = "no-target" // its target word meant no node just then
	// FaultNotStarted ends a step that was still to come when the run was interrupted,
	// or ended because a rule was broken.
	FaultNotStarted FaultWhat = "not-started"
)

// Proc is what happened to a node's process.
type Proc struct {
	Node string   `json:"node"`
	What ProcWhat `json:"what"`
	// Inc counts the node's processes from 1.
	Inc    uint64 `json:"inc,omitempty"`
	Pid    int    `json:"pid,omitempty"`
	Signal string `json:"signal,omitempty"` // with ProcSignal, and ProcExit by a signal
	Code   int    `json:"code,omitempty"`   // with ProcExit
	// Expected is set with ProcExit when the harness caused the exit.
	Expected bool   `json:"expected,omitempty"`
	Text     string `json:"text,omitempty"` // last log lines of an unexpected exit
}

// Pauses tells whether the process was told to stand still (SIGSTOP), in the words that
// the syscall package has for it on Linux and elsewhere.
func (p *Proc) Pauses() bool {
	return p.What == ProcSignal && (p.Signal == "stopped (signal)" || p.Signal == "suspended (signal)")
}

// Resumes tells whether the process was told to go on (SIGCONT).
func (p *Proc) Resumes() bool { return p.What == ProcSignal && p.Signal == "continued" }

// Freezes tells whether the fault has its members stand still without a signal, of which
// their processes' events say nothing.
func (f *Fault) Freezes() bool {
	text := f.Resolved
	if text == "" {
		text = f.Text
	}
	words := strings.Fields(text)
	return slices.Contains(words, "freeze") && !slices.Contains(words, "failpoint") // which has names of its own
}

// ProcWhat tells what a [Proc] event says.
type ProcWhat string

const (
	ProcStart  ProcWhat = "start"  // it was started, with Pid
	ProcReady  ProcWhat = "ready"  // it answers
	ProcSignal ProcWhat = "signal" // the harness sent it Signal
	ProcExit   ProcWhat = "exit"   // it ended: Code or Signal, Expected
)
