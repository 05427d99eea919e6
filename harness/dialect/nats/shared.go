package nats

import (
	"crypto/sha256"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

const (
	// maxReplies bounds the reply subjects that are remembered. When there are more, all
	// are forgotten: those that are in use are named again with the next heartbeat.
	maxReplies = 1 << 14
	// maxGroups bounds the groups of one cluster.
	maxGroups = 1 << 12
)

// token is what ends a reply subject, and the id of a server in its Rafts: both are 8
// characters.
type token [8]byte

// shared is what the decoders of a cluster know in common.
type shared struct {
	cluster *tap.Cluster
	epoch   atomic.Uint64 // how often replies were forgotten

	mu      sync.RWMutex
	groups  map[string]*group
	replies map[token]*group // whose answers come under a subject
}

// group is one Raft.
type group struct {
	name string

	mu    sync.Mutex
	peers []token // who votes, as its last list says; nil while that is not known
	// known are those whom a group that does not know all of its members has so far, by the
	// entry at. Whom it adds it counts from there on, and nobody else.
	known   []token
	at      history.Pos
	alone   bool // nobody was added yet
	pending bool // the cluster has not been told, for one of them is not known yet
}

func newShared(c *tap.Cluster) *shared {
	return &shared{cluster: c, groups: make(map[string]*group), replies: make(map[token]*group)}
}

// group returns the group of a name, nil if there are too many.
func (s *shared) group(name []byte) *group {
	s.mu.RLock()
	g := s.groups[string(name)]
	s.mu.RUnlock()
	if g != nil {
		return g
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if g = s.groups[string(name)]; g == nil && len(s.groups) < maxGroups {
		g = &group{name: string(name)}
		s.groups[g.name] = g
	}
	return g
}

// answersTo notes that what comes under a reply subject is of a group.
func (s *shared) answersTo(reply token, g *group) {
	s.mu.RLock()
	known := s.replies[reply]
	s.mu.RUnlock()
	if known == g {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.replies) >= maxReplies {
		clear(s.replies)
		s.epoch.Add(1)
	}
	s.replies[reply] = g
}

// answered returns the group of what comes under a reply subject, nil if that is not
// known.
func (s *shared) answered(reply token) *group {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.replies[reply]
}

// meet takes the name under which a member introduces itself, and returns its id.
func (s *shared) meet(server, member string) (token, error) {
	id := idOf(server)
	if err := s.cluster.Meet(string(id[:]), member); err != nil {
		return id, err
	}
	s.mu.RLock()
	groups := make([]*group, 0, len(s.groups))
	for _, g := range s.groups {
		groups = append(groups, g)
	}
	s.mu.RUnlock()
	for _, g := range groups {
		g.mu.Lock()
		if g.pending {
			s.tellLocked(g)
		}
		g.mu.Unlock()
	}
	return id, nil
}

// vote takes a group's list of voters.
func (s *shared) vote(g *group, peers []token) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.peers, g.known = peers, nil
	s.tellLocked(g)
}

// gather takes a list of a group that does not know yet who all of its members are.
func (s *shared) gather(g *group, at history.Pos, known []token) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.at.Less(at) {
		g.at, g.known, g.alone = at, known, true
	}
}

// joinsLocked takes the entry by which a member joins the first ones, of the same leader.
func (s *shared) joinsLocked(g *group, at history.Pos, peer token) {
	if at.Term != g.at.Term || !g.at.Less(at) || slices.Contains(g.known, peer) {
		return
	}
	g.at, g.known = at, append(g.known, peer)
	ids := make([]string, len(g.known))
	for i, id := range g.known {
		ids[i] = string(id[:])
	}
	s.cluster.GathersByID(g.name, at, ids, g.alone)
	g.alone = false
}

// admit takes one more voter of a group. In the meta group all servers vote.
func (s *shared) admit(g *group, at history.Pos, peer token) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.known != nil {
		s.joinsLocked(g, at, peer)
	}
	if g.peers == nil {
		return
	}
	for _, p := range g.peers {
		if p == peer {
			return
		}
	}
	g.peers = append(g.peers, peer)
	s.tellLocked(g)
}

// dismiss takes one voter less.
func (s *shared) dismiss(g *group) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.peers, g.known, g.pending = nil, nil, false
	s.cluster.Reconfigured(g.name)
}

// tellLocked tells the cluster who votes in a group, once all of them have names.
func (s *shared) tellLocked(g *group) {
	names := make([]string, len(g.peers))
	for i, p := range g.peers {
		name, _, ok := s.cluster.Member(string(p[:]))
		if !ok {
			g.pending = true
			return
		}
		names[i] = name
	}
	g.pending = false
	s.cluster.Voters(g.name, names)
}

// idOf is the id, in Rafts, of the server with a name.
func idOf(server string) token {
	const digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	sum := sha256.Sum256([]byte(server))
	id := token(sum[:8])
	for i, b := range id {
		id[i] = digits[int(b)%len(digits)]
	}
	return id
}
