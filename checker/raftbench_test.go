package checker_test

import (
	"encoding/binary"
	"testing"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/raft"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// long is a legal history of n raft events of five members: a new leader every
// 20,000 events, and between them appends of one entry, on every member, each
// followed by its commit.
func long(n int) (events []history.Event, committed uint64) {
	h := tape.Traced("n1", "n2", "n3", "n4", "n5")
	h.Start()
	term, index, entryTerm, chain := uint64(0), uint64(0), uint64(0), uint64(0)
	for len(h.Events) < n {
		term++
		leader := h.Nodes[int(term)%5]
		last := tape.Pos(entryTerm, index)
		h.Trace(leader, history.Raft{What: history.RaftCandidate, Term: term, Last: last})
		for _, v := range h.Nodes {
			h.Trace(v, history.Raft{
				What: history.RaftVote, Term: term, PeerTerm: term, Peer: leader, Granted: true, Last: last, PeerLast: last,
			})
		}
		h.Trace(leader, history.Raft{What: history.RaftLeader, Term: term, Last: last, Hash: chain})
		for range 2000 {
			index++
			entryTerm = term
			chain = chain*0x9e3779b97f4a7c15 + term
			hashes := binary.LittleEndian.AppendUint64(nil, chain)
			for i := range h.Nodes {
				node := h.Nodes[(int(term)+i)%5]
				h.Trace(node, history.Raft{
					What: history.RaftAppend, Term: term, Peer: leader, From: index, To: index, EntryTerm: term, Hashes: hashes,
				})
				h.Trace(node, history.Raft{
					What: history.RaftCommit, Term: term, Index: index, EntryTerm: term, Hash: chain, Lead: node == leader,
				})
			}
		}
	}
	h.End()
	return h.Events, index
}

func BenchmarkRaftCheckers(b *testing.B) {
	events, committed := long(1_000_000)
	for _, bench := range []struct {
		name  string
		build func() []verdict.Checker
	}{
		{"election", func() []verdict.Checker { return []verdict.Checker{raft.NewElection()} }},
		{"votes", func() []verdict.Checker { return []verdict.Checker{raft.NewVotes()} }},
		{"stale-log", func() []verdict.Checker { return []verdict.Checker{raft.NewStaleLog()} }},
		{"logs", func() []verdict.Checker { return []verdict.Checker{raft.NewLogs()} }},
		{"election+logs", func() []verdict.Checker {
			return []verdict.Checker{raft.NewElection(), raft.NewLogs()}
		}},
		{"election+votes+stale-log+logs", func() []verdict.Checker {
			return []verdict.Checker{raft.NewElection(), raft.NewVotes(), raft.NewStaleLog(), raft.NewLogs()}
		}},
		{"all", func() []verdict.Checker { return checker.All(verdict.Options{}) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var bytes uint64
			for b.Loop() {
				b.StopTimer()
				before := tape.Heap()
				r := checker.NewRunner(bench.build())
				b.StartTimer()
				for i := range events {
					r.Event(&events[i])
				}
				b.StopTimer()
				bytes = tape.Heap() - before
				b.StartTimer()
				if report := r.Finish(); report.Verdict == verdict.Invalid {
					b.Fatal(report)
				}
			}
			b.ReportMetric(float64(len(events))*float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(bytes)/float64(committed), "B/entry")
			b.ReportMetric(0, "ns/op")
		})
	}
}

// BenchmarkLinearizable judges bursts of overlapping operations on 26 keys.
func BenchmarkLinearizable(b *testing.B) {
	h := tape.New(history.Run{})
	const operations = 100_000
	for i := range operations / 4 {
		key := string(rune('a' + i/200%26))
		p := i * 4
		at := func(op history.Op) history.Op { op.Key = key; return op }
		v := string(rune('A'+i%26)) + string(rune('0'+i/26%10)) + string(rune('0'+i/260%10)) + string(rune('0'+i/2600))
		h.Ask(p, at(tape.Put(v)))
		h.Ask(p+1, at(tape.Get(v)))
		h.Answer(p, history.OK, at(tape.Put(v)))
		h.Ask(p+2, at(tape.Get(v)))
		h.Answer(p+1, history.OK, at(tape.Get(v)))
		h.Answer(p+2, history.OK, at(tape.Get(v)))
		h.Do(p+3, history.OK, at(tape.Get(v)))
	}
	b.ResetTimer()
	for b.Loop() {
		if got := h.Judge(linearizable()); got.Verdict != verdict.Valid {
			b.Fatal(got.Summary)
		}
	}
	b.ReportMetric(operations*float64(b.N)/b.Elapsed().Seconds(), "operations/s")
}
