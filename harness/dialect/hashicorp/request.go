package hashicorp

import (
	"fmt"
	"sync/atomic"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// The types of requests.
const (
	appendEntries = iota
	requestVote
	installSnapshot
	timeoutNow
	requestPreVote
)

// requests reads what the one who dialled says.
type requests struct {
	conn *conn
	who  speaker
	led  *atomic.Uint64 // the last term in which the dialler was seen to lead
	walk walk
	from int    // where the frame at hand begins: behind the byte of a multiplexer
	at   int    // what is read of it
	met  bool   // it is known how the connection begins
	data uint64 // bytes of a snapshot that are still to come
}

// Next implements tap.Decoder.
func (d *requests) Next(b []byte, m *tap.Message) (n int, class string, err error) {
	if d.data > 0 {
		n := min(d.data, uint64(len(b)))
		d.data -= n
		return int(n), classSnapshotData, nil
	}
	if !d.met {
		if d.from, d.met, err = d.conn.begin(b); !d.met || err != nil {
			return 0, "", err
		}
	}
	if d.at == 0 {
		if len(b) < d.from+2 { // a type alone says nothing
			return 0, "", nil
		}
		d.at = d.from + 1
		d.walk.reset()
	}
	at, done, err := d.walk.read(b, d.at)
	if err != nil {
		return 0, "", fmt.Errorf("a request of type %d: %w", b[d.from], err)
	}
	if d.at = at; !done {
		return 0, "", nil
	}
	class, err = d.take(b[d.from], m)
	d.from, d.at = 0, 0
	return at, class, err
}

// take makes a message of a request that is whole.
func (d *requests) take(what byte, m *tap.Message) (class string, err error) {
	f := &d.walk.body
	r := request{what: what, term: f.term}
	if err := d.who.met(d.conn.cluster, d.walk.id); err != nil {
		return "", err
	}
	m.FromNew, m.Term = d.who.renewed, f.term
	switch what {
	case appendEntries:
		d.append(m, &r)
	case requestVote:
		m.Kind, m.Log = tap.Vote, f.position
	case requestPreVote:
		m.Kind, m.Log = tap.PreVote, f.position
	case installSnapshot:
		m.Kind, m.Log, d.data = tap.Snapshot, f.position, uint64(f.size)
		r.last = f.position
		if ids, ok := voters(f.configuration); ok && f.configured > 0 {
			d.conn.cluster.VotersByID("", history.Pos{Index: f.configured}, ids)
		}
	case timeoutNow:
		m.Kind, m.Term = tap.TimeoutNow, d.led.Load()
	default:
		d.conn.cluster.Strange(fmt.Sprintf("a request of type %d", what))
		class = classOther
	}
	if what <= requestPreVote && what != timeoutNow && !f.hasTerm {
		d.conn.cluster.Strange(fmt.Sprintf("a request of type %d without a term", what))
	}
	return class, d.conn.ask(r)
}

// append takes an AppendEntries. One that says nothing but its term is a heartbeat: it
// goes by a connection of its own, and tells neither of the log nor of what is committed.
func (d *requests) append(m *tap.Message, r *request) {
	f := &d.walk.body
	for led := d.led.Load(); f.term > led && !d.led.CompareAndSwap(led, f.term); led = d.led.Load() {
	}
	if r.beat = f.entries == 0 && f.prev == (history.Pos{}) && f.commit == 0; r.beat {
		m.Kind = tap.Heartbeat
		return
	}
	for _, c := range f.configurations {
		c.tell(d.conn.cluster)
	}
	m.Kind, m.Log, m.Last, m.Commit = tap.Append, f.prev, f.prev, f.commit
	if f.entries > 0 {
		m.Last = f.last
	}
	r.last = m.Last
}
