package zookeeper

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Operations and errors of ZooKeeper's protocol for clients.
const (
	opCreate   = 1
	opDelete   = 2
	opGetData  = 4
	opSetData  = 5
	opSync     = 9
	opPing     = 11
	opChildren = 12
	opCheck    = 13
	opMulti    = 14
	opClose    = -11

	noNode     = -101
	badVersion = -103
	nodeExists = -110
	afterError = -2 // of a multi's operations behind the one that failed
)

var opNames = map[int32]string{
	opCreate: "create", opDelete: "delete", opGetData: "get", opSetData: "set", opSync: "sync",
	opChildren: "children", opCheck: "check", opMulti: "multi", opClose: "close",
}

type node struct {
	data              string
	version, cversion int32
}

// fake is one ZooKeeper of its own, with as much as a client needs.
type fake struct {
	listener net.Listener
	gone     sync.WaitGroup

	mu       sync.Mutex
	nodes    map[string]*node
	asked    []string // but for pings
	sessions int
	conns    []net.Conn
	// before, if set, is called with each request; it may change the nodes. It says
	// whether the request is carried out, and whether it is answered.
	before func(s *fake, op string) (does, answers bool)
}

func serve(t *testing.T) *fake {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &fake{listener: l, nodes: map[string]*node{"/": {}}}
	s.gone.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			s.gone.Go(func() { defer c.Close(); s.talk(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.drop()
		s.gone.Wait()
	})
	return s
}

func (s *fake) addr() string { return s.listener.Addr().String() }

// drop closes all connections.
func (s *fake) drop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.conns {
		c.Close()
	}
	s.conns = nil
}

func (s *fake) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.asked)
}

func (s *fake) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked = nil
}

// message is what was received, from which parts are taken.
type message struct{ b []byte }

func (m *message) int() int32 {
	n := int32(binary.BigEndian.Uint32(m.b))
	m.b = m.b[4:]
	return n
}

func (m *message) bool() bool {
	v := m.b[0] == 1
	m.b = m.b[1:]
	return v
}

func (m *message) text() string {
	n := max(m.int(), 0)
	s := string(m.b[:n])
	m.b = m.b[n:]
	return s
}

func number(b []byte, n int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(n)) }
func text(b []byte, s string) []byte  { return append(number(b, int32(len(s))), s...) }

func stat(b []byte, n *node) []byte {
	b = append(b, make([]byte, 4*8)...)
	b = number(number(b, n.version), n.cversion)
	return append(b, make([]byte, 4+8+4+4+8)...)
}

func receive(c net.Conn) (*message, error) {
	var head [4]byte
	if _, err := io.ReadFull(c, head[:]); err != nil {
		return nil, err
	}
	b := make([]byte, binary.BigEndian.Uint32(head[:]))
	_, err := io.ReadFull(c, b)
	return &message{b}, err
}

func send(c net.Conn, b []byte) { c.Write(text(nil, string(b))) }

func (s *fake) talk(c net.Conn) {
	if _, err := receive(c); err != nil {
		return
	}
	s.mu.Lock()
	s.sessions++
	id := int32(s.sessions)
	s.mu.Unlock()
	send(c, text(number(number(number(number(nil, 0), 4000), 0), id), "0123456789abcdef"))
	for {
		m, err := receive(c)
		if err != nil {
			return
		}
		xid, op := m.int(), m.int()
		if op == opPing {
			send(c, append(number(nil, xid), make([]byte, 12)...))
			continue
		}
		s.mu.Lock()
		s.asked = append(s.asked, opNames[op])
		before := s.before
		s.mu.Unlock()
		does, answers := true, true
		if before != nil {
			does, answers = before(s, opNames[op])
		}
		var code int32
		var body []byte
		if does {
			s.mu.Lock()
			code, body = s.do(op, m)
			s.mu.Unlock()
		}
		if answers {
			send(c, append(number(append(number(nil, xid), make([]byte, 8)...), code), body...))
		}
		if op == opClose {
			return
		}
	}
}

// do carries out one request.
func (s *fake) do(op int32, m *message) (code int32, body []byte) {
	switch op {
	case opMulti:
		return 0, s.multi(m)
	case opClose:
		return 0, nil
	}
	at := m.text()
	n := s.nodes[at]
	var data string
	version := int32(-1)
	switch op {
	case opCreate:
		return s.create(at, m)
	case opSync:
		return 0, text(nil, at)
	case opSetData:
		data, version = m.text(), m.int()
	case opDelete, opCheck:
		version = m.int()
	}
	switch {
	case n == nil:
		return noNode, nil
	case version >= 0 && version != n.version:
		return badVersion, nil
	}
	switch op {
	case opGetData:
		return 0, stat(text(nil, n.data), n)
	case opSetData:
		n.data = data
		n.version++
		return 0, stat(nil, n)
	case opDelete:
		delete(s.nodes, at)
	case opChildren:
		var names []string
		for name := range s.nodes {
			if path.Dir(name) == at && name != "/" {
				names = append(names, path.Base(name))
			}
		}
		slices.Sort(names)
		b := number(nil, int32(len(names)))
		for _, name := range names {
			b = text(b, name)
		}
		return 0, stat(b, n)
	}
	return 0, nil
}

func (s *fake) create(at string, m *message) (code int32, body []byte) {
	data := m.text()
	for range m.int() {
		m.int()
		m.text()
		m.text()
	}
	sequence := m.int() == 2
	above := s.nodes[path.Dir(at)]
	if above == nil {
		return noNode, nil
	}
	if sequence {
		at += fmt.Sprintf("%010d", above.cversion)
	}
	if s.nodes[at] != nil {
		return nodeExists, nil
	}
	above.cversion++
	s.nodes[at] = &node{data: data}
	return 0, text(nil, at)
}

// multi carries out all or nothing.
func (s *fake) multi(m *message) []byte {
	kept := make(map[string]*node)
	for name, n := range s.nodes {
		was := *n
		kept[name] = &was
	}
	var codes, ops []int32
	var bodies [][]byte
	failed := false
	for {
		op, done, _ := m.int(), m.bool(), m.int()
		if done {
			break
		}
		code, body := s.do(op, m)
		failed = failed || code != 0
		codes, ops, bodies = append(codes, code), append(ops, op), append(bodies, body)
	}
	var b []byte
	seen := false
	for i, op := range ops {
		code := codes[i]
		if failed {
			if seen {
				code = afterError
			}
			seen = seen || code != 0
			b = number(append(number(b, -1), 0), code)
			b = number(b, code)
			continue
		}
		b = append(number(append(number(b, op), 0), 0), bodies[i]...)
	}
	if failed {
		s.nodes = kept
	}
	return number(append(number(b, -1), 1), -1)
}

// at returns what is at a path, with its version.
func (s *fake) at(name string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.nodes[name]; n != nil {
		return fmt.Sprintf("%s@%d", n.data, n.version)
	}
	return ""
}

func (s *fake) below(above string) (names []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for name := range s.nodes {
		if strings.HasPrefix(name, above+"/") {
			names = append(names, path.Base(name))
		}
	}
	slices.Sort(names)
	return names
}
