package kv

import (
	"container/list"
	"encoding/binary"
)

// sessions remembers, for each client, the last request applied and its answer.
//
// The table is bounded. When it is full, the session whose last write has the
// lowest log index goes. That is a function of the log alone, so that every
// member forgets the same session at the same index. A client that resends
// after being forgotten is applied again: the bound must be well above the
// number of clients that have a write open.
type sessions struct {
	max      int
	byClient map[string]*list.Element // of *session
	byIndex  *list.List               // lowest index first
	digest   uint64
}

// session is one client's last write.
type session struct {
	client string
	seq    uint64
	index  uint64 // of the entry
	result Result
	sum    uint64 // what it adds to the digest
}

func newSessions(maximum int) sessions {
	return sessions{max: maximum, byClient: map[string]*list.Element{}, byIndex: list.New()}
}

// lookup returns the answer to a request that must not be applied: the first
// answer when it is the client's last, Superseded when it is older. seen is
// false for a request that is new.
func (t *sessions) lookup(client string, seq uint64) (r Result, seen bool) {
	el := t.byClient[client]
	if el == nil {
		return Result{}, false
	}
	switch e := el.Value.(*session); {
	case seq > e.seq:
		return Result{}, false
	case seq < e.seq:
		return Result{Refusal: Superseded}, true
	default:
		return e.result, true
	}
}

// age is how many entries ago, at index, the client's last write was applied; 0
// if there is none.
func (t *sessions) age(client string, index uint64) uint64 {
	if el := t.byClient[client]; el != nil {
		return index - el.Value.(*session).index
	}
	return 0
}

// record makes e its client's last write. Its index must be the highest so far.
func (t *sessions) record(e session) {
	if el := t.byClient[e.client]; el != nil {
		t.forget(el)
	} else if len(t.byClient) >= t.max {
		t.forget(t.byIndex.Front())
	}
	e.sum = sessionSum(&e)
	t.digest += e.sum
	t.byClient[e.client] = t.byIndex.PushBack(&e)
}

func (t *sessions) forget(el *list.Element) {
	e := t.byIndex.Remove(el).(*session)
	delete(t.byClient, e.client)
	t.digest -= e.sum
}

// Bits of the byte that encodes a result's flags.
const (
	flagDone = 1 << iota
	flagSaw
	flagFound
)

// appendTo appends the session's encoding to b: it is what the digest covers
// and what a snapshot holds.
func (e *session) appendTo(b []byte) []byte {
	b = appendString(b, e.client)
	b = binary.AppendUvarint(b, e.seq)
	b = binary.AppendUvarint(b, e.index)
	var flags byte
	if e.result.Done {
		flags |= flagDone
	}
	if e.result.Saw {
		flags |= flagSaw
	}
	if e.result.Found {
		flags |= flagFound
	}
	b = append(b, flags, byte(e.result.Refusal))
	return appendString(b, e.result.Got)
}

func (d *decoder) session() session {
	e := session{client: d.string(), seq: d.uvarint(), index: d.uvarint()}
	flags := d.byte()
	e.result = Result{
		Done:    flags&flagDone != 0,
		Saw:     flags&flagSaw != 0,
		Found:   flags&flagFound != 0,
		Refusal: Refusal(d.byte()),
	}
	e.result.Got = d.string()
	return e
}
