// Package wire carries raft messages between members: frames on a TCP stream.
//
// A frame is a header of fixed size and a payload. Whoever only watches needs
// the header alone: it holds every field of a message but the entries and the
// snapshot, and has a checksum of its own. All integers are little endian.
//
//	offset size field
//	     0    4 magic "USRP"
//	     4    1 version, 1
//	     5    1 kind, a raft.Kind
//	     6    1 flags: bit 0 is reject, the others are 0
//	     7    1 0
//	     8    4 payload length in bytes, at most MaxPayload
//	    12    4 number of entries in the payload
//	    16    8 from
//	    24    8 to
//	    32    8 term
//	    40    8 log term
//	    48    8 log index
//	    56    8 last term
//	    64    8 last index
//	    72    8 commit
//	    80    8 context
//	    88    4 CRC-32C of the payload
//	    92    4 CRC-32C of the 92 bytes before, so of everything
//	    96      payload
//
// The payload of an append is its entries, one after the other:
//
//	 0    8 term
//	 8    4 length of the data in bytes
//	12      data
//
// Their indexes follow the log index of the header; their hashes stay with the
// sender, for the receiver must chain them to its own log. The payload of a
// snapshot, whose position is the log position of the header:
//
//	 0    8 chain hash
//	 8    8 digest of the state
//	16      data
//
// All other kinds have no payload.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"slices"

	"github.com/usurper/usurper/node/raft"
)

const (
	// HeaderSize is the size of a frame's header in bytes.
	HeaderSize = 96
	// MaxPayload bounds the payload of a frame, in bytes.
	MaxPayload = 64 << 20

	magic         = "USRP"
	version       = 1
	flagReject    = 1
	entryFixed    = 12
	snapshotFixed = 16
)

// ErrMalformed is wrapped by every error that means: these bytes are no frame.
var ErrMalformed = errors.New("malformed frame")

// Header is what a frame says without its payload.
type Header struct {
	raft.Message     // all but Entries and Snapshot, which are nil
	Length       int // of the whole frame, in bytes

	entries int
	sum     uint32
}

// AppendFrame appends the frame of m to dst and returns the extended slice. It
// fails, and returns dst as it was, when m has no frame: an unknown kind, a
// payload that its kind does not have, entries whose indexes do not follow
// m.Log, or more than MaxPayload bytes.
func AppendFrame(dst []byte, m *raft.Message) ([]byte, error) {
	if err := check(m); err != nil {
		return dst, err
	}
	start := len(dst)
	dst = slices.Grow(dst, HeaderSize+payloadSize(m))[:start+HeaderSize]
	clear(dst[start:])
	for i := range m.Entries {
		e := &m.Entries[i]
		dst = binary.LittleEndian.AppendUint64(dst, e.Term)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(len(e.Data)))
		dst = append(dst, e.Data...)
	}
	if s := m.Snapshot; s != nil {
		dst = binary.LittleEndian.AppendUint64(dst, s.Hash)
		dst = binary.LittleEndian.AppendUint64(dst, s.Digest)
		dst = append(dst, s.Data...)
	}
	putHeader(dst[start:start+HeaderSize], m, dst[start+HeaderSize:])
	return dst, nil
}

// check tells why m has no frame.
func check(m *raft.Message) error {
	if ClassOf(m.Kind) == "" {
		return fmt.Errorf("cannot encode a message of unknown kind %d", m.Kind)
	}
	if len(m.Entries) > 0 && m.Kind != raft.KindAppend {
		return fmt.Errorf("cannot encode entries in %s", ClassOf(m.Kind))
	}
	if (m.Snapshot != nil) != (m.Kind == raft.KindSnapshot) {
		return fmt.Errorf("cannot encode %s: a snapshot belongs in a snapshot message and nowhere else", ClassOf(m.Kind))
	}
	if m.Snapshot != nil && m.Snapshot.Pos != m.Log {
		return fmt.Errorf("cannot encode a snapshot at %v in a message at %v", m.Snapshot.Pos, m.Log)
	}
	for i := range m.Entries {
		if want := m.Log.Index + 1 + uint64(i); m.Entries[i].Index != want {
			return fmt.Errorf("cannot encode entry %d where entry %d belongs", m.Entries[i].Index, want)
		}
	}
	if n := payloadSize(m); n > MaxPayload {
		return fmt.Errorf("cannot encode a payload of %d bytes: the limit is %d", n, MaxPayload)
	}
	return nil
}

func payloadSize(m *raft.Message) int {
	n := len(m.Entries) * entryFixed
	for i := range m.Entries {
		n += len(m.Entries[i].Data)
	}
	if m.Snapshot != nil {
		n += snapshotFixed + len(m.Snapshot.Data)
	}
	return n
}

func putHeader(h []byte, m *raft.Message, payload []byte) {
	le := binary.LittleEndian
	copy(h, magic)
	h[4] = version
	h[5] = byte(m.Kind)
	if m.Reject {
		h[6] = flagReject
	}
	le.PutUint32(h[8:], uint32(len(payload)))
	le.PutUint32(h[12:], uint32(len(m.Entries)))
	le.PutUint64(h[16:], uint64(m.From))
	le.PutUint64(h[24:], uint64(m.To))
	le.PutUint64(h[32:], m.Term)
	le.PutUint64(h[40:], m.Log.Term)
	le.PutUint64(h[48:], m.Log.Index)
	le.PutUint64(h[56:], m.Last.Term)
	le.PutUint64(h[64:], m.Last.Index)
	le.PutUint64(h[72:], m.Commit)
	le.PutUint64(h[80:], m.Context)
	le.PutUint32(h[88:], sum(payload))
	le.PutUint32(h[92:], sum(h[:92]))
}

// ParseHeader reads the header of the frame that begins at b[0]; len(b) must be
// at least HeaderSize. It checks magic, version, kind, length and the header's
// checksum, so that all it returns can be trusted, but does not look at the
// payload. Errors wrap ErrMalformed.
func ParseHeader(b []byte) (Header, error) {
	if len(b) < HeaderSize {
		return Header{}, fmt.Errorf("%w: %d bytes are no header of %d", ErrMalformed, len(b), HeaderSize)
	}
	le := binary.LittleEndian
	if string(b[:4]) != magic {
		return Header{}, fmt.Errorf("%w: it begins with %q", ErrMalformed, b[:4])
	}
	if b[4] != version {
		return Header{}, fmt.Errorf("%w: version %d, this program speaks version %d", ErrMalformed, b[4], version)
	}
	if le.Uint32(b[92:]) != sum(b[:92]) {
		return Header{}, fmt.Errorf("%w: header fails its checksum", ErrMalformed)
	}
	h := Header{
		Message: raft.Message{
			Kind: raft.Kind(b[5]), Reject: b[6]&flagReject != 0,
			From: raft.ID(le.Uint64(b[16:])), To: raft.ID(le.Uint64(b[24:])),
			Term: le.Uint64(b[32:]),
			Log:  raft.Pos{Term: le.Uint64(b[40:]), Index: le.Uint64(b[48:])},
			Last: raft.Pos{Term: le.Uint64(b[56:]), Index: le.Uint64(b[64:])},

			Commit: le.Uint64(b[72:]), Context: le.Uint64(b[80:]),
		},
		entries: int(le.Uint32(b[12:])),
		sum:     le.Uint32(b[88:]),
	}
	if b[6]&^flagReject != 0 || b[7] != 0 {
		return Header{}, fmt.Errorf("%w: unknown flags", ErrMalformed)
	}
	payload := uint64(le.Uint32(b[8:]))
	if err := checkPayload(h, payload); err != nil {
		return Header{}, err
	}
	h.Length = HeaderSize + int(payload)
	return h, nil
}

// checkPayload tells whether a payload of n bytes is possible. It also bounds
// the number of entries by n, so that nothing allocates by a claim alone.
func checkPayload(h Header, n uint64) error {
	if n > MaxPayload {
		return fmt.Errorf("%w: payload of %d bytes, the limit is %d", ErrMalformed, n, MaxPayload)
	}
	ok := n == 0 && h.entries == 0
	switch h.Kind {
	case raft.KindAppend:
		ok = uint64(h.entries)*entryFixed <= n && (n == 0 || h.entries > 0) &&
			uint64(h.entries) <= math.MaxUint64-h.Log.Index
	case raft.KindSnapshot:
		ok = n >= snapshotFixed && h.entries == 0
	default:
		if ClassOf(h.Kind) == "" {
			return fmt.Errorf("%w: unknown kind %d", ErrMalformed, h.Kind)
		}
	}
	if !ok {
		return fmt.Errorf("%w: %s with %d entries in %d bytes", ErrMalformed, ClassOf(h.Kind), h.entries, n)
	}
	return nil
}

// parsePayload completes the message of h, which keeps payload.
func parsePayload(h Header, payload []byte) (raft.Message, error) {
	m := h.Message
	if sum(payload) != h.sum {
		return raft.Message{}, fmt.Errorf("%w: payload fails its checksum", ErrMalformed)
	}
	le := binary.LittleEndian
	if m.Kind == raft.KindSnapshot {
		m.Snapshot = &raft.Snapshot{Pos: m.Log, Hash: le.Uint64(payload), Digest: le.Uint64(payload[8:])}
		if data := payload[snapshotFixed:]; len(data) > 0 {
			m.Snapshot.Data = data
		}
		return m, nil
	}
	if h.entries > 0 {
		m.Entries = make([]raft.Entry, h.entries)
	}
	for i := range m.Entries {
		if len(payload) < entryFixed {
			return raft.Message{}, fmt.Errorf("%w: entry %d of %d is cut short", ErrMalformed, i+1, h.entries)
		}
		n := uint64(le.Uint32(payload[8:]))
		if n > uint64(len(payload)-entryFixed) {
			return raft.Message{}, fmt.Errorf("%w: entry %d of %d claims %d bytes", ErrMalformed, i+1, h.entries, n)
		}
		e := &m.Entries[i]
		e.Term, e.Index = le.Uint64(payload), m.Log.Index+1+uint64(i)
		payload = payload[entryFixed:]
		if n > 0 {
			e.Data = payload[:n:n]
		}
		payload = payload[n:]
	}
	if len(payload) > 0 {
		return raft.Message{}, fmt.Errorf("%w: %d bytes after the last entry", ErrMalformed, len(payload))
	}
	return m, nil
}

// sum relies on MakeTable returning the same table each time.
func sum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }
