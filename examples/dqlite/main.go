// Dqlite is a small host of dqlite, SQLite replicated by C-raft, as LXD and MicroK8s
// have one: each member serves a table of values by key over HTTP. It knows nothing of
// usurper: dqlite.yaml is all that it takes to bring it under the harness.
//
//	POST /op {"f": "put", "key": "k", "value": "v"}   {"done": true}
//	GET  /status                                      {"role": "leader", "leader": "n1"}
//
// It needs libdqlite 1.11 (Debian: apt-get install libdqlite-dev) and cgo. go-dqlite
// v1.11.5 is the last of its modules that Debian's library suffices for.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/canonical/go-dqlite"
	"github.com/canonical/go-dqlite/client"
)

func main() {
	o, err := parse(os.Args[1:])
	if err != nil {
		log.Fatal(err)
	}
	handler, _, err := start(o)
	if err != nil {
		log.Fatalf("start %s: %v", o.name, err)
	}
	log.Fatal(http.ListenAndServe(o.http, handler))
}

// options are the flags of one member.
type options struct {
	name, bind, advertise, http, data, peers string
	within                                   time.Duration
	plainReads, ackUnanswered                bool
}

func parse(args []string) (o options, err error) {
	fs := flag.NewFlagSet("dqlite", flag.ContinueOnError)
	fs.StringVar(&o.name, "id", "", "the member's name: n and its place among all, from 1")
	fs.StringVar(&o.bind, "bind", "", "where to listen for other members")
	fs.StringVar(&o.advertise, "advertise", "", "where other members reach this one")
	fs.StringVar(&o.http, "http", "", "where to listen for clients")
	fs.StringVar(&o.data, "data", "", "data directory")
	fs.StringVar(&o.peers, "peers", "", "the addresses of all members, with commas between")
	fs.DurationVar(&o.within, "within", 2*time.Second, "how long an operation may take")
	fs.BoolVar(&o.plainReads, "plain-reads", false, "let reads be reads, without a write before them")
	fs.BoolVar(&o.ackUnanswered, "ack-unanswered", false, "a deliberate bug: call a write done of which nobody knows")
	return o, fs.Parse(args)
}

// start begins one member. It returns what serves its
// clients, and what ends it.
func start(o options) (http.Handler, func() error, error) {
	number, err := strconv.ParseUint(strings.TrimPrefix(o.name, "n"), 10, 32)
	if err != nil {
		return nil, nil, fmt.Errorf("--id %q: use n and a number", o.name)
	}
	m := &member{options: o, id: firstID + number}
	if err := m.form(); err != nil {
		return nil, nil, fmt.Errorf("form the cluster in %s: %w", o.data, err)
	}
	// The library refuses to keep fewer entries behind a snapshot than make one due.
	node, err := dqlite.New(m.id, o.advertise, o.data, dqlite.WithBindAddress(o.bind), dqlite.WithDialFunc(m.dial),
		dqlite.WithSnapshotParams(dqlite.SnapshotParams{Threshold: 256, Trailing: 256}))
	if err != nil {
		return nil, nil, err
	}
	if err := node.Start(); err != nil {
		return nil, nil, err
	}
	t, err := open(m)
	if err != nil {
		return nil, nil, err
	}
	ctx, stop := context.WithCancel(context.Background())
	settled := make(chan struct{})
	go func() {
		defer close(settled)
		m.settle(ctx, t)
	}()
	mux := http.NewServeMux()
	mux.Handle("POST /op", &server{member: m, table: t})
	mux.HandleFunc("/status", m.status)
	return mux, func() error {
		stop()
		<-settled
		return errors.Join(t.db.Close(), node.Close())
	}, nil
}

// firstID is below the members' ids in the library, for which 1 is special: it means to
// begin a cluster of one.
const firstID = 100

// member is this one's place in the cluster.
type member struct {
	options
	id    uint64      // the library's
	ready atomic.Bool // the table is there
}

// dial reaches another member at the address that all know, and this one where it listens.
func (m *member) dial(ctx context.Context, addr string) (net.Conn, error) {
	if addr == m.advertise {
		addr = m.bind
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

// nodes lists the members. All of them vote from the start.
func (m *member) nodes() []client.NodeInfo {
	var nodes []client.NodeInfo
	for i, addr := range strings.Split(m.peers, ",") {
		nodes = append(nodes, client.NodeInfo{ID: firstID + uint64(i+1), Address: addr, Role: client.Voter})
	}
	return nodes
}

// form writes the members into an empty data directory, as the first entry of its log: the
// same in each. Otherwise the first member would begin alone, and lead.
func (m *member) form() error {
	files, err := os.ReadDir(m.data)
	if err != nil || len(files) > 0 {
		return err
	}
	return dqlite.ReconfigureMembershipExt(m.data, m.nodes())
}

// store is where whoever looks for the leader finds the members.
func (m *member) store() client.NodeStore {
	s := client.NewInmemNodeStore()
	_ = s.Set(context.Background(), m.nodes()) // it is in memory
	return s
}

// settle makes sure of the table: then somebody leads, and this member is ready.
func (m *member) settle(ctx context.Context, t *table) {
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := t.create(attempt)
		cancel()
		if err == nil {
			m.ready.Store(true)
			return
		}
		log.Printf("settle: %v", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// status asks this member who leads.
func (m *member) status(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), time.Second)
	defer cancel()
	c, err := client.New(ctx, m.bind)
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	defer c.Close()
	leader, err := c.Leader(ctx)
	if err != nil || !m.ready.Load() {
		http.Error(w, fmt.Sprintf("not ready: %v", err), http.StatusServiceUnavailable)
		return
	}
	s := struct {
		Role   string `json:"role"`
		Leader string `json:"leader,omitempty"`
	}{Role: "follower"}
	if leader != nil && leader.ID != 0 {
		s.Leader = fmt.Sprintf("n%d", leader.ID-firstID)
	}
	if s.Leader == m.name {
		s.Role = "leader"
	}
	json.NewEncoder(w).Encode(s)
}
