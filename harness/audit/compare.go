package audit

import (
	"context"
	"encoding/binary"
	"fmt"
	"hash"
	"hash/fnv"
	"sync"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

const (
	maxDiffering = 3   // keys that are shown
	maxHeld      = 120 // bytes of a value that are shown
)

// pager goes through the keys of one member in order, a page at a time.
type pager struct {
	member target.Member
	page   []target.Entry
	after  string
	ended  bool
	err    error

	keys   int64
	digest hash.Hash64
}

// compare reads all members key by key at a revision, 0 for the newest of each,
// and records what they show and the first few keys that differ. It reports
// whether one does.
func (a *audit) compare(ctx context.Context, revision uint64) (differs bool) {
	pagers := make([]*pager, len(a.Members))
	for i, m := range a.Members {
		pagers[i] = &pager{member: m, digest: fnv.New64a()}
	}
	var found []history.State
	for {
		a.fill(ctx, pagers, revision)
		key, ok := lowestKey(pagers)
		if !ok {
			break
		}
		if held, same := take(pagers, key, revision); !same && len(found) < maxDiffering {
			found = append(found, history.State{What: history.StateDiffer, Revision: revision, Key: key, Held: held})
		}
	}
	whole := true
	for _, p := range pagers {
		s := history.State{What: history.StateData, Node: p.member.Name, Revision: revision, Keys: p.keys, Hash: p.digest.Sum64()}
		if p.err != nil {
			whole, s.Error = false, p.err.Error()
		}
		a.record(&s)
	}
	if !whole {
		return false // a member that could not be read seems to lack keys
	}
	for i := range found {
		a.record(&found[i])
	}
	return len(found) > 0
}

// fill reads the next page of every member that has shown all of its last one.
// After an error there are no more.
func (a *audit) fill(ctx context.Context, pagers []*pager, revision uint64) {
	ctx, cancel := context.WithTimeout(ctx, a.limit)
	defer cancel()
	var read sync.WaitGroup
	for _, p := range pagers {
		if len(p.page) > 0 || p.ended {
			continue
		}
		read.Go(func() {
			p.page, p.err = a.Target.Page(ctx, p.member, revision, p.after)
			if p.ended = p.err != nil || len(p.page) == 0; !p.ended {
				p.after = p.page[len(p.page)-1].Key
			}
		})
	}
	read.Wait()
	for _, p := range pagers {
		if p.err == nil {
			continue
		}
		for _, other := range pagers {
			other.page, other.ended = nil, true // there is nothing to compare with
		}
		return
	}
}

func lowestKey(pagers []*pager) (key string, ok bool) {
	for _, p := range pagers {
		if len(p.page) > 0 && (!ok || p.page[0].Key < key) {
			key, ok = p.page[0].Key, true
		}
	}
	return key, ok
}

// take takes the key from every member that has it and compares. Of members at
// revisions of their own only values are compared: all else may differ by then.
func take(pagers []*pager, key string, revision uint64) (held []history.Held, same bool) {
	var first target.Entry
	same = true
	for i, p := range pagers {
		var e target.Entry
		missing := len(p.page) == 0 || p.page[0].Key != key
		if !missing {
			e, p.page = p.page[0], p.page[1:]
			p.keys++
			fmt.Fprintf(p.digest, "%d %d ", len(e.Key), len(e.Value))
			p.digest.Write([]byte(e.Key + e.Value))
			p.digest.Write(binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(nil, e.Revision), e.Rest))
		}
		held = append(held, history.Held{Node: p.member.Name, Missing: missing, Value: shortened(e.Value), Revision: e.Revision, Rest: e.Rest})
		if revision == 0 {
			e.Revision, e.Rest = 0, 0
		}
		if i == 0 {
			first = e
		}
		same = same && e == first && missing == held[0].Missing
	}
	return held, same
}

// shortened cuts a long value in its middle.
func shortened(v string) string {
	if len(v) <= maxHeld {
		return v
	}
	return fmt.Sprintf("%s… (%d bytes) …%s", v[:maxHeld/2], len(v), v[len(v)-maxHeld/2:])
}
