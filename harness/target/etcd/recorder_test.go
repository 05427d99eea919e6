package etcd

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net"
	"os"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
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

// recorder is a proxy before each member that keeps everything it passes on.
type recorder struct {
	members map[uint64]string
	gone    sync.WaitGroup

	mu     sync.Mutex
	closed bool
	pieces []piece
	number int
	open   map[net.Conn]bool
}

func newRecorder(t *testing.T) *recorder {
	r := &recorder{members: map[uint64]string{}, open: map[net.Conn]bool{}}
	t.Cleanup(r.stop)
	return r
}

// listen returns a listener in front of the member at backend. Its address is
// the member's from now on.
func (r *recorder) listen(t *testing.T, name, backend string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	r.members[memberIDOf(url(l.Addr().String()), "usurper")] = name
	r.gone.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			r.gone.Go(func() { r.pass(c, name, backend) })
		}
	})
	return l.Addr().String()
}

func (r *recorder) pass(dialler net.Conn, name, backend string) {
	defer dialler.Close()
	accepter, err := net.Dial("tcp", backend)
	if err != nil {
		return
	}
	defer accepter.Close()
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		return
	}
	number := r.number
	r.number++
	r.open[dialler], r.open[accepter] = true, true
	r.mu.Unlock()
	var both sync.WaitGroup
	both.Go(func() { r.copy(accepter, dialler, piece{Conn: number, Accepter: name}) })
	r.copy(dialler, accepter, piece{Conn: number, Back: true})
	both.Wait()
	r.mu.Lock()
	delete(r.open, dialler)
	delete(r.open, accepter)
	r.mu.Unlock()
}

func (r *recorder) copy(to, from net.Conn, p piece) {
	b := make([]byte, 64<<10)
	for {
		n, err := from.Read(b)
		if n > 0 {
			p.Data = bytes.Clone(b[:n])
			if p.Accepter != "" {
				h, _ := parseHead(p.Data, false) // a first request comes in one piece
				p.Dialler = r.members[h.from]
			}
			r.mu.Lock()
			r.pieces = append(r.pieces, p)
			r.mu.Unlock()
			p.Accepter, p.Dialler = "", ""
			_, err2 := to.Write(b[:n])
			if err == nil {
				err = err2
			}
		}
		if err != nil {
			to.Close()
			return
		}
	}
}

// stop ends the recording.
func (r *recorder) stop() {
	r.mu.Lock()
	r.closed = true
	for c := range r.open {
		c.Close()
	}
	r.mu.Unlock()
}

func (r *recorder) recorded() []piece {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.pieces[:len(r.pieces):len(r.pieces)]
}

func save(t *testing.T, path string, pieces []piece) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	require.NoError(t, err)
	enc := json.NewEncoder(z)
	for _, p := range pieces {
		require.NoError(t, enc.Encode(p))
	}
	require.NoError(t, z.Close())
	require.NoError(t, os.WriteFile(path, b.Bytes(), 0o644))
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
	o := new(Target).Tap([]string{"n1", "n2", "n3"}, func(e history.Raft) { d.events = append(d.events, e) }).(*observer)
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

func (d *decoded) feed(o *observer, f *flow, p piece, data []byte) {
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
		if elects(class) {
			d.elections++ // how many frames others are cut into depends on the step
		}
		frame := fabric.Frame{ID: d.elections, Link: f.link, Class: class, Bytes: f.pending[:n]}
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
