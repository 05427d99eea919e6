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
		log.Fatalf("start %s: %v", o.id, err)
	}
	log.Fatal(http.ListenAndServe(o.http, handler))
}

// options are the flags of one member.
type options struct {
	id, bind, advertise, http, data, peers string
	within                                 time.Duration
	plainReads, ackUnanswered              bool
}

func parse(args []string) (o options, err error) {
	fs := flag.NewFlagSet("dqlite", flag.ContinueOnError)
	fs.StringVar(&o.id, "id", "", "the member's name: n and a number; n1 begins the cluster")
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

// start begins one member, which joins the others by and by. It returns what serves its
// clients, and what ends it.
func start(o options) (http.Handler, func() error, error) {
	number, err := strconv.ParseUint(strings.TrimPrefix(o.id, "n"), 10, 32)
	if err != nil {
		return nil, nil, fmt.Errorf("--id %q: use n and a number", o.id)
	}
	m := &member{options: o, number: number}
	// The library refuses to keep fewer entries behind a snapshot than make one due.
	node, err := dqlite.New(number, o.advertise, o.data, dqlite.WithBindAddress(o.bind), dqlite.WithDialFunc(m.dial),
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
	joined := make(chan struct{})
	go func() {
		defer close(joined)
		m.join(ctx, t)
	}()
	mux := http.NewServeMux()
	mux.Handle("POST /op", &server{member: m, table: t})
	mux.HandleFunc("/status", m.status)
	return mux, func() error {
		stop()
		<-joined
		return errors.Join(t.db.Close(), node.Close())
	}, nil
}

// member is this one's place in the cluster.
type member struct {
	options
	number uint64
	ready  atomic.Bool // it has joined
}

// dial reaches another member at the address that all know, and this one where it listens.
func (m *member) dial(ctx context.Context, addr string) (net.Conn, error) {
	if addr == m.advertise {
		addr = m.bind
	}
	var d net.Dialer
	return d.DialContext(ctx, "tcp", addr)
}

// store lists the members, for whoever looks for the leader.
func (m *member) store() client.NodeStore {
	s := client.NewInmemNodeStore()
	var nodes []client.NodeInfo
	for i, addr := range strings.Split(m.peers, ",") {
		nodes = append(nodes, client.NodeInfo{ID: uint64(i + 1), Address: addr})
	}
	_ = s.Set(context.Background(), nodes) // it is in memory
	return s
}

// join makes the member a voter, unless it is, and then makes sure of the table.
func (m *member) join(ctx context.Context, t *table) {
	for {
		attempt, cancel := context.WithTimeout(ctx, 5*time.Second)
		err := m.enter(attempt)
		if err == nil {
			err = t.create(attempt)
		}
		cancel()
		if err == nil {
			m.ready.Store(true)
			return
		}
		log.Printf("join: %v", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (m *member) enter(ctx context.Context) error {
	c, err := client.FindLeader(ctx, m.store(), client.WithDialFunc(m.dial))
	if err != nil {
		return err
	}
	defer c.Close()
	nodes, err := c.Cluster(ctx)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if n.ID == m.number && n.Role == client.Voter {
			return nil
		}
	}
	return c.Add(ctx, client.NodeInfo{ID: m.number, Address: m.advertise, Role: client.Voter})
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
		s.Leader = fmt.Sprintf("n%d", leader.ID)
	}
	if s.Leader == m.id {
		s.Role = "leader"
	}
	json.NewEncoder(w).Encode(s)
}
