package history

import "unsafe"

// RaftParser reads raft events that stand alone, each a JSON object, as traces have
// them. It is not safe for concurrent use.
type RaftParser struct {
	parser parser
	into   Batch
	line   []byte
}

// NewRaftParser returns a parser of lines.
func NewRaftParser() *RaftParser {
	return &RaftParser{parser: newParser(), into: Batch{size: slabSize}}
}

// Parse returns the event of a line without its end. It reports false for any line
// that it does not know all of: what that means is for [encoding/json] to decide.
func (p *RaftParser) Parse(line []byte) (r Raft, ok bool) {
	p.line = append(append(p.line[:0], line...), make([]byte, margin)...)
	b := p.line
	if i := p.parser.object(b, literal(b, 0, "{"), p.parser.raft, unsafe.Pointer(&r), &p.into); i != len(line) {
		return Raft{}, false
	}
	return r, true
}
