package perfetto

import (
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"google.golang.org/protobuf/encoding/protowire"

	"github.com/usurper/usurper/checker/verdict"
)

// Field numbers of Perfetto's published definitions (protos/perfetto/trace), by
// message.
const (
	tracePacket = 1 // Trace

	packetTimestamp = 8 // TracePacket
	packetSequence  = 10
	packetEvent     = 11
	packetInterned  = 12
	packetFlags     = 13
	packetTrack     = 60

	trackUUID    = 1 // TrackDescriptor
	trackName    = 2
	trackProcess = 3
	trackParent  = 5
	trackCounter = 8

	processPid  = 1 // ProcessDescriptor
	processName = 6

	eventArgs     = 4 // TrackEvent
	eventType     = 9
	eventNameIID  = 10
	eventTrack    = 11
	eventName     = 23
	eventValue    = 30
	eventFlow     = 47
	eventFlowEnds = 48

	argNameIID = 1 // DebugAnnotation
	argUint    = 3
	argText    = 6

	internedEvents = 2 // InternedData
	internedArgs   = 3
	internedID     = 1 // of its entries
	internedName   = 2
)

// What a TrackEvent is.
const (
	sliceBegin = 1
	sliceEnd   = 2
	instant    = 3
	counter    = 4
)

// What sequence_flags say.
const (
	firstPacket   = 1 // what was interned before is void
	needsInterned = 2
)

const (
	// longest is how many bytes a string may have, and longestInterned one that is
	// kept to be named by its number.
	longest         = 200
	longestInterned = 64
	// maxInterned bounds how many are kept.
	maxInterned = 4096
)

// writer writes packets, one after the other, all of one sequence.
type writer struct {
	out     io.Writer
	err     error
	started bool
	tracks  uint64 // made so far; their UUIDs count from 1

	names, args map[string]uint64 // what is interned
	fresh       []byte            // InternedData of the packet at hand
	packet      []byte
	body        []byte
	nested      []byte
}

func newWriter(out io.Writer) *writer {
	return &writer{out: out, names: make(map[string]uint64), args: make(map[string]uint64)}
}

// track is where events are drawn. It is told of before its first event.
type track struct {
	name    string
	parent  *track
	pid     int // over 0: a process
	counter bool
	uuid    uint64 // 0: not told of
}

// arg says something about an event: text, or a number.
type arg struct {
	name   string
	text   string
	number uint64
}

// event is one TrackEvent.
type event struct {
	kind  uint64
	name  string
	flow  uint64 // that it is a step of, 0 for none
	last  bool   // of the flow
	value int64  // of a counter
	args  []arg
}

// draw writes an event on a track.
func (w *writer) draw(at time.Duration, t *track, e event) {
	w.tell(t)
	b := w.body[:0]
	for _, a := range e.args {
		n := appendUint(w.nested[:0], argNameIID, w.intern(w.args, internedArgs, a.name))
		if a.text != "" {
			n = appendText(n, argText, clip(a.text, longest))
		} else {
			n = appendUint(n, argUint, a.number)
		}
		w.nested = n
		b = appendBytes(b, eventArgs, n)
	}
	b = appendUint(b, eventType, e.kind)
	b = appendUint(b, eventTrack, t.uuid)
	if e.name != "" {
		name := clip(e.name, longest)
		if iid := w.intern(w.names, internedEvents, name); iid > 0 {
			b = appendUint(b, eventNameIID, iid)
		} else {
			b = appendText(b, eventName, name)
		}
	}
	if e.kind == counter {
		b = appendUint(b, eventValue, uint64(e.value))
	}
	if e.flow > 0 {
		field := protowire.Number(eventFlow)
		if e.last {
			field = eventFlowEnds
		}
		b = protowire.AppendFixed64(protowire.AppendTag(b, field, protowire.Fixed64Type), e.flow)
	}
	w.body = b
	w.write(at, packetEvent, b)
}

// tell writes the descriptor of a track, and those that it is below, unless that is done.
func (w *writer) tell(t *track) {
	if t.uuid > 0 {
		return
	}
	if t.parent != nil {
		w.tell(t.parent)
	}
	w.tracks++
	t.uuid = w.tracks
	b := appendUint(nil, trackUUID, t.uuid)
	b = appendText(b, trackName, clip(t.name, longest))
	if t.pid > 0 {
		p := appendUint(nil, processPid, uint64(t.pid))
		b = appendBytes(b, trackProcess, appendText(p, processName, clip(t.name, longest)))
	}
	if t.parent != nil {
		b = appendUint(b, trackParent, t.parent.uuid)
	}
	if t.counter {
		b = appendBytes(b, trackCounter, nil)
	}
	w.write(0, packetTrack, b)
}

// write writes a packet with one field that matters.
func (w *writer) write(at time.Duration, field protowire.Number, body []byte) {
	if w.err != nil {
		return
	}
	p := appendUint(w.packet[:0], packetTimestamp, uint64(at))
	p = appendUint(p, packetSequence, 1)
	flags := uint64(needsInterned)
	if !w.started {
		flags |= firstPacket
		w.started = true
	}
	p = appendUint(p, packetFlags, flags)
	if len(w.fresh) > 0 {
		p = appendBytes(p, packetInterned, w.fresh)
		w.fresh = w.fresh[:0]
	}
	p = appendBytes(p, field, body)
	w.packet = p
	head := protowire.AppendTag(nil, tracePacket, protowire.BytesType)
	if _, w.err = w.out.Write(protowire.AppendVarint(head, uint64(len(p)))); w.err == nil {
		_, w.err = w.out.Write(p)
	}
}

// intern returns the number of a string, which the packet at hand tells of if it is
// new; 0 for one that is not kept.
func (w *writer) intern(known map[string]uint64, field protowire.Number, s string) uint64 {
	if iid, ok := known[s]; ok {
		return iid
	}
	if len(s) > longestInterned || len(known) >= maxInterned {
		return 0
	}
	iid := uint64(len(known) + 1)
	known[strings.Clone(s)] = iid
	entry := appendText(appendUint(nil, internedID, iid), internedName, s)
	w.fresh = appendBytes(w.fresh, field, entry)
	return iid
}

// clip returns a text that can be seen, of at most n bytes.
func clip(s string, n int) string {
	const cut = "…"
	if len(s) > 2*n {
		s = s[:2*n] // what is visible of a 1 MB line is no less
	}
	s = verdict.Printable(s)
	if len(s) <= n {
		return s
	}
	end := n - len(cut)
	for !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + cut
}

func appendUint(b []byte, field protowire.Number, v uint64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), v)
}

func appendText(b []byte, field protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), s)
}

func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}
