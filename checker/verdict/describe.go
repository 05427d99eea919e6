package verdict

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// Describe says in plain words what an event tells, without its time.
func Describe(e *history.Event) string {
	switch {
	case e.Run != nil:
		return describeRun(e.Run)
	case e.Op != nil:
		return describeOp(e.Op)
	case e.Fault != nil:
		return describeFault(e.Fault)
	case e.Proc != nil:
		return describeProc(e.Proc)
	case e.Raft != nil:
		return describeRaft(e.Raft)
	case e.State != nil:
		return describeState(e.State)
	case e.Claim != nil:
		return describeClaim(e.Claim)
	}
	return "nothing"
}

// Seconds renders a time of the run: 12.402s.
func Seconds(d time.Duration) string { return fmt.Sprintf("%.3fs", d.Seconds()) }

// Place renders a log position: (term,index).
func Place(p history.Pos) string {
	if p == (history.Pos{}) {
		return "(empty)"
	}
	return fmt.Sprintf("(%d,%s)", p.Term, history.Index(p.Index))
}

func describeRun(r *history.Run) string {
	switch r.What {
	case history.RunBegin:
		return fmt.Sprintf("the run begins: %s, nodes %s", OrElse(r.Target, "a system"), strings.Join(r.Nodes, " "))
	case history.RunPhase:
		return "the run enters its phase " + r.Phase
	case history.RunStall:
		return fmt.Sprintf("the harness itself was stalled for %v", r.Stall.Round(time.Millisecond))
	case history.RunNote:
		return strings.TrimSpace(r.Node + " note: " + r.Text)
	case history.RunLog:
		return fmt.Sprintf("%s logged: %s", OrElse(r.Node, "a node"), r.Text)
	case history.RunUntap:
		return "a connection could not be decoded: " + r.Text
	case history.RunUntrace:
		return "the trace of " + r.Node + " could not be read: " + r.Text
	case history.RunSpoilt:
		return "nothing that follows proves anything: " + r.Text
	case history.RunApart:
		return "the harness itself keeps members apart: " + r.Text
	case history.RunAssertion:
		return describeAssertion(r)
	case history.RunHeard:
		return "what the tap made of the traffic: " + Heard(r.Heard)
	case history.RunAutopsy:
		return "what " + OrElse(r.Node, "the members") + " left on disk was examined: " + OrElse(r.Text, "nothing is wrong")
	case history.RunUnexamined:
		return "what the members left on disk could not be examined: " + r.Text
	case history.RunEnd:
		return "the run ends"
	}
	return "run: " + string(r.What)
}

// Heard says what was not understood of a run's traffic.
func Heard(h *history.Heard) string {
	if h == nil {
		return "nothing is told"
	}
	text := count.Many(h.Messages, "message") + " understood"
	for i, what := range slices.Sorted(maps.Keys(h.Strange)) {
		if i == maxStrange {
			text += ", and " + count.Many(len(h.Strange)-i, "other kind") + " of things"
			break
		}
		text += fmt.Sprintf(", %s %s, which the dialect does not know", count.Times(h.Strange[what]), what)
	}
	for _, first := range slices.Sorted(maps.Keys(h.Aside)) {
		text += fmt.Sprintf(", %s of another protocol at the same port (first byte %s)", count.Many(h.Aside[first], "connection"), first)
	}
	if h.Undecoded > 0 {
		text += fmt.Sprintf(", %s passed on connections that the tap had lost", count.Many(h.Undecoded, "byte"))
	}
	return text
}

// maxStrange is how many kinds of things that a dialect does not know are named.
const maxStrange = 5

func describeFault(f *history.Fault) string {
	what := OrElse(f.Resolved, f.Text)
	switch f.What {
	case history.FaultInject:
		return fmt.Sprintf("fault %d: %s", f.Step, what)
	case history.FaultHeal:
		if f.Bit {
			return fmt.Sprintf("fault %d ends: %s%s", f.Step, what, evidence(f.Evidence))
		}
		return fmt.Sprintf("fault %d ends without having had any effect: %s", f.Step, what)
	case history.FaultSkipped:
		return fmt.Sprintf("fault %d could not be installed: %s: %s", f.Step, what, f.Reason)
	case history.FaultNotFired:
		return fmt.Sprintf("fault %d was never triggered: %s", f.Step, f.Text)
	case history.FaultNotStarted:
		return fmt.Sprintf("fault %d was still to come: %s: %s", f.Step, f.Text, f.Reason)
	case history.FaultNoTarget:
		return fmt.Sprintf("fault %d found no target: %s", f.Step, f.Text)
	}
	return fmt.Sprintf("fault %d: %s: %s", f.Step, f.What, what)
}

func evidence(counts map[string]int64) string {
	if len(counts) == 0 {
		return ""
	}
	var parts []string
	for _, name := range statNames(counts) {
		parts = append(parts, fmt.Sprintf("%s %d", name, counts[name]))
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

func describeProc(p *history.Proc) string {
	switch p.What {
	case history.ProcStart:
		return fmt.Sprintf("%s starts (process %d, pid %d)", p.Node, p.Inc, p.Pid)
	case history.ProcReady:
		return p.Node + " is ready"
	case history.ProcSignal:
		return fmt.Sprintf("%s gets %s", p.Node, p.Signal)
	case history.ProcExit:
		how := fmt.Sprintf("exits with code %d", p.Code)
		if p.Signal != "" {
			how = "is ended by " + p.Signal
		}
		if !p.Expected {
			how += ", which nobody asked for"
			if p.Text != "" {
				how += ":\n" + strings.TrimRight(p.Text, "\n")
			}
		}
		return p.Node + " " + how
	}
	return p.Node + ": " + string(p.What)
}

func describeClaim(c *history.Claim) string {
	who := c.Node
	if c.Inc > 0 {
		who = fmt.Sprintf("%s (process %d)", c.Node, c.Inc)
	}
	if c.Role == "" {
		return who + " answers that it is ready"
	}
	text := fmt.Sprintf("%s answers that it is %s", who, c.Role)
	if c.Term > 0 {
		text += fmt.Sprintf(" in term %d", c.Term)
	}
	if c.Leader != "" && c.Leader != c.Node {
		text += ", led by " + c.Leader
	}
	return text
}

func describeOp(op *history.Op) string {
	who := fmt.Sprintf("client %d", op.Process)
	if op.Node != "" {
		who += " at " + op.Node
	}
	call := Call(op)
	switch op.Type {
	case history.Invoke:
		return who + " asks: " + call
	case history.OK:
		return who + " is answered: " + call + Answer(op)
	case history.Fail:
		text := who + " is refused: " + call
		if op.Saw && op.F == history.FCas {
			text += fmt.Sprintf(", for it saw %s", Value(op.Got))
		}
		return text + because(op.Error)
	case history.Info:
		return who + " gets no answer: " + call + because(op.Error)
	}
	return who + ": " + string(op.Type) + " " + call
}

// Call says what an operation asks for: put k = "v".
func Call(op *history.Op) string {
	switch op.F {
	case history.FPut:
		return fmt.Sprintf("put %s = %s", op.Key, Value(op.Arg))
	case history.FCas:
		return fmt.Sprintf("cas %s from %s to %s", op.Key, Value(op.Old), Value(op.Arg))
	case history.FAppend, history.FAdd:
		return fmt.Sprintf("%s %s to %s", op.F, Value(op.Arg), op.Key)
	case history.FTxn:
		return describeTxn(op)
	case history.FAcquire, history.FRelease, history.FFenced:
		return describeLock(op)
	}
	text := string(op.F) + " " + op.Key
	if !op.F.Known() && op.Arg != "" {
		text += " " + Value(op.Arg)
	}
	if !op.F.Known() && op.Old != "" {
		text += ", old " + Value(op.Old)
	}
	return text
}

// describeTxn says what a transaction does, and what it read if it happened.
func describeTxn(op *history.Op) string {
	const most = 8
	var parts []string
	for i := range op.Txn[:min(len(op.Txn), most)] {
		m := &op.Txn[i]
		part := Call(&history.Op{F: m.F, Key: m.Key, Arg: m.Arg})
		switch {
		case m.Saw && m.F == history.FRead:
			part += " = " + List(m.List)
		case m.Saw:
			part += " = " + Value(m.Got)
		}
		parts = append(parts, part)
	}
	if more := len(op.Txn) - most; more > 0 {
		parts = append(parts, fmt.Sprintf("and %d more", more))
	}
	return "in a transaction, " + strings.Join(parts, ", ")
}

// Answer says what a completed operation was told, as a continuation of Call: =
// "v"; nothing if there is nothing to tell.
func Answer(op *history.Op) string {
	switch {
	case op.F == history.FTxn:
		return because(op.Error)
	case op.F == history.FGet:
		return " = " + Value(op.Got)
	case op.F == history.FAcquire:
		return ", and given token " + OrElse(op.Got, "unknown")
	case op.F == history.FRead && op.Final:
		return fmt.Sprintf(" (final) = %s%s", List(op.List), because(op.Error))
	case op.F == history.FRead:
		return " = " + List(op.List) + because(op.Error)
	case !op.F.Known() && len(op.List) > 0:
		return " = " + List(op.List)
	case !op.F.Known() && (op.Saw || op.Got != ""):
		return " = " + Value(op.Got)
	}
	return ""
}

// List renders a list of values, cut in its middle when it is long.
func List(values []string) string {
	const ends = 8
	if len(values) > 2*ends {
		return fmt.Sprintf("[%s … %s] (%d values)", strings.Join(values[:ends], " "),
			strings.Join(values[len(values)-ends:], " "), len(values))
	}
	return "[" + strings.Join(values, " ") + "]"
}

// Value renders a value of a key: quoted, or "nothing" if it is empty.
func Value(v string) string {
	if v == "" {
		return "nothing"
	}
	return fmt.Sprintf("%q", v)
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// OrElse is s, or other if s is empty.
func OrElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// NoOrder says of how many operations no order explains the answers.
func NoOrder(operations int) string {
	if operations == 1 {
		return "no order of operations lets this one return what it did"
	}
	return fmt.Sprintf("no order of these %d operations agrees with what they returned and when", operations)
}

// statNames lists a result's counts in a fixed order.
func statNames(stats map[string]int64) []string {
	names := make([]string, 0, len(stats))
	for name := range stats {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// FirstLine is s up to its first line end.
func FirstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

func describeAssertion(r *history.Run) string {
	a := r.Assertion
	switch {
	case a == nil && r.Text == "":
		return r.Node + " asserts"
	case a == nil:
		return "what " + r.Node + " asserts could not be read: " + r.Text
	}
	text := fmt.Sprintf("%s asserts %q", r.Node, a.Message)
	if !a.Hit {
		return text
	}
	how := "it came by it"
	switch {
	case a.Type == history.AssertReach && a.Fails():
		how = "it is where it never should be"
	case a.Type != history.AssertReach:
		how = fmt.Sprintf("it is %t", a.Condition)
	}
	if a.Where != "" {
		how += ", at " + a.Where
	}
	return text + ": " + how
}
