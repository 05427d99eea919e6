package trace

import (
	"github.com/usurper/usurper/node/raft"
)

// ApplyEvery is the spacing of the indexes at which every member writes its
// digest, so that digests of different members can be compared.
const ApplyEvery = 16

// Recovered is what a process found on its disk when it came up.
type Recovered struct {
	State  raft.HardState
	Last   raft.Pos
	Hash   uint64 // chain hash at Last
	Commit uint64
	// Snapshot is the position of the snapshot, Digest that of the state which
	// was restored from it.
	Snapshot raft.Pos
	Digest   uint64
}

// Start collects the first event of a process.
func (w *Writer) Start(r Recovered) {
	if w == nil {
		return
	}
	l := w.begin("start", r.State.Term)
	l.member("vote", r.State.Vote)
	l.pos("last", r.Last)
	l.number("hash", r.Hash)
	l.number("commit", r.Commit)
	l.number("index", r.Snapshot.Index)
	l.number("eterm", r.Snapshot.Term)
	l.number("digest", r.Digest)
	w.end(l)
}

// Events collects what an Output of the raft tells, in order. digest is that
// of the state machine as it is now. It belongs to the last install among them:
// of several in one Output only that one's state was ever restored.
func (w *Writer) Events(events []raft.Event, digest uint64) {
	if w == nil {
		return
	}
	last := -1
	for i := range events {
		if events[i].What == raft.EventInstall {
			last = i
		}
	}
	for i := range events {
		restored := uint64(0)
		if i == last {
			restored = digest
		}
		w.event(&events[i], restored)
	}
}

func (w *Writer) event(e *raft.Event, digest uint64) {
	l := w.begin(e.What, e.Term)
	l.member("peer", e.Peer)
	l.number("pterm", e.PeerTerm)
	l.pos("last", e.Last)
	l.pos("plast", e.PeerLast)
	l.number("from", e.From)
	l.number("to", e.To)
	l.number("eterm", e.EntryTerm)
	l.hashes("hashes", e.Hashes)
	l.number("index", e.Index)
	l.number("hash", e.Hash)
	l.number("digest", digest)
	l.flag("granted", e.Granted)
	l.text("reason", e.Reason)
	l.flag("lead", e.Lead)
	l.number("heard", uint64(e.HeardTicks)*uint64(w.src.Tick))
	l.flag("known", e.Known)
	l.members("voters", e.Voters)
	w.end(l)
}

// Apply collects the digest of the state machine once index is applied.
func (w *Writer) Apply(term, index, digest uint64) {
	if w == nil {
		return
	}
	l := w.begin("apply", term)
	l.number("index", index)
	l.number("digest", digest)
	w.end(l)
}

// Snapshot collects that the log was compacted up to s.
func (w *Writer) Snapshot(term uint64, s *raft.Snapshot) {
	if w == nil {
		return
	}
	l := w.begin("snapshot", term)
	l.number("eterm", s.Pos.Term)
	l.number("index", s.Pos.Index)
	l.number("hash", s.Hash)
	l.number("digest", s.Digest)
	w.end(l)
}

// End collects the last event of a process that ends of its own accord.
func (w *Writer) End(term uint64) {
	if w == nil {
		return
	}
	w.end(w.begin("end", term))
}
