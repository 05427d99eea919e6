package history

import (
	"encoding/base64"
	"math"
	"time"
)

// parser reads the lines that a [Recorder] writes for operations and raft
// events, which are nearly all there are: fields in the order of the struct, no
// spaces, strings of plain ASCII without escapes. Any other line, also one with a
// field that the parser does not know, it declines, and [encoding/json] decides
// what that means; so it need not tell what is wrong, and a new field of an event
// costs speed alone. (A general JSON library that takes every line reached 1.0
// million events a second, this 3 to 4.)
type parser struct {
	b        []byte
	i        int
	declined bool
	names    names
}

// event parses a line into a new event of the batch. It reports whether the line
// was one of those that it knows.
func (p *parser) event(line []byte, into *Batch) (*Event, bool) {
	p.b, p.i, p.declined = line, 0, false
	p.literal(`{"n":`)
	seq := p.unsigned()
	p.literal(`,"t":`)
	at := p.signed()
	p.literal(`,"`)
	if p.declined {
		return nil, false
	}
	e := into.event()
	e.Seq, e.At = seq, time.Duration(at)
	switch {
	case p.at(`op":{`):
		e.Op = into.op()
		p.op(e.Op)
	case p.at(`raft":{`):
		e.Raft = into.raft()
		p.raft(e.Raft, into)
	default:
		p.declined = true
	}
	p.literal(`}`)
	if p.declined || p.i != len(p.b) {
		into.drop()
		return nil, false
	}
	return e, true
}

// op parses the fields of an operation. Each case gives the place of its field in
// the order of the struct.
func (p *parser) op(o *Op) {
	for last, place := 0, 0; ; last = place {
		switch string(p.name()) {
		case "process":
			place, o.Process = 1, int(p.signed())
		case "type":
			place, o.Type = 2, OpType(p.text())
		case "f":
			place, o.F = 3, F(p.text())
		case "key":
			place, o.Key = 4, p.text()
		case "arg":
			place, o.Arg = 5, p.text()
		case "old":
			place, o.Old = 6, p.text()
		case "got":
			place, o.Got = 7, p.text()
		case "saw":
			place, o.Saw = 8, p.boolean()
		case "list":
			place, o.List = 9, p.texts()
		case "node":
			place, o.Node = 10, p.text()
		case "request":
			place, o.Request = 11, p.text()
		case "sends":
			place, o.Sends = 12, int(p.signed())
		case "final":
			place, o.Final = 13, p.boolean()
		case "error":
			place, o.Error = 14, p.text()
		default:
			p.declined = true
		}
		if p.done(place > last) {
			return
		}
	}
}

// raft parses the fields of a raft event, in two halves.
func (p *parser) raft(r *Raft, into *Batch) {
	for last, place := 0, 0; ; last = place {
		name := p.name()
		switch string(name) {
		case "src":
			place, r.Source = 1, Source(p.text())
		case "node":
			place, r.Node = 2, p.text()
		case "inc":
			place, r.Inc = 3, p.unsigned()
		case "seq":
			place, r.Seq = 4, p.unsigned()
		case "mono":
			place, r.Mono = 5, time.Duration(p.signed())
		case "what":
			place, r.What = 6, RaftWhat(p.text())
		case "stage":
			place, r.Stage = 7, Stage(p.text())
		case "term":
			place, r.Term = 8, p.unsigned()
		case "peer":
			place, r.Peer = 9, p.text()
		case "pterm":
			place, r.PeerTerm = 10, p.unsigned()
		case "last":
			place, r.Last = 11, p.pos()
		case "plast":
			place, r.PeerLast = 12, p.pos()
		case "from":
			place, r.From = 13, p.unsigned()
		case "to":
			place, r.To = 14, p.unsigned()
		case "eterm":
			place, r.EntryTerm = 15, p.unsigned()
		case "hashes":
			place, r.Hashes = 16, p.bytes(into)
		default:
			place = p.entry(r, string(name))
		}
		if p.done(place > last) {
			return
		}
	}
}

// entry parses the later fields of a raft event, and returns their place.
func (p *parser) entry(r *Raft, name string) (place int) {
	switch name {
	case "index":
		place, r.Index = 17, p.unsigned()
	case "hash":
		place, r.Hash = 18, p.unsigned()
	case "digest":
		place, r.Digest = 19, p.unsigned()
	case "granted":
		place, r.Granted = 20, p.boolean()
	case "reason":
		place, r.Reason = 21, Reason(p.text())
	case "vote":
		place, r.Vote = 22, p.text()
	case "commit":
		place, r.Commit = 23, p.unsigned()
	case "lead":
		place, r.Lead = 24, p.boolean()
	case "heard":
		place, r.Heard = 25, time.Duration(p.signed())
	case "known":
		place, r.Known = 26, p.boolean()
	case "voters":
		place, r.Voters = 27, p.texts()
	case "outgoing":
		place, r.Outgoing = 28, p.texts()
	case "learners":
		place, r.Learners = 29, p.texts()
	default:
		p.declined = true
	}
	return place
}

// done takes what follows a field, and tells whether the object ends there.
func (p *parser) done(inOrder bool) bool {
	p.declined = p.declined || !inOrder
	if p.declined || p.i >= len(p.b) {
		p.declined = true
		return true
	}
	c := p.b[p.i]
	p.i++
	p.declined = c != ',' && c != '}'
	return c != ','
}

// at takes s if it is next.
func (p *parser) at(s string) bool {
	if len(p.b)-p.i < len(s) || string(p.b[p.i:p.i+len(s)]) != s {
		return false
	}
	p.i += len(s)
	return true
}

func (p *parser) literal(s string) { p.declined = !p.at(s) || p.declined }

// name takes the name of a field and its colon.
func (p *parser) name() []byte {
	if !p.at(`"`) {
		return nil
	}
	from := p.i
	for p.i < len(p.b) && 'a' <= p.b[p.i] && p.b[p.i] <= 'z' {
		p.i++
	}
	name := p.b[from:p.i]
	if !p.at(`":`) {
		return nil
	}
	return name
}

// unsigned takes a number as JSON has it: no sign, no leading zero, no fraction.
func (p *parser) unsigned() uint64 {
	const cutoff = math.MaxUint64 / 10
	var n uint64
	from := p.i
	for ; p.i < len(p.b); p.i++ {
		d := uint64(p.b[p.i] - '0')
		if d > 9 {
			break
		}
		if n > cutoff || n == cutoff && d > math.MaxUint64%10 {
			p.declined = true
			return 0
		}
		n = n*10 + d
	}
	digits := p.i - from
	p.declined = p.declined || digits == 0 || digits > 1 && p.b[from] == '0'
	return n
}

func (p *parser) signed() int64 {
	negative := p.at(`-`)
	n := p.unsigned()
	p.declined = p.declined || n > math.MaxInt64
	if negative {
		return -int64(n)
	}
	return int64(n)
}

func (p *parser) boolean() bool {
	if p.at(`true`) {
		return true
	}
	p.literal(`false`)
	return false
}

// text takes a string of plain ASCII.
func (p *parser) text() string {
	if !p.at(`"`) {
		p.declined = true
		return ""
	}
	from, hash := p.i, uint32(0)
	for i := from; i < len(p.b); i++ {
		c := p.b[i]
		if c == '"' {
			p.i = i + 1
			return p.names.get(p.b[from:i], hash)
		}
		if c == '\\' || c < ' ' || c > '~' {
			break
		}
		hash = hash*31 + uint32(c)
	}
	p.declined = true
	return ""
}

// texts takes a list of strings that is not empty.
func (p *parser) texts() []string {
	if !p.at(`[`) {
		p.declined = true
		return nil
	}
	var list []string
	for !p.declined {
		list = append(list, p.text())
		if p.at(`]`) {
			return list
		}
		p.literal(`,`)
	}
	return nil
}

// bytes takes a string of base64 that is not empty.
func (p *parser) bytes(into *Batch) []byte {
	if !p.at(`"`) {
		p.declined = true
		return nil
	}
	from := p.i
	for p.i < len(p.b) && p.b[p.i] >= '+' && p.b[p.i] <= 'z' && p.b[p.i] != '\\' {
		p.i++
	}
	in := p.b[from:p.i]
	out := into.bytes(base64.StdEncoding.DecodedLen(len(in)))
	n, err := base64.StdEncoding.Decode(out, in)
	p.declined = p.declined || err != nil || n == 0
	p.literal(`"`)
	return out[:n]
}

func (p *parser) pos() (at Pos) {
	p.literal(`{"term":`)
	at.Term = p.unsigned()
	p.literal(`,"index":`)
	at.Index = p.unsigned()
	p.literal(`}`)
	return at
}

// names keeps one copy of each of the strings that were read last, for most come
// back: keys, members, values.
type names [4096]string

func (n *names) get(b []byte, hash uint32) string {
	s := &n[(hash^hash>>12)%uint32(len(n))]
	if *s != string(b) {
		*s = string(b)
	}
	return *s
}
