package wal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"

	"github.com/usurper/usurper/node/raft"
)

// MaxData is the largest Data of an entry, in bytes.
const MaxData = 64 << 20

const (
	headerSize  = 32
	metaVersion = 1
	metaSize    = 8 + 11*8
	entryFixed  = 3 * 8
)

// recordType is on disk: never renumber.
type recordType uint8

const (
	typeMeta recordType = iota + 1
	typeState
	typeCommit
	typeTruncate
	typeEntry
	typeSnapshot
)

var errNoHeader = errors.New("there is no valid record header")

// castagnoli returns the same table each time.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// header precedes each payload. See the package comment for its layout.
type header struct {
	kind   recordType
	length int
	batch  int64
	sum    uint32 // of the payload
}

// summary is what a segment must know of everything before it, so that the
// segments before it can go.
type summary struct {
	state    raft.HardState
	commit   uint64
	last     raft.Pos
	hash     uint64 // at last
	snap     raft.Pos
	snapHash uint64
}

// meta is the first record of every segment.
type meta struct {
	seq uint64
	// install: the log was replaced by the snapshot; what earlier segments hold
	// is void.
	install bool
	summary
}

// beginRecord reserves the header of a record; append the payload, then call
// endRecord with the length that dst had before.
func beginRecord(dst []byte, kind recordType) []byte {
	var h [headerSize]byte
	h[4] = byte(kind)
	return append(dst, h[:]...)
}

func endRecord(dst []byte, start int) []byte {
	payload := dst[start+headerSize:]
	binary.LittleEndian.PutUint32(dst[start:], uint32(len(payload)))
	binary.LittleEndian.PutUint32(dst[start+24:], crc32.Checksum(payload, castagnoli()))
	return dst
}

// seal completes the headers of a batch of records that is about to be written
// at offset base of segment seq, where only then is their place known. A record
// names its place so that bytes which look like one (a client may store a copy
// of a log) are none anywhere else.
func seal(batch []byte, seq uint64, base int64) {
	le := binary.LittleEndian
	for off := 0; off < len(batch); {
		h := batch[off : off+headerSize]
		le.PutUint32(h[8:], uint32(base))
		le.PutUint32(h[12:], uint32(base)+uint32(off))
		le.PutUint64(h[16:], seq)
		le.PutUint32(h[28:], crc32.Checksum(h[:28], castagnoli()))
		off += headerSize + int(le.Uint32(h))
	}
}

// parseHeader reads the header at off of segment seq, whose bytes are b. It
// does not look at the payload, which may reach beyond b.
func parseHeader(b []byte, seq uint64, off int64) (header, error) {
	if int64(len(b))-off < headerSize {
		return header{}, errNoHeader
	}
	le := binary.LittleEndian
	raw := b[off : off+headerSize]
	// The place first: whole segments are searched for headers.
	if le.Uint32(raw[12:]) != uint32(off) || le.Uint64(raw[16:]) != seq ||
		le.Uint32(raw[28:]) != crc32.Checksum(raw[:28], castagnoli()) {
		return header{}, errNoHeader
	}
	return header{
		kind:   recordType(raw[4]),
		length: int(le.Uint32(raw)),
		batch:  int64(le.Uint32(raw[8:])),
		sum:    le.Uint32(raw[24:]),
	}, nil
}

// parseRecord reads the whole record at off. The payload aliases b. That of a record
// that fails its checksum is returned with the error.
func parseRecord(b []byte, seq uint64, off int64) (header, []byte, error) {
	h, err := parseHeader(b, seq, off)
	if err != nil {
		return header{}, nil, err
	}
	payload := b[off+headerSize:]
	if len(payload) < h.length {
		return header{}, nil, errors.New("record is cut short")
	}
	payload = payload[:h.length:h.length]
	if crc32.Checksum(payload, castagnoli()) != h.sum {
		return h, payload, errors.New("record fails its checksum")
	}
	return h, payload, nil
}

// appendNumbers appends a record of plain numbers.
func appendNumbers(dst []byte, kind recordType, numbers ...uint64) []byte {
	start := len(dst)
	dst = beginRecord(dst, kind)
	for _, n := range numbers {
		dst = binary.LittleEndian.AppendUint64(dst, n)
	}
	return endRecord(dst, start)
}

// parseNumbers reads a payload of len(to) plain numbers.
func parseNumbers(payload []byte, to ...*uint64) error {
	if len(payload) != 8*len(to) {
		return fmt.Errorf("payload has %d bytes, want %d", len(payload), 8*len(to))
	}
	for i, n := range to {
		*n = binary.LittleEndian.Uint64(payload[8*i:])
	}
	return nil
}

func appendEntry(dst []byte, e raft.Entry) []byte {
	start := len(dst)
	dst = beginRecord(dst, typeEntry)
	dst = binary.LittleEndian.AppendUint64(dst, e.Term)
	dst = binary.LittleEndian.AppendUint64(dst, e.Index)
	dst = binary.LittleEndian.AppendUint64(dst, e.Hash)
	return endRecord(append(dst, e.Data...), start)
}

// parseEntry copies what it keeps.
func parseEntry(payload []byte) (raft.Entry, error) {
	if len(payload) < entryFixed {
		return raft.Entry{}, fmt.Errorf("entry has %d bytes, want at least %d", len(payload), entryFixed)
	}
	e := raft.Entry{
		Term:  binary.LittleEndian.Uint64(payload),
		Index: binary.LittleEndian.Uint64(payload[8:]),
		Hash:  binary.LittleEndian.Uint64(payload[16:]),
	}
	if data := payload[entryFixed:]; len(data) > 0 {
		e.Data = append([]byte(nil), data...)
	}
	return e, nil
}

func appendMeta(dst []byte, m meta) []byte {
	var install uint64
	if m.install {
		install = 1
	}
	return appendNumbers(dst, typeMeta, metaVersion, m.seq, install,
		m.state.Term, uint64(m.state.Vote), m.commit,
		m.last.Term, m.last.Index, m.hash,
		m.snap.Term, m.snap.Index, m.snapHash)
}

func parseMeta(payload []byte) (meta, error) {
	var m meta
	var version, install uint64
	err := parseNumbers(payload, &version, &m.seq, &install,
		&m.state.Term, (*uint64)(&m.state.Vote), &m.commit,
		&m.last.Term, &m.last.Index, &m.hash,
		&m.snap.Term, &m.snap.Index, &m.snapHash)
	if err != nil {
		return meta{}, fmt.Errorf("segment header: %w", err)
	}
	if version != metaVersion {
		return meta{}, fmt.Errorf("segment has version %d, this program reads version %d", version, metaVersion)
	}
	m.install = install != 0
	return m, nil
}
