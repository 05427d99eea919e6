package etcd

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// piece is a part of what a connection carried, in the order of a recording.
type piece struct {
	Conn int `json:"conn"`
	// Dialler and Accepter are set in a connection's first piece.
	Dialler  string `json:"dialler,omitempty"`
	Accepter string `json:"accepter,omitempty"`
	Back     bool   `json:"back,omitempty"` // from the accepter
	Data     []byte `json:"data"`
}

func load(t testing.TB, path string) []piece {
	t.Helper()
	f, err := os.Open(path)
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var pieces []piece
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var p piece
		require.NoError(t, json.Unmarshal(lines.Bytes(), &p))
		pieces = append(pieces, p)
	}
	require.NoError(t, lines.Err())
	return pieces
}

// decoded is what a tap makes of a recording.
type decoded struct {
	elections uint64
	events    []history.Raft
	classes   map[string]int
	errors    []error
	frames    []framed
}

// framed is a frame that a replay found, its bytes left out.
type framed struct {
	conn  int
	back  bool
	class string
	end   int // in the direction's bytes
}

// flow is one direction of a replayed connection.
type flow struct {
	link    fabric.Link
	split   fabric.Splitter
	pending []byte
	end     int
	failed  bool
}

// replay feeds a recording to a tap as a fabric would, at most step bytes at a
// time (0: piece by piece). Every frame is delivered as soon as it is sent.
func replay(pieces []piece, step int) *decoded {
	d := &decoded{classes: map[string]int{}}
	o := Dialect().Watch([]string{"n1", "n2", "n3"}, func(e history.Raft) { d.events = append(d.events, e) })
	flows := map[int]*[2]flow{}
	for _, p := range pieces {
		f := flows[p.Conn]
		if f == nil {
			if p.Back {
				continue
			}
			f = &[2]flow{}
			f[0].split, f[1].split = o.Open(p.Dialler, p.Accepter)
			f[0].link = fabric.Link{From: p.Dialler, To: p.Accepter}
			f[1].link = fabric.Link{From: p.Accepter, To: p.Dialler}
			flows[p.Conn] = f
		}
		side := &f[0]
		if p.Back {
			side = &f[1]
		}
		for data := p.Data; len(data) > 0 && !side.failed; {
			n := len(data)
			if step > 0 {
				n = min(n, step)
			}
			d.feed(o, side, p, data[:n])
			data = data[n:]
		}
	}
	o.Flush()
	return d
}

func (d *decoded) feed(o *tap.Watch, f *flow, p piece, data []byte) {
	f.pending = append(f.pending, data...)
	for len(f.pending) > 0 {
		n, class, err := f.split.Next(f.pending)
		if err != nil {
			d.errors = append(d.errors, err)
			f.failed = true
			return
		}
		if n == 0 {
			return
		}
		told := f.split.(fabric.Teller).Told()
		if told != nil {
			d.elections++ // how many frames others are cut into depends on the step
		}
		frame := fabric.Frame{ID: d.elections, Link: f.link, Class: class, Meaning: told}
		o.Frame(fabric.Sent, frame)
		o.Frame(fabric.Delivered, frame)
		f.end += n
		d.classes[class]++
		d.frames = append(d.frames, framed{p.Conn, p.Back, class, f.end})
		f.pending = f.pending[n:]
	}
}

// leaders returns who led which term, in order of the terms' first events.
func (d *decoded) leaders() map[uint64][]string {
	led := map[uint64][]string{}
	for _, e := range d.events {
		if e.What == history.RaftLeader {
			led[e.Term] = append(led[e.Term], e.Node)
		}
	}
	return led
}
