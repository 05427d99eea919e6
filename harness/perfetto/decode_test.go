package perfetto

import (
	"testing"

	"github.com/stretchr/testify/require"
	"google.golang.org/protobuf/encoding/protowire"
)

// A second table of Perfetto's field numbers, as published, by the paths of fields: the
// decoder knows nothing else, and takes no field that is not here.
var published = map[string]map[protowire.Number]string{
	"Trace":                  {1: "packet"},
	"packet":                 {8: "timestamp", 10: "trusted_packet_sequence_id", 11: "track_event", 12: "interned_data", 13: "sequence_flags", 60: "track_descriptor"},
	"track_event":            {4: "debug_annotations", 9: "type", 10: "name_iid", 11: "track_uuid", 23: "name", 30: "counter_value", 47: "flow_ids", 48: "terminating_flow_ids"},
	"track_descriptor":       {1: "uuid", 2: "track_name", 3: "process", 5: "parent_uuid", 8: "counter"},
	"process":                {1: "pid", 6: "process_name"},
	"debug_annotations":      {1: "annotation_iid", 3: "uint_value", 6: "string_value"},
	"interned_data":          {2: "event_names", 3: "debug_annotation_names"},
	"event_names":            {1: "iid", 2: "interned_name"},
	"debug_annotation_names": {1: "iid", 2: "interned_name"},
	"counter":                {},
}

// message is a decoded message: numbers, texts and messages by field, in order.
type message map[string][]any

func (m message) number(field string) uint64 {
	if len(m[field]) == 0 {
		return 0
	}
	return m[field][0].(uint64)
}

func (m message) text(field string) string {
	if len(m[field]) == 0 {
		return ""
	}
	return m[field][0].(string)
}

func (m message) message(field string) message {
	if len(m[field]) == 0 {
		return nil
	}
	return m[field][0].(message)
}

func decode(t require.TestingT, kind string, b []byte) message {
	m := make(message)
	for len(b) > 0 {
		number, wire, n := protowire.ConsumeTag(b)
		require.Positive(t, n)
		b = b[n:]
		field, ok := published[kind][number]
		require.True(t, ok, "%s has no field %d", kind, number)
		switch wire {
		case protowire.VarintType:
			v, n := protowire.ConsumeVarint(b)
			require.Positive(t, n)
			m[field], b = append(m[field], v), b[n:]
		case protowire.Fixed64Type:
			require.Contains(t, []string{"flow_ids", "terminating_flow_ids"}, field)
			v, n := protowire.ConsumeFixed64(b)
			require.Positive(t, n)
			m[field], b = append(m[field], v), b[n:]
		case protowire.BytesType:
			v, n := protowire.ConsumeBytes(b)
			require.Positive(t, n)
			b = b[n:]
			if _, nested := published[field]; nested {
				m[field] = append(m[field], decode(t, field, v))
			} else {
				m[field] = append(m[field], string(v))
			}
		default:
			require.Fail(t, "wire type", "%s.%s has %v", kind, field, wire)
		}
	}
	return m
}

// shown is a trace as its reader has it.
type shown struct {
	tracks  map[uint64]message // descriptors
	slices  []slice
	points  []point
	flows   map[uint64][]string // the names of their events
	ended   map[uint64]bool
	longest int // text
}

type slice struct {
	track, name string
	from, to    uint64
	depth       int
	args        map[string]any
}

type point struct {
	track, name string
	at          uint64
	value       int64
	counter     bool
}

// reader follows a trace and holds it to what the format asks.
type reader struct {
	t     require.TestingT
	out   shown
	names map[uint64]string
	args  map[uint64]string
	open  map[uint64][]slice
	last  map[uint64]uint64 // time of each track
}

func read(t require.TestingT, b []byte) shown {
	r := reader{
		t: t, names: map[uint64]string{}, args: map[uint64]string{}, open: map[uint64][]slice{}, last: map[uint64]uint64{},
		out: shown{tracks: map[uint64]message{}, flows: map[uint64][]string{}, ended: map[uint64]bool{}},
	}
	for i, p := range decode(t, "Trace", b)["packet"] {
		p := p.(message)
		require.Equal(t, uint64(1), p.number("trusted_packet_sequence_id"))
		want := uint64(2)
		if i == 0 {
			want = 3
		}
		require.Equal(t, want, p.number("sequence_flags"))
		r.intern(p.message("interned_data"))
		if d := p.message("track_descriptor"); d != nil {
			r.track(d)
		}
		if e := p.message("track_event"); e != nil {
			r.event(p.number("timestamp"), e)
		}
	}
	for uuid, open := range r.open {
		require.Empty(t, open, "slices of track %d are not ended", uuid)
	}
	return r.out
}

func (r *reader) intern(d message) {
	for _, kind := range []string{"event_names", "debug_annotation_names"} {
		known := r.names
		if kind == "debug_annotation_names" {
			known = r.args
		}
		for _, e := range d[kind] {
			e := e.(message)
			require.NotContains(r.t, known, e.number("iid"))
			require.Positive(r.t, e.number("iid"))
			known[e.number("iid")] = e.text("interned_name")
		}
	}
}

func (r *reader) track(d message) {
	uuid := d.number("uuid")
	require.Positive(r.t, uuid)
	require.NotContains(r.t, r.out.tracks, uuid)
	if parent := d.number("parent_uuid"); parent > 0 {
		require.Contains(r.t, r.out.tracks, parent)
	} else {
		require.Positive(r.t, d.message("process").number("pid"), "a track below nothing is a process")
	}
	r.out.tracks[uuid] = d
}

func (r *reader) path(uuid uint64) string {
	d := r.out.tracks[uuid]
	if parent := d.number("parent_uuid"); parent > 0 {
		return r.path(parent) + "/" + d.text("track_name")
	}
	return d.text("track_name")
}

func (r *reader) event(at uint64, e message) {
	uuid := e.number("track_uuid")
	require.Contains(r.t, r.out.tracks, uuid)
	require.Less(r.t, at, uint64(1)<<62, "a time before 0")
	require.GreaterOrEqual(r.t, at, r.last[uuid], "%s goes back", r.path(uuid))
	r.last[uuid] = at
	name := e.text("name")
	if iid := e.number("name_iid"); iid > 0 {
		require.Contains(r.t, r.names, iid)
		name = r.names[iid]
	}
	args := map[string]any{}
	for _, a := range e["debug_annotations"] {
		a := a.(message)
		require.Contains(r.t, r.args, a.number("annotation_iid"))
		if s := a.text("string_value"); s != "" {
			args[r.args[a.number("annotation_iid")]] = s
			r.out.longest = max(r.out.longest, len(s))
		} else {
			args[r.args[a.number("annotation_iid")]] = a.number("uint_value")
		}
	}
	r.out.longest = max(r.out.longest, len(name))
	for _, id := range e["flow_ids"] {
		require.False(r.t, r.out.ended[id.(uint64)], "a flow goes on behind its end")
		r.out.flows[id.(uint64)] = append(r.out.flows[id.(uint64)], name)
	}
	for _, id := range e["terminating_flow_ids"] {
		r.out.flows[id.(uint64)] = append(r.out.flows[id.(uint64)], name)
		r.out.ended[id.(uint64)] = true
	}
	isCounter := r.out.tracks[uuid]["counter"] != nil
	switch e.number("type") {
	case 1:
		require.False(r.t, isCounter)
		r.open[uuid] = append(r.open[uuid], slice{r.path(uuid), name, at, 0, len(r.open[uuid]), args})
	case 2:
		open := r.open[uuid]
		require.NotEmpty(r.t, open, "a slice ends on %s that did not begin", r.path(uuid))
		s := open[len(open)-1]
		s.to = at
		for k, v := range args {
			s.args[k] = v
		}
		r.open[uuid] = open[:len(open)-1]
		r.out.slices = append(r.out.slices, s)
	case 3:
		require.False(r.t, isCounter)
		r.out.points = append(r.out.points, point{track: r.path(uuid), name: name, at: at})
	case 4:
		require.True(r.t, isCounter)
		r.out.points = append(r.out.points, point{r.path(uuid), name, at, int64(e.number("counter_value")), true})
	default:
		require.Fail(r.t, "type", "%d", e.number("type"))
	}
}

// on returns the slices on a track.
func (s *shown) on(track string) []slice {
	var out []slice
	for _, x := range s.slices {
		if x.track == track {
			out = append(out, x)
		}
	}
	return out
}

func TestDecoderRefusesWhatIsNotPublished(t *testing.T) {
	t.Parallel()
	var failed refusing
	func() {
		defer func() { _ = recover() }()
		decode(&failed, "Trace", protowire.AppendVarint(protowire.AppendTag(nil, 2, protowire.VarintType), 1))
	}()
	require.True(t, bool(failed))
}

// refusing is a test that notes that it failed.
type refusing bool

func (r *refusing) Errorf(string, ...any) { *r = true }
func (r *refusing) FailNow()              { panic("failed") }
