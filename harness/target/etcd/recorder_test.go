package etcd

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net"
	"os"
	"regexp"
	"strconv"
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

var introduction = regexp.MustCompile(`(?i)\r\nX-Server-From: *([0-9a-f]+)\r\n`)

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
				if from := introduction.FindSubmatch(p.Data); from != nil { // a first request comes in one piece
					id, _ := strconv.ParseUint(string(from[1]), 16, 64)
					p.Dialler = r.members[id]
				}
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

// heard is what the tap makes of a recording.
type heard struct {
	leaders map[uint64][]string
	classes map[string]int
	errors  []error
}

// listen feeds a recording to a tap, piece by piece.
func listen(pieces []piece) *heard {
	h := &heard{leaders: map[uint64][]string{}, classes: map[string]int{}}
	o := new(Target).Tap([]string{"n1", "n2", "n3"}, func(e history.Raft) {
		if e.What == history.RaftLeader {
			h.leaders[e.Term] = append(h.leaders[e.Term], e.Node)
		}
	}).(fabric.Protocol)
	type flow struct {
		fabric.Splitter
		pending []byte
	}
	flows := map[int]*[2]flow{}
	for _, p := range pieces {
		both := flows[p.Conn]
		if both == nil {
			if p.Back {
				continue
			}
			both = &[2]flow{}
			both[0].Splitter, both[1].Splitter = o.Open(p.Dialler, p.Accepter)
			flows[p.Conn] = both
		}
		f := &both[0]
		if p.Back {
			f = &both[1]
		}
		f.pending = append(f.pending, p.Data...)
		for len(f.pending) > 0 {
			n, class, err := f.Next(f.pending)
			if err != nil {
				h.errors = append(h.errors, err)
				return h
			}
			if n == 0 {
				break
			}
			h.classes[class]++
			f.pending = f.pending[n:]
		}
	}
	return h
}
