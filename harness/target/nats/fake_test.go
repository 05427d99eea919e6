package nats

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// server speaks as much of the clients' protocol as clients need, and answers each
// request as it is told.
type server struct {
	addr   string
	answer func(subject, header, data string) []reply // none: it leaves them waiting

	mu   sync.Mutex
	seen []string // requests: subject, header, data
	all  sync.WaitGroup
}

// reply is a message under a request's reply subject. With hangUp the connection ends
// instead.
type reply struct {
	header, data string
	hangUp       bool
}

func serve(t *testing.T, answer func(subject, header, data string) []reply) *server {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{addr: l.Addr().String(), answer: answer}
	var conns []net.Conn
	s.all.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			conns = append(conns, c)
			s.mu.Unlock()
			s.all.Go(func() { s.talk(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		s.mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		s.mu.Unlock()
		s.all.Wait()
	})
	return s
}

func (s *server) requests() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.seen...)
}

func (s *server) talk(c net.Conn) {
	defer c.Close()
	fmt.Fprintf(c, "INFO {\"server_id\":\"x\",\"version\":\"2.15.2\",\"headers\":true,\"max_payload\":1048576,\"proto\":1}\r\n")
	sids := make(map[string]string) // by what is subscribed to, without its wildcard
	in := bufio.NewReader(c)
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		switch words[0] {
		case "PING":
			fmt.Fprintf(c, "PONG\r\n")
		case "SUB":
			sids[strings.TrimSuffix(words[1], "*")] = words[len(words)-1]
		case "PUB", "HPUB":
			if !s.published(c, in, words, sids) {
				return
			}
		}
	}
}

// published takes a message, and answers it. It reports false when the connection is to
// end.
func (s *server) published(c net.Conn, in *bufio.Reader, words []string, sids map[string]string) bool {
	size, header := 0, 0
	fmt.Sscan(words[len(words)-1], &size)
	if words[0] == "HPUB" {
		fmt.Sscan(words[len(words)-2], &header)
	}
	body := make([]byte, size+2)
	if _, err := io.ReadFull(in, body); err != nil {
		return false
	}
	head, data := "\r\n", string(body[header:size])
	if header > 0 {
		head = strings.TrimSuffix(string(body[:header]), "\r\n\r\n")
	}
	lines := strings.Split(head, "\r\n")[1:] // without the protocol's name
	slices.Sort(lines)                       // they have no order
	s.mu.Lock()
	s.seen = append(s.seen, words[1]+"|"+strings.Join(lines, ",")+"|"+data)
	s.mu.Unlock()
	inbox := words[2]
	for _, r := range s.answer(words[1], head, data) {
		if r.hangUp {
			return false
		}
		sid := ""
		for prefix, id := range sids {
			if strings.HasPrefix(inbox, prefix) {
				sid = id
			}
		}
		head := ""
		if r.header != "" {
			head = "NATS/1.0" + r.header + "\r\n\r\n"
		}
		if head == "" {
			fmt.Fprintf(c, "MSG %s %s %d\r\n%s\r\n", inbox, sid, len(r.data), r.data)
		} else {
			fmt.Fprintf(c, "HMSG %s %s %d %d\r\n%s%s\r\n", inbox, sid, len(head), len(head)+len(r.data), head, r.data)
		}
	}
	return true
}
