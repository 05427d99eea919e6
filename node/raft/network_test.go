package raft_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/usurper/usurper/nemesis"
	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/node/wire"
)

// A message is on its way for one to transit slots, unless a rule makes it late.
const transit = 3

// link is directed.
type link struct{ from, to raft.ID }

// network carries messages in virtual time, which it counts in slots. The
// messages of a link keep their order, but for those of which a rule says
// otherwise. What it draws for a link depends on the seed and on the traffic of
// that link alone.
type network struct {
	seed   uint64
	sent   uint64 // messages, copies included
	flight []parcel
	links  map[link]*lane
	rules  []*rule // in the order of their installation
}

// parcel is a message on its way. Those due in the same slot arrive in the order
// of their numbers.
type parcel struct {
	raft.Message
	due    int64
	number uint64
}

// lane is one link's randomness, and when its last message is due that none may
// overtake.
type lane struct {
	rng  *rand.Rand
	last int64
}

// rule is a rule of the nemesis in force.
type rule struct {
	nemesis.Rule
	links   map[link]bool
	touched int
	held    []parcel
}

func newNetwork(seed uint64) *network {
	return &network{seed: seed, links: map[link]*lane{}}
}

func (n *network) lane(l link) *lane {
	if n.links[l] == nil {
		n.links[l] = &lane{rng: rand.New(rand.NewPCG(n.seed, uint64(l.from)<<32|uint64(l.to)))}
	}
	return n.links[l]
}

// send takes a message in the slot now.
func (n *network) send(m raft.Message, now int64) {
	l := link{m.From, m.To}
	lane := n.lane(l)
	var (
		copies = 1
		late   time.Duration
		loose  bool // it may be overtaken
		holder *rule
	)
	for _, r := range n.rules {
		if !r.touches(l, m.Kind, lane.rng) {
			continue
		}
		r.touched++
		switch r.Action {
		case "cut", "hold":
			holder = r
		case "drop", "refuse":
			return
		case "duplicate":
			copies++
		case "delay":
			late += r.Delay - r.Jitter + time.Duration(lane.rng.Int64N(int64(2*r.Jitter)+1))
			loose = loose || r.Class != "" || r.Chance != 0 || r.Count != 0
		case "reorder":
			late += time.Duration(5+lane.rng.IntN(45)) * time.Millisecond
			loose = true
		}
		if holder != nil {
			break
		}
	}
	for range copies {
		n.sent++
		p := parcel{m, now + 1 + lane.rng.Int64N(transit) + int64(late/slot), n.sent}
		switch {
		case holder != nil:
			holder.held = append(holder.held, p)
			continue
		case !loose:
			p.due = max(p.due, lane.last)
			lane.last = p.due
		}
		n.put(p)
	}
}

func (n *network) put(p parcel) {
	i, _ := slices.BinarySearchFunc(n.flight, p, func(a, b parcel) int {
		if a.due != b.due {
			return int(a.due - b.due)
		}
		return int(a.number) - int(b.number)
	})
	n.flight = slices.Insert(n.flight, i, p)
}

// arrived takes out what is due.
func (n *network) arrived(now int64) []parcel {
	i := slices.IndexFunc(n.flight, func(p parcel) bool { return p.due > now })
	if i < 0 {
		i = len(n.flight)
	}
	due := slices.Clone(n.flight[:i])
	n.flight = slices.Delete(n.flight, 0, i)
	return due
}

// again lets a message that was kept arrive in the next slot. It ignores all rules
// but those that keep messages, and does not count among what they touch, so that
// nothing depends on which of several rules is removed first.
func (n *network) again(p parcel, now int64) {
	l := link{p.From, p.To}
	for _, r := range n.rules {
		if keeps := r.Action == "cut" || r.Action == "hold"; keeps && r.fits(l, p.Kind) {
			r.held = append(r.held, p)
			return
		}
	}
	p.due = now + 1
	n.put(p)
}

// install puts a rule in force. A reset is over at once.
func (n *network) install(nr nemesis.Rule) *rule {
	r := &rule{Rule: nr, links: map[link]bool{}}
	for _, l := range nr.Links {
		r.links[link{idOf(l[0]), idOf(l[1])}] = true
	}
	switch r.Action {
	case "reset", "refuse": // the messages on their way end with the connection
		n.flight = slices.DeleteFunc(n.flight, func(p parcel) bool {
			lost := r.links[link{p.From, p.To}]
			if lost {
				r.touched++
			}
			return lost
		})
	}
	if r.Action == "cut" { // they wait like those that are yet to come
		n.flight = slices.DeleteFunc(n.flight, func(p parcel) bool {
			kept := r.links[link{p.From, p.To}]
			if kept {
				r.touched++
				r.held = append(r.held, p)
			}
			return kept
		})
	}
	if r.Action != "reset" {
		n.rules = append(n.rules, r)
	}
	return r
}

// remove ends a rule. What it has kept or made late on its links is on its way
// like any other message, and so is what another delay has made late there.
func (n *network) remove(r *rule, now int64) {
	n.rules = slices.DeleteFunc(n.rules, func(other *rule) bool { return other == r })
	flight := n.flight
	n.flight = nil
	for _, p := range flight {
		if r.links[link{p.From, p.To}] {
			p.due = min(p.due, now+transit)
		}
		n.put(p)
	}
	for l := range r.links {
		n.lane(l).last = min(n.lane(l).last, now+transit)
	}
	for _, p := range r.held {
		n.again(p, now)
	}
	r.held = nil
}

// fits tells whether the rule is about such messages.
func (r *rule) fits(l link, k raft.Kind) bool {
	return r.links[l] && (r.Class == "" || r.Class == wire.ClassOf(k)) && (r.Count == 0 || r.touched < r.Count)
}

// touches tells whether the rule is for this message.
func (r *rule) touches(l link, k raft.Kind, rng *rand.Rand) bool {
	return r.fits(l, k) && (r.Chance == 0 || rng.Float64() < r.Chance)
}

// removable is a rule as the nemesis holds it.
type removable struct {
	world *world
	rule  *rule
}

// Remove ends the rule and tells how many messages it has touched.
func (r removable) Remove(context.Context) (map[string]int64, error) {
	r.world.call("remove "+fmt.Sprint(r.rule.Rule), func() { r.world.net.remove(r.rule, r.world.now()) })
	return map[string]int64{"messages": int64(r.rule.touched)}, nil
}

func nameOf(id raft.ID) string {
	if id == 0 {
		return ""
	}
	return fmt.Sprintf("n%d", id)
}

func idOf(name string) raft.ID {
	var id raft.ID
	if _, err := fmt.Sscanf(name, "n%d", &id); err != nil {
		panic(err)
	}
	return id
}
