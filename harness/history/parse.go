package history

import (
	"encoding/base64"
	"time"
	"unsafe"
)

// parser reads the lines that a [Recorder] writes for operations and raft
// events, which are nearly all there are: fields in the order of the struct, no
// spaces, strings of plain ASCII without escapes. Any other line, also one with a
// field that the parser does not know, it declines, and [encoding/json] decides
// what that means; so it need not tell what is wrong, and a new field of an event
// costs speed alone. (A general JSON library that takes every line reached 1.0
// million events a second, this 5 to 6.)
type parser struct {
	op, raft, micro []field
	names           names
}

func newParser() parser {
	return parser{op: fieldsOf[Op](), raft: fieldsOf[Raft](), micro: fieldsOf[Micro]()}
}

// event parses the line that begins at b[i] into a new event of the batch, and
// returns the place behind the line's end, or no event. The last eight bytes of b are
// zeros.
func (p *parser) event(b []byte, i int, into *Batch) (e *Event, next int) {
	i = literal(b, i, `{"n":`)
	seq, i := unsigned(b, i)
	i = literal(b, i, `,"t":`)
	at, i := signed(b, i)
	i = literal(b, i, `,"`)
	switch b[i] {
	case 'o':
		e = into.op()
		i = p.object(b, literal(b, i, `op":{`), p.op, unsafe.Pointer(e.Op), into)
	case 'r':
		e = into.raft()
		i = p.object(b, literal(b, i, `raft":{`), p.raft, unsafe.Pointer(e.Raft), into)
	default:
		return nil, 0
	}
	next = literal(b, i, "}\n")
	if next == nowhere(b) {
		into.drop()
		return nil, 0
	}
	e.Seq, e.At = seq, time.Duration(at)
	return e, next
}

// object takes the fields of an object and its end, and stores them in the struct
// at to, whose fields these are.
func (p *parser) object(b []byte, i int, fields []field, to unsafe.Pointer, into *Batch) int {
	for at := 0; ; at++ {
		w := word(b, i)
		for {
			if at >= len(fields) {
				return nowhere(b)
			}
			if fields[at].is(w, b, i) {
				break
			}
			at++
		}
		f := &fields[at]
		i += int(f.size)
		to := unsafe.Add(to, f.offset)
		switch f.kind {
		case aText:
			*(*string)(to), i = p.names.text(b, i)
		case anUnsigned:
			*(*uint64)(to), i = unsigned(b, i)
		case aSigned:
			*(*int64)(to), i = signed(b, i)
		case aBoolean:
			*(*bool)(to), i = boolean(b, i)
		case aPosition:
			*(*Pos)(to), i = position(b, i)
		case someTexts:
			*(*[]string)(to), i = p.texts(b, i, into)
		case someMicros:
			*(*[]Micro)(to), i = p.micros(b, i, into)
		case someBytes:
			*(*[]byte)(to), i = base64Of(b, i, into)
		}
		if b[i] != ',' {
			return literal(b, i, "}")
		}
		i++
	}
}

// texts takes a list of strings that is not empty.
func (p *parser) texts(b []byte, i int, into *Batch) ([]string, int) {
	i = literal(b, i, "[")
	list := list(&into.texts, into.size)
	for {
		var s string
		s, i = p.names.text(b, i)
		list = append(list, s)
		if b[i] != ',' {
			return listed(&into.texts, list), literal(b, i, "]")
		}
		i++
	}
}

// micros takes what a transaction does, which is not nothing.
func (p *parser) micros(b []byte, i int, into *Batch) ([]Micro, int) {
	i = literal(b, i, "[")
	list := list(&into.micros, into.size)
	for {
		list = append(list, Micro{})
		i = p.object(b, literal(b, i, "{"), p.micro, unsafe.Pointer(&list[len(list)-1]), into)
		if b[i] != ',' {
			return listed(&into.micros, list), literal(b, i, "]")
		}
		i++
	}
}

// base64Of takes a string of base64 that is not empty.
func base64Of(b []byte, i int, into *Batch) ([]byte, int) {
	i = literal(b, i, `"`)
	from := i
	for '+' <= b[i] && b[i] <= 'z' && b[i] != '\\' {
		i++
	}
	out := into.bytes(base64.StdEncoding.DecodedLen(i - from))
	n, err := base64.StdEncoding.Decode(out, b[from:i])
	if err != nil || n == 0 {
		return nil, nowhere(b)
	}
	return out[:n], literal(b, i, `"`)
}
