package txn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// ruledOut says which models an anomaly rules out, after Adya and, for the names
// and for what lists show, Elle.
func ruledOut(rule string) string {
	weakest := map[string]string{
		"G0":                 "read uncommitted",
		"garbage-read":       "read uncommitted",
		"duplicate-elements": "read uncommitted",
		"G1a":                "read committed",
		"G1b":                "read committed",
		"G1c":                "read committed",
		"incompatible-order": "read committed",
		"future-read":        "read committed",
		"internal":           "read atomic",
		"G-single":           "snapshot isolation, repeatable read",
		"G2-item":            "repeatable read",
		"G0-realtime":        "strong read uncommitted",
		"G1c-realtime":       "strong read committed",
		"G-single-realtime":  "strong snapshot isolation",
		"G2-item-realtime":   "",
		lostAppend:           "strong snapshot isolation",
	}[rule]
	switch {
	case weakest == "":
		return "rules out strict serializability"
	case strings.HasPrefix(weakest, "strong"):
		return "rules out " + weakest + " and strict serializability"
	case rule == "internal", strings.HasPrefix(weakest, "read"):
		return "rules out " + weakest + " and all above it, so (strict) serializability"
	}
	return "rules out " + weakest + " and (strict) serializability"
}

// lostAppend is the rule that what was acknowledged is there later.
const lostAppend = "lost append"

// who names a transaction.
func (c *Checker) who(n int32) string {
	t := &c.txns[n]
	return fmt.Sprintf("client %d's transaction of %s", t.process, verdict.Seconds(t.call.At))
}

// cycleName names a cycle by what it consists of.
func (c *Checker) cycleName(steps []step) string {
	var kinds kindSet
	skews := 0
	for _, s := range steps {
		kinds |= s.kind
		if s.kind == readWrite {
			skews++
		}
	}
	name := ""
	switch {
	case skews > 1:
		name = "G2-item"
	case skews == 1:
		name = "G-single"
	case kinds&writeRead != 0:
		name = "G1c"
	default:
		name = "G0"
	}
	if kinds&realTime == 0 {
		return name
	}
	if len(steps) == 2 && skews == 1 && slices.ContainsFunc(steps, func(s step) bool { return s.kind == readWrite && c.unseen(s) }) {
		return lostAppend
	}
	return name + "-realtime"
}

// unseen tells whether a step is to an append that nobody read.
func (c *Checker) unseen(s step) bool { return int(s.at) == len(c.lists[s.list].writers) }

// tell tells of a cycle, from its first transaction on. The evidence is its
// transactions, with who read what proves the order of two appends, and that a
// transaction without an answer happened.
func (c *Checker) tell(steps []step) {
	first := 0
	for i := range steps {
		if steps[i].from < steps[first].from {
			first = i
		}
	}
	steps = slices.Concat(steps[first:], steps[:first])
	rule := c.cycleName(steps)
	shown := steps[:min(len(steps), verdict.MaxShown)]
	names := make(map[int32]string, len(shown))
	var who, why []string
	var lists, txns []int32
	for i, s := range shown {
		t := &c.txns[s.from]
		names[s.from] = fmt.Sprintf("T%d", i+1)
		who = append(who, fmt.Sprintf("%s (client %d, %s)", names[s.from], t.process, verdict.Seconds(t.call.At)))
		if s.kind != realTime {
			lists = append(lists, s.list)
		}
		txns = append(txns, s.from)
	}
	for i, s := range shown {
		if names[s.to] == "" {
			why = append(why, fmt.Sprintf("%d more lead back to T1", len(steps)-i))
			break
		}
		why = append(why, c.because(s, names[s.from], names[s.to]))
		for _, at := range c.witnesses(s) {
			lists, txns = append(lists, c.txns[at.txn].deeds[at.deed].list), append(txns, at.txn)
		}
	}
	c.Violate(rule, fmt.Sprintf("%s of %s: %s; %s", rule, strings.Join(who, ", "), strings.Join(why, "; "), ruledOut(rule)),
		c.evidence(lists, txns...)...)
}

// because says why the transaction called a comes before the one called b.
func (c *Checker) because(s step, a, b string) string {
	if s.kind == realTime {
		return fmt.Sprintf("%s ended before %s began", a, b)
	}
	l := c.lists[s.list]
	next, unseen := "", ""
	if c.unseen(s) {
		next, unseen = verdict.Value(c.unreadBy(s.to, s.list)), " (no read has it)"
	} else {
		next = verdict.Value(l.longest[s.at])
	}
	switch s.kind {
	case writeRead:
		return fmt.Sprintf("%s found %s of %s at the end of list %s", b, next, a, l.name)
	case readWrite:
		return fmt.Sprintf("%s found list %s without %s of %s%s", a, l.name, next, b, unseen)
	}
	return fmt.Sprintf("%s appended %s to list %s behind %s of %s%s", b, next, l.name, verdict.Value(l.longest[s.at-1]), a, unseen)
}

// witnesses returns the reads of others without which a step proves nothing.
func (c *Checker) witnesses(s step) (reads []place) {
	unseen := s.kind != realTime && c.unseen(s)
	switch {
	case s.kind == writeWrite && unseen:
		reads = append(reads, c.lists[s.list].shower(s.at))
	case s.kind == writeWrite:
		reads = append(reads, c.lists[s.list].shower(s.at+1))
	}
	if s.kind&(writeWrite|readWrite) == 0 || c.txns[s.to].outcome == verdict.OK {
		return reads
	}
	for _, d := range c.txns[s.to].deeds {
		l := c.lists[d.list]
		if a := l.appends[d.value]; !d.reads && a.txn == s.to && a.at > 0 {
			return append(reads, l.shower(a.at))
		}
	}
	return reads
}

// unreadBy returns the transaction's first append to the list that nobody read.
func (c *Checker) unreadBy(n, list int32) string {
	for _, d := range c.txns[n].deeds {
		if !d.reads && d.list == list && c.lists[list].appends[d.value].at == 0 {
			return d.value
		}
	}
	return ""
}

// evidence returns both ends of transactions, with what they did to some lists.
func (c *Checker) evidence(lists []int32, txns ...int32) []history.Event {
	var out []history.Event
	for _, n := range txns {
		t := &c.txns[n]
		op := history.Op{Process: t.process, Node: t.node, Type: history.Invoke, F: history.FTxn}
		var count []int32 // the deeds that count
		for i, d := range t.deeds {
			if !slices.Contains(lists, d.list) {
				continue
			}
			f := history.FAppend
			if d.reads {
				f = history.FRead
			}
			count = append(count, int32(i))
			op.Txn = append(op.Txn, history.Micro{F: f, Key: c.lists[d.list].name, Arg: d.value})
		}
		out = append(out, history.Event{Seq: t.call.Seq, At: t.call.At, Op: &op})
		if t.done != (verdict.Stamp{}) {
			out = append(out, history.Event{Seq: t.done.Seq, At: t.done.At, Op: c.completion(n, count, op)})
		}
	}
	return out
}

// completion returns the end of a transaction of which op, with the deeds that
// count, is the beginning. Of a long read it shows the end.
func (c *Checker) completion(n int32, count []int32, op history.Op) *history.Op {
	const most = 64
	t := &c.txns[n]
	op.Type = t.outcome.Type()
	op.Txn = slices.Clone(op.Txn)
	for i, deed := range count {
		d := t.deeds[deed]
		got, ok := c.odd[place{n, deed}]
		if d.length >= 0 {
			got, ok = c.lists[d.list].longest[:d.length], true
		}
		if !d.reads || !ok {
			continue
		}
		if skip := len(got) - most; skip > 0 {
			op.Error = fmt.Sprintf("the last %d values of list %s are shown, of %d", most, c.lists[d.list].name, len(got))
			got = got[skip:]
		}
		op.Txn[i].List, op.Txn[i].Saw = slices.Clone(got), true
	}
	return &op
}
