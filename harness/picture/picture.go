// Package picture is a run as it is drawn: who led when, what was cut, which
// operations waited, where the proof lies. One reading of a history makes a
// [Picture], and whoever draws reads nothing else: the page (harness/picture/page),
// the terminal (harness/picture/terminal) and the static picture for a chat
// (harness/picture/still) show the same.
//
// A picture is small whatever the length of the run: what is drawn as a line or a
// curve is reduced by what an eye can tell (least and greatest of a column, never an
// average that hides a spike), and the exact events are there around each first
// violation of a rule ([Window]).
//
// picture.go is what there is, make.go the one reading; lane.go, deed.go, fault.go,
// client.go, window.go and proof.go each draw a part.
//
// A picture judges nothing. Its verdicts and proofs are those of a checker.Report.
package picture

import (
	"time"

	"github.com/usurper/usurper/checker"
)

// Format is the version of what pages embed.
const Format = 2

// Picture is a run. All times are since the start of the run, in nanoseconds when
// they are JSON. Spans are half-open and lie within [0, End].
type Picture struct {
	Format int    `json:"format"`
	Title  string `json:"title"` // the run directory's name
	// Command repeats the run, Commands are further ones worth typing (shrink, keep,
	// explain), each with what it is for.
	Command  string    `json:"command,omitempty"`
	Commands []Command `json:"commands,omitempty"`
	Versions []string  `json:"versions,omitempty"` // of usurper, Go, the system: a line each

	Report checker.Report `json:"report"` // its violations carry their events
	// Missing says what cannot be shown and why: a history that was cut short, an older
	// format, a run without messages or without anything that tells of elections.
	Missing []string `json:"missing,omitempty"`

	End      time.Duration `json:"end"`                // of the last event
	Election time.Duration `json:"election,omitempty"` // T, 0 if unknown
	Phases   []Mark        `json:"phases"`             // when each began

	Lanes      []Lane `json:"lanes"`      // the members, in the history's order, those that joined last
	Bands      []Band `json:"bands"`      // the faults, by inject
	Cuts       []Cut  `json:"cuts"`       // what they did to links
	Leaderless []Span `json:"leaderless"` // no lane shows a leader, up to the stop: none where nothing tells of roles
	Stalls     []Span `json:"stalls"`     // the harness did not get the processor

	Clients Clients `json:"clients"`
	Proofs  []Proof `json:"proofs"` // of each violation in Report: the rule that is proved broken first, then the next
	// Causes are those of the first violation of each rule, in the order of Proofs and at
	// most MaxCauses; none if who made the picture did not look for them.
	Causes  []Causes `json:"causes,omitempty"`
	Windows []Window `json:"windows"`
	Plan    string   `json:"plan,omitempty"` // as executed
}

// Command is a line to type.
type Command struct {
	For  string `json:"for"`
	Line string `json:"line"`
}

// Span is a stretch of time.
type Span struct {
	From time.Duration `json:"from"`
	To   time.Duration `json:"to"`
}

// Mark is a moment with a word.
type Mark struct {
	At   time.Duration `json:"at"`
	Text string        `json:"text"`
}

// Lane is one member.
type Lane struct {
	Member string `json:"member"`
	// Stays are what it was, without gaps from its first event on.
	Stays []Stay `json:"stays"`
	// Deeds are candidacies, votes, and the like. Where there are more than a picture
	// holds, those of the windows are all there, and Folded counts the others.
	Deeds  []Deed `json:"deeds"`
	Folded int    `json:"folded,omitempty"`
	// Strains are what it had to live with, by when it began.
	Strains []Strain `json:"strains,omitempty"`
}

// Role is what a member was for a while.
type Role string

// Down, Paused and Removed outrank what its process last was.
const (
	Unknown   Role = "unknown" // up, and nothing tells what it is
	Follower  Role = "follower"
	Candidate Role = "candidate"
	Leader    Role = "leader"
	Learner   Role = "learner"
	Down      Role = "down"
	Paused    Role = "paused"
	Removed   Role = "removed"
)

// Stay is a time in one role and term.
type Stay struct {
	Span
	Role Role   `json:"role"`
	Term uint64 `json:"term,omitempty"`
	Inc  uint64 `json:"inc,omitempty"` // which process of the member, 0 if unknown
	By   string `json:"by,omitempty"`  // trace, tap, said by itself
	Seq  uint64 `json:"seq"`           // of the event that began it
	// Folded counts the stays beside it that this one stands for, each too short to be
	// seen: where a lane has more than a picture holds, outside the windows.
	Folded int `json:"folded,omitempty"`
}

// Deed is something that a member did at one moment.
type Deed struct {
	At   time.Duration `json:"at"`
	Seq  uint64        `json:"seq"`
	What string        `json:"what"` // history.RaftWhat, or start, exit, ready, log
	Term uint64        `json:"term,omitempty"`
	Peer string        `json:"peer,omitempty"`
	// Granted and Reason are those of votes and pre-votes.
	Granted bool   `json:"granted,omitempty"`
	Reason  string `json:"reason,omitempty"`
	Stage   string `json:"stage,omitempty"` // of what a tap tells
	Text    string `json:"text"`            // in words, printable
}

// Band is one fault from inject to heal, as the history has it.
type Band struct {
	Span
	Step     int      `json:"step"`
	Text     string   `json:"text"`     // resolved, as it came to pass
	Kind     string   `json:"kind"`     // its first word: partition, kill, pause …
	Members  []string `json:"members"`  // whom it touched
	Outcome  string   `json:"outcome"`  // Bit and the like
	Evidence string   `json:"evidence"` // in words
	Open     bool     `json:"open,omitempty"`
	Seq      uint64   `json:"seq"` // of the inject
}

// Cut is what a fault did to one directed link for a while.
type Cut struct {
	Span
	From string `json:"src"`
	To   string `json:"dst"`
	Kind string `json:"kind"` // cut, if nothing passes; else the fault's word: delay, throttle, drop …
	Step int    `json:"step"`
}

// Clients are the operations of the run, by columns of equal width.
type Clients struct {
	Width  time.Duration `json:"width"`  // of a column
	OK     []int         `json:"ok"`     // completions in each column, by outcome
	Fail   []int         `json:"fail"`   //
	Info   []int         `json:"info"`   //
	P50    []int64       `json:"p50"`    // latencies of what succeeded, ns; -1 where none did
	P95    []int64       `json:"p95"`    //
	Max    []int64       `json:"max"`    // the greatest, never less than any in the column
	Least  []int64       `json:"least"`  //
	Total  [3]int        `json:"total"`  // ok, fail, info
	Shown  string        `json:"shown"`  // which operations are there one by one, in words
	Keys   []string      `json:"keys"`   // that a window shows
	Others int           `json:"others"` // keys that none shows
}

// Proof is a violation: its events, and its explanation in sentences.
type Proof struct {
	Checker string  `json:"checker"`
	Rule    string  `json:"rule"`
	Events  []Point `json:"events"` // in history order
	// Sentences are the explanation; Event is the index in Events that one speaks of, or
	// -1 if it speaks of none.
	Sentences []Sentence `json:"sentences"`
	Window    int        `json:"window"` // index in Windows, -1 if none shows it
}

// Point is an event of a proof.
type Point struct {
	At     time.Duration `json:"at"`
	Seq    uint64        `json:"seq"`
	Member string        `json:"member,omitempty"` // whose lane it is in, if any
	Client int           `json:"client"`           // process of the operation, -1 if none
	Text   string        `json:"text"`             // in words, printable
}

// Sentence is a part of an explanation.
type Sentence struct {
	Text  string `json:"text"`
	Event int    `json:"event"`
}

// Window is a stretch of the run, all of it: ±2 s around the first violation of a
// rule, at most ten of them. Windows that overlap are one.
type Window struct {
	Span
	Rule       string      `json:"rule"` // or several, with "; " between them
	Operations []Operation `json:"operations"`
	Messages   []Message   `json:"messages"`
	// Left counts what a window of a very busy run leaves out: what is nearest to the
	// proof stays, and so does every operation on the proof's keys.
	Left int `json:"left,omitempty"`
}

// Operation is one of a client, from its request to its answer.
type Operation struct {
	Span
	Client  int    `json:"client"` // its process
	Node    string `json:"node,omitempty"`
	Key     string `json:"key,omitempty"`
	Call    string `json:"call"`   // put "a"
	Answer  string `json:"answer"` // "b", failed: …, no answer
	Outcome string `json:"outcome"`
	Open    bool   `json:"open,omitempty"` // nobody knows its end: To is when the client gave up, or that of the run
	Seq     uint64 `json:"seq"`            // of the invocation
}

// Message is one of an election, from member to member.
type Message struct {
	Sent      time.Duration `json:"sent"`
	Delivered time.Duration `json:"delivered"` // -1: it never was
	From      string        `json:"src"`
	To        string        `json:"dst"`
	Class     string        `json:"class"` // vote, vote-response, prevote …
	Term      uint64        `json:"term,omitempty"`
	Granted   bool          `json:"granted,omitempty"` // of answers
	Fate      string        `json:"fate"`              // Arrived, Held, Lost, InFlight
	Text      string        `json:"text"`
	Seq       uint64        `json:"seq"` // of its first event
}
