#!/usr/bin/env bash
# NATS' meta group, as it is formed, commits with two servers of five: the other three elect a leader of their own
#
# Version:     github.com/nats-io/nats-server/v2 v2.15.2, client nats.go v1.53.1
# Expectation: two leaders of a Raft never commit beside each other, whatever the network does:
#              majorities have somebody in common.
# Behaviour:   A server that starts for the first time knows itself alone, and expects a cluster of as
#              many as it has routes: 5, of whom 3 have to vote. The first leader then adds whom it
#              hears from, one by one; with the first entry of that kind the size of the cluster becomes
#              that of the list, so falls from 5 to 2 (adjustClusterSizeAndQuorum in raft.go), and the
#              entry, and all that follows, is committed by two. The other three, who have not got that
#              entry, still expect 5, and elect a leader by 3 votes. It takes a network that
#              falls apart within milliseconds of the first election ever of a cluster.
# Seen:        two leaders of the meta group at the same time, each of which made a stream and
#              acknowledged a message; when the network is whole again, message 1 of
#              stream two: nats: message not found
# Date:        2026-12-01
#
# Needs Go, free ports on 127.0.0.1 and some 40 s. Ends with 0 as long as it is so. Five servers run in one
# process; proxies between them hold back what they are told to.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

const members = 5

// network passes on what servers send each other, frame by frame. It falls apart as the
// first leader of the meta group sends the entry by which it adds the first other member:
// that one still gets it, the other three nothing more.
type network struct {
	mu     sync.Mutex
	all    []*server.Server
	side   map[int]bool // the leader and whom it adds; nil while all is well
	healed chan struct{}
	have   map[int]bool // followers that have the first entry
	said   bool
	shared chan struct{} // all of them do
}

// holds tells whether a frame waits until all is healed.
func (n *network) holds(from, to int, subject string, body []byte) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	const head = 42 // leader, term, commit, term and index of the entry before, how many follow
	if n.side != nil {
		return n.side[from] != n.side[to]
	}
	if subject == "$NRG.AE._meta_" && len(body) > head+4+8 && binary.LittleEndian.Uint64(body[32:]) == 1 && body[head+4] == byte(server.EntryAddPeer) {
		n.side = map[int]bool{from: true}
		for i, s := range n.all {
			n.side[i] = i == from || s.Node() == string(body[head+5:head+5+8])
		}
		return n.side[from] != n.side[to]
	}
	return false
}

// slow keeps the first acknowledgements back until all followers have given theirs.
func (n *network) slow(from int, subject string, body []byte) {
	const index = 8
	if !strings.HasPrefix(subject, "$NRG.R.") || len(body) != 25+2 || binary.LittleEndian.Uint64(body[index:]) != 1 {
		return
	}
	n.mu.Lock()
	n.have[from] = true
	if len(n.have) == members-1 && !n.said {
		n.said = true
		close(n.shared)
	}
	n.mu.Unlock()
	<-n.shared
}

// pass copies one direction of a route.
func (n *network) pass(from, to int, in, out net.Conn) {
	defer in.Close()
	defer out.Close()
	for r := bufio.NewReaderSize(in, 1<<20); ; {
		frame, err := r.ReadBytes('\n')
		if err != nil {
			return
		}
		words, subject, body := strings.Fields(string(frame)), "", []byte(nil)
		if len(words) > 2 && (words[0] == "RMSG" || words[0] == "HMSG" || words[0] == "LMSG") {
			size, _ := strconv.Atoi(words[len(words)-1])
			body = make([]byte, size+2)
			if _, err := io.ReadFull(r, body); err != nil {
				return
			}
			subject = words[1]
			if !strings.HasPrefix(subject, "$NRG") {
				subject = words[2]
			}
		}
		n.slow(from, subject, body)
		if n.holds(from, to, subject, body) {
			<-n.healed
		}
		if _, err := out.Write(append(frame, body...)); err != nil {
			return
		}
	}
}

func (n *network) link(from, to int, l net.Listener, addr string) {
	for {
		in, err := l.Accept()
		if err != nil {
			return
		}
		out, err := net.Dial("tcp", addr)
		if err != nil {
			in.Close()
			continue
		}
		go n.pass(from, to, in, out)
		go n.pass(to, from, out, in)
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func listen() (net.Listener, int) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	return l, l.Addr().(*net.TCPAddr).Port
}

// start starts servers, each with a route to each other one.
func (n *network) start(dir string) {
	ports := make([]int, members)
	for i := range ports {
		l, port := listen()
		l.Close()
		ports[i] = port
	}
	for i := range members {
		o := &server.Options{
			ServerName: fmt.Sprintf("n%d", i+1), Host: "127.0.0.1", Port: -1, NoSigs: true, NoLog: true, JetStream: true, StoreDir: fmt.Sprintf("%s/n%d", dir, i+1),
			Cluster: server.ClusterOpts{Name: "finding", Host: "127.0.0.1", Port: ports[i], NoAdvertise: true, Advertise: "127.0.0.1:1"},
		}
		for j := range members {
			if j == i { // as is advised: servers find out that it is their own
				o.Routes = append(o.Routes, &url.URL{Scheme: "nats-route", Host: fmt.Sprintf("127.0.0.1:%d", ports[i])})
				continue
			}
			l, port := listen()
			go n.link(i, j, l, fmt.Sprintf("127.0.0.1:%d", ports[j]))
			o.Routes = append(o.Routes, &url.URL{Scheme: "nats-route", Host: fmt.Sprintf("127.0.0.1:%d", port)})
		}
		s, err := server.NewServer(o)
		check(err)
		n.all = append(n.all, s)
	}
	for _, s := range n.all {
		go s.Start()
	}
}

// leader waits for a leader among those who are, or are not, with the first one.
func (n *network) leader(first bool) *server.Server {
	for end := time.Now().Add(25 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		n.mu.Lock()
		side := maps.Clone(n.side)
		n.mu.Unlock()
		for i, s := range n.all {
			if side != nil && side[i] == first && s.JetStreamIsLeader() {
				return s
			}
		}
	}
	return nil
}

// writes makes a stream at a server and publishes to it, as soon as that is answered.
func writes(s *server.Server, name string) string {
	c, err := nats.Connect(s.ClientURL())
	check(err)
	defer c.Close()
	js, err := c.JetStream(nats.MaxWait(2 * time.Second))
	check(err)
	for range 10 {
		if _, err = js.AddStream(&nats.StreamConfig{Name: name, Replicas: 1}); err == nil {
			ack, err := js.Publish(name, []byte("x"))
			check(err)
			return fmt.Sprintf("acknowledged as message %d of stream %s", ack.Sequence, ack.Stream)
		}
		time.Sleep(500 * time.Millisecond)
	}
	return err.Error()
}

// try tells whether an acknowledged message was lost. It may also be that nobody was elected:
// machines are slow at times.
func try(dir string) (lost bool) {
	n := &network{healed: make(chan struct{}), have: make(map[int]bool), shared: make(chan struct{})}
	n.start(dir)
	defer func() {
		for _, s := range n.all {
			s.Shutdown()
			s.WaitForShutdown()
		}
	}()
	first, second := n.leader(true), n.leader(false)
	if first == nil || second == nil {
		fmt.Println("not both sides elected somebody")
		close(n.healed)
		return false
	}
	fmt.Printf("%s leads two servers, %s leads three\n", first.Name(), second.Name())
	fmt.Println("of the two:", writes(first, "two"))
	fmt.Println("of the three:", writes(second, "three"))
	fmt.Println("both lead the meta group at the same time:", first.JetStreamIsLeader() && second.JetStreamIsLeader())
	close(n.healed)
	time.Sleep(10 * time.Second)
	c, err := nats.Connect(second.ClientURL())
	check(err)
	defer c.Close()
	js, err := c.JetStream(nats.MaxWait(5 * time.Second))
	check(err)
	_, err = js.GetMsg("two", 1)
	fmt.Println("message 1 of stream two, ten seconds after the network was whole again:", err)
	return errors.Is(err, nats.ErrMsgNotFound) || errors.Is(err, nats.ErrStreamNotFound)
}

func main() {
	for i := range 4 {
		if try(fmt.Sprintf("%s/%d", os.Args[1], i)) {
			return
		}
	}
	os.Exit(1)
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/nats-io/nats-server/v2@v2.15.2 github.com/nats-io/nats.go@v1.53.1 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
go run . "$dir/data"
