package dialect_test

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/capture"
	"github.com/usurper/usurper/harness/dialect"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// conn is a connection of a capture, or one that took its place.
type conn struct{ dialler, accepter string }

// frame is what one end of a connection sent as one.
type frame struct {
	on      *conn
	forward bool
	bytes   []byte
	class   string
	says    tap.Message // as the dialect decodes it
	exit    string      // in the place of all else: a member that ended here
}

func (f *frame) from() string { return f.link().From }
func (f *frame) to() string   { return f.link().To }

func (f *frame) link() fabric.Link {
	if f.forward {
		return fabric.Link{From: f.on.dialler, To: f.on.accepter}
	}
	return fabric.Link{From: f.on.accepter, To: f.on.dialler}
}

// wire is a dialect with what its speakers said once.
type wire struct {
	tap.Dialect
	frames []frame
	// change, if it is set, is what a forger does to what the dialect decodes.
	change func(m *tap.Message)
}

// load reads a capture of a dialect.
func load(t *testing.T, name, path string) *wire {
	t.Helper()
	d, err := dialect.Named(name)
	require.NoError(t, err)
	w := &wire{Dialect: d}
	s := w.splitting(nil)
	pieces(t, path, func(on *conn, forward bool, b []byte) {
		s.pending[half{on, forward}] = append(s.pending[half{on, forward}], b...)
		for {
			b := s.pending[half{on, forward}]
			n, class, says := s.next(t, half{on, forward}, b)
			if n == 0 {
				return
			}
			w.frames = append(w.frames, frame{on: on, forward: forward, bytes: slices.Clone(b[:n]), class: class, says: says})
			s.pending[half{on, forward}] = b[n:]
		}
	})
	require.NotEmpty(t, w.frames)
	return w
}

// pieces reads a capture, or a recording of before there were any.
func pieces(t *testing.T, path string, each func(on *conn, forward bool, b []byte)) {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	conns := make(map[any]*conn)
	if !strings.HasSuffix(path, ".gz") {
		_, err = capture.Read(f, nil, func(p capture.Piece) error {
			if p.Conn != nil && p.Comment == "" {
				if conns[p.Conn] == nil {
					conns[p.Conn] = &conn{p.Conn.Dialler, p.Conn.Accepter}
				}
				each(conns[p.Conn], p.Forward, p.Bytes)
			}
			return nil
		})
		require.NoError(t, err)
		return
	}
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	for lines := bufio.NewReader(z); ; {
		line, err := lines.ReadBytes('\n')
		if err == io.EOF {
			return
		}
		require.NoError(t, err)
		var p struct {
			Conn              int
			Dialler, Accepter string
			Back              bool
			Data              []byte
		}
		require.NoError(t, json.Unmarshal(line, &p))
		if conns[p.Conn] == nil {
			conns[p.Conn] = &conn{p.Dialler, p.Accepter}
		}
		each(conns[p.Conn], !p.Back, p.Data)
	}
}

// half is one direction of a connection.
type half struct {
	on      *conn
	forward bool
}

// splitting is a watch at work.
type splitting struct {
	watch   *tap.Watch
	halves  map[half]fabric.Splitter
	pending map[half][]byte
	said    tap.Message // by the frame found last
}

// splitting begins to watch, and hears what a forger makes of it.
func (w *wire) splitting(emit func(history.Raft)) *splitting {
	s := &splitting{halves: make(map[half]fabric.Splitter), pending: make(map[half][]byte)}
	d := w.Dialect
	open := d.Open
	d.Open = func(c *tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
		each := open(c)
		return func(dialler, accepter string) (tap.Decoder, tap.Decoder) {
			f, b := each(dialler, accepter)
			there, back := fabric.Link{From: dialler, To: accepter}, fabric.Link{From: accepter, To: dialler}
			return heard{f, s, w, there}, heard{b, s, w, back}
		}
	}
	s.watch = d.Watch([]string{"n1", "n2", "n3"}, emit)
	return s
}

type heard struct {
	tap.Decoder
	by   *splitting
	wire *wire
	link fabric.Link
}

func (h heard) Next(b []byte, m *tap.Message) (int, string, error) {
	n, class, err := h.Decoder.Next(b, m)
	if n > 0 && m.Kind != "" {
		m.From, m.To = cmp.Or(m.From, h.link.From), cmp.Or(m.To, h.link.To)
		if h.wire.change != nil {
			h.wire.change(m)
		}
	}
	h.by.said = *m
	return n, class, err
}

func (s *splitting) next(t *testing.T, h half, b []byte) (n int, class string, says tap.Message) {
	t.Helper()
	if s.halves[h] == nil {
		f, back := s.watch.Open(h.on.dialler, h.on.accepter)
		s.halves[half{h.on, true}], s.halves[half{h.on, false}] = f, back
	}
	if len(b) == 0 {
		return 0, "", tap.Message{}
	}
	n, class, err := s.halves[h].Next(b)
	require.NoError(t, err, "%v", h.on)
	return n, class, s.said
}

// judge lets the checkers judge a run in which these frames passed.
func (w *wire) judge(t *testing.T, frames []frame) checker.Report {
	t.Helper()
	events := []history.Event{{Run: &history.Run{
		What: history.RunBegin, Nodes: []string{"n1", "n2", "n3"}, Tapped: true, Wire: w.Wire(), Rules: w.Rules,
	}}}
	s := w.splitting(func(r history.Raft) { events = append(events, history.Event{Raft: &r}) })
	for i := range frames {
		f := &frames[i]
		if f.exit != "" {
			events = append(events, history.Event{Proc: &history.Proc{Node: f.exit, What: history.ProcExit, Inc: 1, Expected: true}})
			continue
		}
		n, class, _ := s.next(t, half{f.on, f.forward}, f.bytes)
		if n == 0 { // it was cut
			continue
		}
		require.Len(t, f.bytes, n)
		passes := fabric.Frame{ID: uint64(i), Link: f.link(), Class: class, Meaning: s.halves[half{f.on, f.forward}].(fabric.Teller).Told()}
		s.watch.Frame(fabric.Sent, passes)
		s.watch.Frame(fabric.Delivered, passes)
	}
	s.watch.Flush()
	said := s.watch.Heard()
	require.Empty(t, said.Strange)
	events = append(events, history.Event{Run: &history.Run{What: history.RunHeard, Heard: &said}}, history.Event{Run: &history.Run{What: history.RunEnd}})
	report, err := checker.Run(checker.All(checker.Options{}), func(yield func(*history.Event, error) bool) {
		for i := range events {
			events[i].Seq, events[i].At = uint64(i+1), time.Duration(i)*time.Millisecond
			if !yield(&events[i], nil) {
				return
			}
		}
	})
	require.NoError(t, err)
	return report
}

// found are the rules that a report says are broken, and what it could not decide.
func found(r checker.Report) (rules, unknown []string) {
	for _, c := range r.Results {
		switch c.Checker {
		case "election", "votes", "stale-log", "logs", "pre-votes":
			for _, v := range c.Violations {
				rules = append(rules, v.Rule)
			}
			if c.Verdict == verdict.Unknown {
				unknown = append(unknown, c.Summary)
			}
		}
	}
	return rules, unknown
}
