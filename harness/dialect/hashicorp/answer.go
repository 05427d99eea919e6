package hashicorp

import (
	"errors"
	"fmt"

	"github.com/usurper/usurper/harness/tap"
)

// answers reads what the one who was dialled says.
type answers struct {
	conn *conn
	who  speaker
	walk walk

	at     int // what is read of the frame at hand
	failed bool
}

// Next implements tap.Decoder.
func (d *answers) Next(b []byte, m *tap.Message) (n int, class string, err error) {
	if d.at == 0 {
		it, n := read(b)
		switch {
		case n < 0:
			return 0, "", fmt.Errorf("an answer: %w", wrong(b))
		case n == 0:
			return 0, "", nil
		case it.kind != raw:
			return 0, "", fmt.Errorf("an answer begins with byte %02x", b[0])
		}
		d.at, d.failed = n, it.n > 0
		d.walk.reset()
	}
	at, done, err := d.walk.read(b, d.at)
	if err != nil {
		return 0, "", fmt.Errorf("an answer: %w", err)
	}
	if d.at = at; !done {
		return 0, "", nil
	}
	d.at = 0
	r, ok := d.conn.answered()
	if !ok {
		return 0, "", errors.New("an answer to no request")
	}
	if err := d.who.met(d.conn.cluster, d.walk.id); err != nil {
		return 0, "", err
	}
	class = d.take(r, m)
	return at, class, nil
}

// take makes a message of an answer. Who was asked in a term and says yes is in that
// term, whatever it read before a heartbeat beside it raised its own (the library reads
// its term first, and then looks at the request).
func (d *answers) take(r request, m *tap.Message) (class string) {
	f := &d.walk.body
	granted := f.granted && !d.failed
	success := f.success && !d.failed
	switch {
	case r.what == requestVote:
		m.Kind, m.Reject, m.Asked = tap.VoteResponse, !granted, r.term
	case r.what == requestPreVote:
		m.Kind, m.Reject, m.Asked = tap.PreVoteResponse, !granted, r.term
	case r.what == installSnapshot:
		m.Kind, m.Reject = tap.SnapshotResponse, !success
	case r.what == appendEntries && r.beat:
		m.Kind, m.Reject = tap.HeartbeatResponse, !success
	case r.what == appendEntries:
		m.Kind, m.Reject = tap.AppendResponse, !success
	default:
		return classOther // nothing follows from it
	}
	m.FromNew, m.Term = d.who.renewed, f.term
	if granted || success {
		m.Term = max(f.term, r.term)
	}
	if success {
		m.Log = r.last
	}
	return ""
}
