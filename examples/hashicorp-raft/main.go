// Hashicorp-raft is a small replicated key-value store on hashicorp/raft, as a
// user of that library would write one. It knows nothing of usurper:
// chaos_test.go is all that it takes to bring it under the harness.
//
//	POST /op {"f": "put", "key": "k", "value": "v"}   {"done": true}
//	POST /status                                      {"role": "leader", "term": 2, …}
//	POST /transfer                                    another member is to lead
//
// Every operation, reads too, is an entry of the log.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

func main() { log.Fatal(run(os.Args[1:])) }

// options are the flags of one member.
type options struct {
	id, bind, advertise, http, data, peers string
	election                               time.Duration
	snapshots                              uint64
	grow                                   bool
	bug                                    string
}

// run is one member; it returns only if it cannot go on.
func run(args []string) error {
	var o options
	fs := flag.NewFlagSet("store", flag.ContinueOnError)
	fs.StringVar(&o.id, "id", "", "the member's name")
	fs.StringVar(&o.bind, "bind", "", "where to listen for other members")
	fs.StringVar(&o.advertise, "advertise", "", "where other members reach this one")
	fs.StringVar(&o.http, "http", "", "where to listen for clients")
	fs.StringVar(&o.data, "data", "", "data directory")
	fs.StringVar(&o.peers, "peers", "", "all members, name=address with commas between")
	fs.DurationVar(&o.election, "election", time.Second, "election timeout")
	fs.Uint64Var(&o.snapshots, "snapshots", 300, "after so many entries a snapshot is taken")
	fs.BoolVar(&o.grow, "grow", false, "n1 begins alone, and adds the others")
	fs.StringVar(&o.bug, "bug", "", "a promise to break on purpose: "+strings.Join(bugs(), ", "))
	if err := fs.Parse(args); err != nil {
		return err
	}
	if o.bug != "" && !slices.Contains(bugs(), o.bug) {
		return fmt.Errorf("no bug %q: use one of %s", o.bug, strings.Join(bugs(), ", "))
	}
	s := &server{options: o, state: newState()}
	var err error
	if s.raft, err = start(o, s.state); err != nil {
		return fmt.Errorf("start %s: %w", o.id, err)
	}
	if o.grow {
		go s.grows()
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /op", s.op)
	mux.HandleFunc("/status", s.status)
	mux.HandleFunc("POST /transfer", s.transfer)
	return http.ListenAndServe(o.http, mux)
}

// start opens what the member has on disk and joins the others.
func start(o options, fsm raft.FSM) (*raft.Raft, error) {
	c := raft.DefaultConfig()
	c.LocalID, c.LogLevel = raft.ServerID(o.id), "WARN"
	c.HeartbeatTimeout, c.ElectionTimeout, c.LeaderLeaseTimeout = o.election, o.election, o.election/2
	c.CommitTimeout = o.election / 20
	c.SnapshotInterval, c.SnapshotThreshold, c.TrailingLogs = time.Second, o.snapshots, o.snapshots/3

	store, err := raftboltdb.NewBoltStore(filepath.Join(o.data, "log.db"))
	if err != nil {
		return nil, err
	}
	snapshots, err := raft.NewFileSnapshotStore(o.data, 2, os.Stderr)
	if err != nil {
		return nil, err
	}
	advertise, err := net.ResolveTCPAddr("tcp", o.advertise)
	if err != nil {
		return nil, err
	}
	transport, err := raft.NewTCPTransport(o.bind, advertise, 3, 2*o.election, os.Stderr)
	if err != nil {
		return nil, err
	}
	known, err := raft.HasExistingState(store, store, snapshots)
	if err != nil {
		return nil, err
	}
	if cluster := o.founders(); !known && len(cluster.Servers) > 0 {
		if err := raft.BootstrapCluster(c, store, store, snapshots, transport, cluster); err != nil {
			return nil, err
		}
	}
	logs, stable := broken(o.bug, store)
	return raft.NewRaft(c, fsm, logs, stable, snapshots, transport)
}

// members are all of them.
func (o options) members() (all []raft.Server) {
	for peer := range strings.SplitSeq(o.peers, ",") {
		name, addr, _ := strings.Cut(peer, "=")
		all = append(all, raft.Server{ID: raft.ServerID(name), Address: raft.ServerAddress(addr)})
	}
	return all
}

// founders are those with whom the cluster begins, as this member is to know it: none, if it
// is to be added later.
func (o options) founders() raft.Configuration {
	all := o.members()
	if o.grow {
		all = slices.DeleteFunc(all, func(s raft.Server) bool { return string(s.ID) != o.id || o.id != "n1" })
	}
	return raft.Configuration{Servers: all}
}

// grows adds those who are no members yet, whenever this one leads.
func (s *server) grows() {
	for range time.Tick(s.election) {
		known := s.raft.GetConfiguration()
		if s.raft.State() != raft.Leader || known.Error() != nil {
			continue
		}
		for _, m := range s.members() {
			is := func(other raft.Server) bool { return other.ID == m.ID }
			if !slices.ContainsFunc(known.Configuration().Servers, is) {
				s.raft.AddVoter(m.ID, m.Address, known.Index(), s.election) // what becomes of it, the next turn sees
				break
			}
		}
	}
}

// server answers clients.
type server struct {
	options
	raft  *raft.Raft
	state *state
}

// status is what a member says of itself.
type status struct {
	Role    string `json:"role"`
	Term    uint64 `json:"term"`
	Leader  string `json:"leader"`
	Commit  uint64 `json:"commit"`
	Applied uint64 `json:"applied"`
}

func (s *server) status(w http.ResponseWriter, _ *http.Request) {
	_, leader := s.raft.LeaderWithID()
	json.NewEncoder(w).Encode(status{
		Role: strings.ToLower(s.raft.State().String()), Term: s.raft.CurrentTerm(), Leader: string(leader),
		Commit: s.raft.CommitIndex(), Applied: s.raft.AppliedIndex(),
	})
}

// transfer has the leader hand over to another member.
func (s *server) transfer(w http.ResponseWriter, _ *http.Request) {
	if err := s.raft.LeadershipTransfer().Error(); err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}

func (s *server) op(w http.ResponseWriter, r *http.Request) {
	var c command
	if err := json.NewDecoder(r.Body).Decode(&c); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	if s.bug == "stale-read" && c.F == "get" {
		json.NewEncoder(w).Encode(s.state.get(c.Key))
		return
	}
	entry, err := json.Marshal(c)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	future := s.raft.Apply(entry, s.election)
	switch err := future.Error(); {
	case err == nil:
		json.NewEncoder(w).Encode(future.Response())
	case errors.Is(err, raft.ErrNotLeader), errors.Is(err, raft.ErrEnqueueTimeout):
		// It has not entered the log.
		_, leader := s.raft.LeaderWithID()
		w.WriteHeader(http.StatusMisdirectedRequest)
		json.NewEncoder(w).Encode(answer{Leader: string(leader)})
	default: // it may be in the log: ErrLeadershipLost above all
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
	}
}
