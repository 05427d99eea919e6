package libraft

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strconv"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// The types of messages, and of the request that a member opens with.
const (
	appendEntries       = 1
	appendEntriesResult = 2
	requestVote         = 3
	requestVoteResult   = 4
	installSnapshot     = 5
	timeoutNow          = 6

	connect = 0x0b
)

// The types of entries.
const (
	entryCommand = 1
	entryBarrier = 2
	entryChange  = 3
)

const (
	version = 1
	legacy  = 0x86104dd760433fe5 // the version of clients before there was one
	// maxHeader bounds the part of a message before its data.
	maxHeader = 16 << 20
	// maxHello bounds the address with which a member introduces itself.
	maxHello = 4 << 10
)

var errTLS = errors.New("the connection is TLS: start the members without it (dqlite's app.WithTLS)")

// sender reads what the one who dialled says.
type sender struct {
	conn           *conn
	data           uint64          // bytes of a snapshot that are still to come
	configurations []configuration // in the entries of the append at hand
}

// Next implements tap.Decoder.
func (d *sender) Next(b []byte, m *tap.Message) (n int, class string, err error) {
	switch {
	case d.conn.use == clients:
		return len(b), classClient, nil
	case d.conn.use == unknown:
		return d.version(b)
	case d.conn.use == greeted:
		return d.hello(b)
	case d.data > 0:
		n := min(d.data, uint64(len(b)))
		d.data -= n
		return int(n), classSnapshotData, nil
	}
	return d.message(b, m)
}

// version reads the first word of a connection.
func (d *sender) version(b []byte) (int, string, error) {
	if len(b) < 8 {
		if len(b) > 1 && b[0] == 0x16 && b[1] == 3 {
			return 0, "", errTLS
		}
		return 0, "", nil
	}
	switch v := word(b, 0); v {
	case version, legacy:
		d.conn.use = greeted
		return 8, classHello, nil
	default:
		if b[0] == 0x16 && b[1] == 3 {
			return 0, "", errTLS
		}
		return 0, "", fmt.Errorf("a connection of version %d: dqlite's is 1", v)
	}
}

// hello reads the first request: how many words it has, its type, and of a member its
// id and its address.
func (d *sender) hello(b []byte) (int, string, error) {
	if len(b) < 8 {
		return 0, "", nil
	}
	words := uint64(binary.LittleEndian.Uint32(b))
	if b[4] != connect {
		d.conn.use = clients
		return len(b), classClient, nil
	}
	size := 8 + 8*words
	switch {
	case words < 2 || size > maxHello:
		return 0, "", fmt.Errorf("a member that introduces itself in %d words", words)
	case uint64(len(b)) < size:
		return 0, "", nil
	}
	id := strconv.FormatUint(word(b, 1), 10)
	if err := d.conn.cluster.Meet(id, d.conn.dialler); err != nil {
		return 0, "", err
	}
	_, d.conn.renewed, _ = d.conn.cluster.Member(id)
	d.conn.use = peers
	return int(size), classHello, nil
}

// message reads a message with its entries, or the head of a snapshot.
func (d *sender) message(b []byte, m *tap.Message) (int, string, error) {
	const preamble = 16
	if len(b) < preamble {
		return 0, "", nil
	}
	kind, size := word(b, 0), word(b, 1)
	if least, ok := leastWords(kind); !ok {
		return 0, "", fmt.Errorf("a message of type %d, of which the end is not known", kind)
	} else if size < 8*least || size > maxHeader {
		return 0, "", fmt.Errorf("a message of type %d and %d bytes", kind, size)
	}
	if uint64(len(b)) < preamble+size {
		return 0, "", nil
	}
	h := b[preamble : preamble+size]
	m.FromNew, m.Term = d.conn.renewed, word(h, 0)
	class := ""
	switch kind {
	case appendEntries:
		data, err := d.append(h, m)
		if size += data; err != nil || uint64(len(b)) < preamble+size {
			*m = tap.Message{}
			return 0, "", err
		}
		for _, c := range d.configurations {
			c.tell(d.conn.cluster, b[preamble+size-data:])
		}
		if m.Log == m.Last {
			class = classHeartbeat
		}
		d.conn.sent.add(m.Term, m.Last.Index)
	case appendEntriesResult:
		m.Kind, m.Reject = tap.AppendResponse, word(h, 1) != 0
		if !m.Reject {
			m.Log.Index = d.conn.answered.acknowledged(m.Term, word(h, 2))
		}
	case requestVote:
		d.vote(h, m)
	case requestVoteResult:
		class = d.voted(h, m)
	case installSnapshot:
		if err := d.snapshot(h, m); err != nil {
			return 0, "", err
		}
		d.conn.sent.add(m.Term, m.Log.Index)
	case timeoutNow:
		m.Kind = tap.TimeoutNow
	}
	return int(preamble + size), class, nil
}

// leastWords is how long the part of a message before its data is at least.
func leastWords(kind uint64) (uint64, bool) {
	switch kind {
	case appendEntries:
		return 5, true
	case appendEntriesResult, timeoutNow:
		return 3, true
	case requestVote:
		return 4, true
	case requestVoteResult:
		return 2, true
	case installSnapshot:
		return 6, true
	}
	return 0, false
}

// append reads an append's header and returns how much data follows it.
func (d *sender) append(h []byte, m *tap.Message) (data uint64, err error) {
	const head, each = 5, 2 // words
	n := word(h, 4)
	if have := uint64(len(h)/8-head) / each; n > have {
		return 0, fmt.Errorf("an append of %d entries in %d bytes", n, len(h))
	}
	m.Kind = tap.Append
	if commit := word(h, 3); commit > 1 { // the first entry is everybody's from the start
		m.Commit = commit
	}
	m.Log = history.Pos{Term: word(h, 2), Index: word(h, 1)}
	m.Last = m.Log
	d.configurations = d.configurations[:0]
	for i := range n {
		at := h[8*(head+each*i):]
		m.Last = history.Pos{Term: word(at, 0), Index: m.Log.Index + i + 1}
		switch what := at[8]; what {
		case entryCommand, entryBarrier:
		case entryChange:
			d.configurations = append(d.configurations, configuration{m.Last, data, uint64(binary.LittleEndian.Uint32(at[12:]))})
		default:
			return 0, fmt.Errorf("an entry of type %d", what)
		}
		data += uint64(binary.LittleEndian.Uint32(at[12:]))
	}
	return data, nil
}

// vote reads a request for a vote, or for a pre-vote.
func (d *sender) vote(h []byte, m *tap.Message) {
	const disrupts, preVote = 1, 2
	m.Kind, m.Log = tap.Vote, history.Pos{Term: word(h, 3), Index: word(h, 2)}
	if len(h) < 40 {
		return
	}
	flags := word(h, 4)
	if flags&preVote != 0 {
		m.Kind = tap.PreVote
	}
	if flags&^(disrupts|preVote) != 0 {
		d.conn.cluster.Strange(fmt.Sprintf("a request for a vote with flags %#x", flags))
	}
}

// voted reads an answer to a request for a vote, or for a pre-vote. Old versions do not say
// to which of them: a pre-vote is no vote, so that is not guessed.
func (d *sender) voted(h []byte, m *tap.Message) (class string) {
	if len(h) < 24 {
		d.conn.cluster.Strange("an answer that does not say whether it is to a vote or a pre-vote")
		return string(tap.VoteResponse)
	}
	m.Kind, m.Reject = tap.VoteResponse, word(h, 1) != 1
	if word(h, 2)&1 != 0 {
		m.Kind = tap.PreVoteResponse
	}
	return ""
}

// snapshot reads the head of a snapshot: the configuration is in it, its bytes follow.
func (d *sender) snapshot(h []byte, m *tap.Message) error {
	m.Kind, m.Log = tap.Snapshot, history.Pos{Term: word(h, 2), Index: word(h, 1)}
	configuration := word(h, 4)
	if configuration > uint64(len(h)) || 40+configuration+8 > uint64(len(h)) {
		return fmt.Errorf("a snapshot with a configuration of %d bytes in %d", configuration, len(h))
	}
	d.data = binary.LittleEndian.Uint64(h[40+configuration:])
	if ids, ok := voters(h[40 : 40+configuration]); ok && word(h, 3) > 0 {
		d.conn.cluster.VotersByID("", history.Pos{Index: word(h, 3)}, ids)
	}
	return nil
}

// word is a word of b.
func word(b []byte, i int) uint64 { return binary.LittleEndian.Uint64(b[8*i:]) }

// receiver sees what comes back from who was dialled: nothing to a member.
type receiver struct{ conn *conn }

// Next implements tap.Decoder.
func (d *receiver) Next(b []byte, _ *tap.Message) (int, string, error) {
	switch {
	case len(b) == 0:
		return 0, "", nil
	case d.conn.use == clients:
		return len(b), classClient, nil
	}
	return 0, "", errors.New("an answer on a connection on which members give none")
}
