package trace

import (
	"encoding/base64"
	"encoding/binary"
	"strconv"

	"github.com/usurper/usurper/node/raft"
)

// line is a JSON object under construction. Its methods leave out zero values.
// Names and texts are words of this program: they need no escaping.
type line struct{ b []byte }

func appendUint(b []byte, v uint64) []byte { return strconv.AppendUint(b, v, 10) }

func (l *line) name(name string) {
	l.b = append(l.b, ',', '"')
	l.b = append(l.b, name...)
	l.b = append(l.b, '"', ':')
}

func (l *line) number(name string, v uint64) {
	if v != 0 {
		l.name(name)
		l.b = appendUint(l.b, v)
	}
}

func (l *line) text(name, v string) {
	if v != "" {
		l.name(name)
		l.b = append(l.b, '"')
		l.b = append(l.b, v...)
		l.b = append(l.b, '"')
	}
}

func (l *line) flag(name string, v bool) {
	if v {
		l.name(name)
		l.b = append(l.b, "true"...)
	}
}

func (l *line) member(name string, id raft.ID) {
	if id != 0 {
		l.name(name)
		l.b = appendMember(l.b, id)
	}
}

func (l *line) members(name string, ids []raft.ID) {
	if len(ids) == 0 {
		return
	}
	l.name(name)
	for i, id := range ids {
		if i == 0 {
			l.b = append(l.b, '[')
		} else {
			l.b = append(l.b, ',')
		}
		l.b = appendMember(l.b, id)
	}
	l.b = append(l.b, ']')
}

func (l *line) pos(name string, p raft.Pos) {
	if p == (raft.Pos{}) {
		return
	}
	l.name(name)
	l.b = append(l.b, `{"term":`...)
	l.b = appendUint(l.b, p.Term)
	l.b = append(l.b, `,"index":`...)
	l.b = appendUint(l.b, p.Index)
	l.b = append(l.b, '}')
}

// hashes writes base64 in pieces of 24 bytes, three hashes, which need no
// padding between them.
func (l *line) hashes(name string, hs []uint64) {
	if len(hs) == 0 {
		return
	}
	l.name(name)
	l.b = append(l.b, '"')
	var piece [24]byte
	for len(hs) > 0 {
		n := min(3, len(hs))
		for i, h := range hs[:n] {
			binary.LittleEndian.PutUint64(piece[i*8:], h)
		}
		l.b = base64.StdEncoding.AppendEncode(l.b, piece[:n*8])
		hs = hs[n:]
	}
	l.b = append(l.b, '"')
}

func appendMember(b []byte, id raft.ID) []byte {
	b = append(b, '"', 'n')
	b = appendUint(b, uint64(id))
	return append(b, '"')
}
