package checker_test

import (
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// long is a legal history of n raft events of five members: a new leader every
// 20,000 events, and between them appends of one entry, on every member, each
// followed by its commit.
func long(n int) (events []history.Event, committed uint64) {
	h := traced("n1", "n2", "n3", "n4", "n5")
	h.start()
	term, index, entryTerm, chain := uint64(0), uint64(0), uint64(0), uint64(0)
	for len(h.events) < n {
		term++
		leader := h.nodes[int(term)%5]
		last := pos(entryTerm, index)
		h.trace(leader, history.Raft{What: history.RaftCandidate, Term: term, Last: last})
		for _, v := range h.nodes {
			h.trace(v, history.Raft{
				What: history.RaftVote, Term: term, PeerTerm: term, Peer: leader, Granted: true, Last: last, PeerLast: last,
			})
		}
		h.trace(leader, history.Raft{What: history.RaftLeader, Term: term, Last: last, Hash: chain})
		for range 2000 {
			index++
			entryTerm = term
			chain = chain*0x9e3779b97f4a7c15 + term
			hashes := binary.LittleEndian.AppendUint64(nil, chain)
			for i := range h.nodes {
				node := h.nodes[(int(term)+i)%5]
				h.trace(node, history.Raft{
					What: history.RaftAppend, Term: term, Peer: leader, From: index, To: index, EntryTerm: term, Hashes: hashes,
				})
				h.trace(node, history.Raft{
					What: history.RaftCommit, Term: term, Index: index, EntryTerm: term, Hash: chain, Lead: node == leader,
				})
			}
		}
	}
	h.end()
	return h.events, index
}

func BenchmarkRaftCheckers(b *testing.B) {
	events, committed := long(1_000_000)
	for _, bench := range []struct {
		name  string
		build func() []checker.Checker
	}{
		{"election", func() []checker.Checker { return []checker.Checker{checker.NewElection()} }},
		{"votes", func() []checker.Checker { return []checker.Checker{checker.NewVotes()} }},
		{"stale-log", func() []checker.Checker { return []checker.Checker{checker.NewStaleLog()} }},
		{"logs", func() []checker.Checker { return []checker.Checker{checker.NewLogs()} }},
		{"election+logs", func() []checker.Checker {
			return []checker.Checker{checker.NewElection(), checker.NewLogs()}
		}},
		{"election+votes+stale-log+logs", func() []checker.Checker {
			return []checker.Checker{checker.NewElection(), checker.NewVotes(), checker.NewStaleLog(), checker.NewLogs()}
		}},
		{"all", func() []checker.Checker { return checker.All(checker.Options{}) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			var bytes uint64
			for b.Loop() {
				b.StopTimer()
				before := heap()
				r := checker.NewRunner(bench.build())
				b.StartTimer()
				for i := range events {
					r.Event(&events[i])
				}
				b.StopTimer()
				bytes = heap() - before
				b.StartTimer()
				if report := r.Finish(); report.Verdict == checker.Invalid {
					b.Fatal(report)
				}
			}
			b.ReportMetric(float64(len(events))*float64(b.N)/b.Elapsed().Seconds(), "events/s")
			b.ReportMetric(float64(bytes)/float64(committed), "B/entry")
			b.ReportMetric(0, "ns/op")
		})
	}
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkLinearizable judges bursts of overlapping operations on 26 keys.
func BenchmarkLinearizable(b *testing.B) {
	h := newTape(history.Run{})
	const operations = 100_000
	for i := range operations / 4 {
		key := string(rune('a' + i/200%26))
		p := i * 4
		at := func(op history.Op) history.Op { op.Key = key; return op }
		v := string(rune('A'+i%26)) + string(rune('0'+i/26%10)) + string(rune('0'+i/260%10)) + string(rune('0'+i/2600))
		h.ask(p, at(put(v)))
		h.ask(p+1, at(get(v)))
		h.answer(p, history.OK, at(put(v)))
		h.ask(p+2, at(get(v)))
		h.answer(p+1, history.OK, at(get(v)))
		h.answer(p+2, history.OK, at(get(v)))
		h.do(p+3, history.OK, at(get(v)))
	}
	b.ResetTimer()
	for b.Loop() {
		if got := h.judge(linearizable()); got.Verdict != checker.Valid {
			b.Fatal(got.Summary)
		}
	}
	b.ReportMetric(operations*float64(b.N)/b.Elapsed().Seconds(), "operations/s")
}
