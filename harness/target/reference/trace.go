package reference

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sync"

	"github.com/usurper/usurper/harness/history"
)

// traces parses lines of the usual form quickly.
type traces struct {
	mu     sync.Mutex
	parser *history.RaftParser
}

func (t *traces) parse(line []byte) (history.Raft, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.parser == nil {
		t.parser = history.NewRaftParser()
	}
	return t.parser.Parse(line)
}

// Trace parses a line of a member's trace. It is strict: a field or an event
// that it does not know is an error, because a checker that never hears of an
// event cannot miss it.
func (t *Target) Trace(line []byte) (history.Raft, error) {
	r, ok := t.traces.parse(line)
	if !ok {
		d := json.NewDecoder(bytes.NewReader(line))
		d.DisallowUnknownFields()
		if err := d.Decode(&r); err != nil {
			return history.Raft{}, fmt.Errorf("trace line: %w", err)
		}
		if rest := bytes.TrimSpace(line[d.InputOffset():]); len(rest) > 0 {
			return history.Raft{}, fmt.Errorf("trace line: %d bytes after the event", len(rest))
		}
	}
	if err := checkTrace(&r); err != nil {
		return history.Raft{}, fmt.Errorf("trace line: %w", err)
	}
	return r, nil
}

func checkTrace(r *history.Raft) error {
	switch {
	case r.Source != history.Trace:
		return fmt.Errorf("source %q, must be %q", r.Source, history.Trace)
	case r.Node == "":
		return errors.New("no node")
	case r.Inc == 0 || r.Seq == 0:
		return fmt.Errorf("process %d, event %d: both are counted from 1", r.Inc, r.Seq)
	case !traced(r.What):
		return fmt.Errorf("unknown event %q: the harness is older than the node", r.What)
	case len(r.Hashes) > 0 && uint64(len(r.Hashes)) != 8*(r.To-r.From+1):
		return fmt.Errorf("%d bytes of hashes for entries %d to %d", len(r.Hashes), r.From, r.To)
	}
	return nil
}

// traced tells whether a node's trace has events of this kind.
func traced(what history.RaftWhat) bool {
	switch what {
	case history.RaftStart, history.RaftFollower, history.RaftCandidate, history.RaftVote,
		history.RaftPreVote, history.RaftLeader, history.RaftAppend, history.RaftTruncate,
		history.RaftCommit, history.RaftApply, history.RaftSnapshot, history.RaftInstall,
		history.RaftConfig, history.RaftEnd:
		return true
	}
	return false
}
