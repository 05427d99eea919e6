package txn

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
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
	for i, s := range shown {
		t := &c.txns[s.from]
		names[s.from] = fmt.Sprintf("T%d", i+1)
		who = append(who, fmt.Sprintf("%s (client %d, %s)", names[s.from], t.process, verdict.Seconds(t.call.At)))
	}
	for i, s := range shown {
		if names[s.to] == "" {
			why = append(why, fmt.Sprintf("%d more lead back to T1", len(steps)-i))
			break
		}
		why = append(why, c.because(s, names[s.from], names[s.to]))
	}
	if rule == lostAppend {
		why = append(why, "no read has it")
	}
	if len(steps) > verdict.MaxProven {
		steps = shown
	}
	var lists, txns []int32
	for _, s := range steps {
		if txns = append(txns, s.from); s.kind != realTime {
			lists = append(lists, s.list)
		}
		reads := c.witnesses(s)
		if len(steps) == 2 && s.kind == readWrite && !c.unseen(s) { // else the append is lost
			reads = append(reads, c.lists[s.list].shower(s.at+1))
		}
		for _, at := range reads {
			lists, txns = append(lists, c.txns[at.txn].deeds[at.deed].list), append(txns, at.txn)
		}
	}
	c.Violate(rule, fmt.Sprintf("%s of %s: %s; %s", rule, strings.Join(who, ", "), strings.Join(why, "; "), ruledOut(rule)),
		c.evidence(subject{lists: lists}, txns...)...)
}

// because says why the transaction called a comes before the one called b.
func (c *Checker) because(s step, a, b string) string {
	if s.kind == realTime {
		return fmt.Sprintf("%s ended before %s began", a, b)
	}
	l := c.lists[s.list]
	next := ""
	if c.unseen(s) {
		next = verdict.Value(c.unreadBy(s.to, s.list))
	} else {
		next = verdict.Value(l.longest[s.at])
	}
	switch s.kind {
	case writeRead:
		return fmt.Sprintf("%s found %s of %s at the end of list %s", b, next, a, l.name)
	case readWrite:
		return fmt.Sprintf("%s found list %s without %s of %s", a, l.name, next, b)
	}
	return fmt.Sprintf("%s appended %s to list %s behind %s of %s", b, next, l.name, verdict.Value(l.longest[s.at-1]), a)
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

// subject is what an explanation is about.
type subject struct {
	lists  []int32
	reads  []place  // none: all of them
	values []string // besides those that its transactions append
}

// evidence returns both ends of transactions, with what they did that matters. Of what
// they read it shows the values that one of them appended, and those that it is about.
func (c *Checker) evidence(about subject, txns ...int32) []history.Event {
	var out []history.Event
	matters := func(l *list, v string) bool {
		a, ok := l.appends[v]
		return ok && slices.Contains(txns, a.txn) || slices.Contains(about.values, v)
	}
	for _, n := range txns {
		t := &c.txns[n]
		op := history.Op{Process: t.process, Node: t.node, Type: history.Invoke, F: history.FTxn}
		var judged []int32 // the deeds that count
		for i, d := range t.deeds {
			if !slices.Contains(about.lists, d.list) || d.reads && about.reads != nil && !slices.Contains(about.reads, place{n, int32(i)}) {
				continue
			}
			f := history.FAppend
			if d.reads {
				f = history.FRead
			}
			judged = append(judged, int32(i))
			op.Txn = append(op.Txn, history.Micro{F: f, Key: c.lists[d.list].name, Arg: d.value})
		}
		out = append(out, history.Event{Seq: t.call.Seq, At: t.call.At, Op: &op})
		if t.done != (verdict.Stamp{}) {
			out = append(out, history.Event{Seq: t.done.Seq, At: t.done.At, Op: c.completion(n, judged, op, matters)})
		}
	}
	return out
}

// completion returns the end of a transaction of which op, with the deeds that are
// judged, is the beginning.
func (c *Checker) completion(n int32, judged []int32, op history.Op, matters func(*list, string) bool) *history.Op {
	t := &c.txns[n]
	op.Type = t.outcome.Type()
	op.Txn = slices.Clone(op.Txn)
	hidden := 0
	for i, deed := range judged {
		d := t.deeds[deed]
		got, ok := c.found(n, deed)
		if !d.reads || !ok {
			continue
		}
		m := &op.Txn[i]
		m.Saw = true
		for _, v := range got {
			if matters(c.lists[d.list], v) {
				m.List = append(m.List, v)
			}
		}
		hidden += len(got) - len(m.List)
	}
	if hidden > 0 {
		op.Error = count.Many(hidden, "value") + " not shown"
	}
	return &op
}

// found returns what a read showed, if that is known.
func (c *Checker) found(n, deed int32) (got []string, ok bool) {
	d := c.txns[n].deeds[deed]
	if d.reads && d.length >= 0 {
		return c.lists[d.list].longest[:d.length], true
	}
	got, ok = c.odd[place{n, deed}]
	return got, ok
}

// unexpected returns the values at which a read that is not what its transaction had
// found, followed by its own appends, differs from that.
func (c *Checker) unexpected(at place) (about []string) {
	t := &c.txns[at.txn]
	list, got := t.deeds[at.deed].list, c.odd[at]
	var want, own []string
	known := false
	for _, d := range t.deeds[:at.deed] {
		switch {
		case d.list != list:
		case !d.reads:
			own, want = append(own, d.value), append(want, d.value)
		case d.length >= 0 && !known:
			found := c.lists[list].longest[:int(d.length)-len(own)]
			want, known = slices.Concat(found, own), true
		}
	}
	if !known { // then the end is what differs
		return got[max(len(got)-len(own), 0):]
	}
	for i := range max(len(got), len(want)) {
		if i < len(got) && i < len(want) && got[i] == want[i] {
			continue
		}
		for _, values := range [][]string{got, want} {
			if i < len(values) {
				about = append(about, values[i])
			}
		}
		return about
	}
	return nil
}
