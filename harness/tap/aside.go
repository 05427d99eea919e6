package tap

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/usurper/usurper/harness/fabric"
)

// bare is the byte of no multiplexer: connections begin with the protocol itself.
const bare = -1

// maxAside bounds the connections of other protocols that are told apart.
const maxAside = 64

// port is how connections to the members begin, where they may share their port between
// protocols: a multiplexer hands each connection to one of them by its first byte.
type port struct {
	mu    sync.Mutex
	known bool
	first int // the byte that every connection of the protocol begins with; or bare
	aside []Doubt
	often map[byte]uint64
	near  map[string]bool // members at an end of one of those
	heard map[string]bool // members of whom a message was understood
}

// Doubt is a connection, or all that a member says, of which it is not known what passed.
type Doubt struct {
	Link fabric.Link // without a To if it is about all that a member says
	Err  error
}

// About is what the doubt is about: "a connection n1 > n2", "n3".
func (d Doubt) About() string {
	if d.Link.To == "" {
		return d.Link.From
	}
	return "a connection " + d.Link.String()
}

// Aside is the error of a connection that is none of the dialect's: by its first byte, a
// multiplexer hands it to another protocol. It is no hole in what is known, and is
// fabric.ErrAside.
type Aside struct {
	First byte
	Err   error // why the dialect cannot read it
}

// Error is the decoder's.
func (a *Aside) Error() string { return a.Err.Error() }

// Unwrap returns both that it is aside and the decoder's error.
func (a *Aside) Unwrap() []error { return []error{fabric.ErrAside, a.Err} }

// Behind says that a connection of the dialect begins with a byte of a multiplexer. An error
// says that others begin with another, or with none: they belong to another Raft, which
// cannot be told apart.
func (c *Cluster) Behind(first byte) error {
	p := &c.port
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.known:
		p.known, p.first = true, int(first)
	case p.first == bare:
		return fmt.Errorf("there is a byte, %02x, before what others begin with", first)
	case p.first != int(first):
		return fmt.Errorf("it begins with byte %02x, others with %02x: several Rafts at one port cannot be told apart", first, p.first)
	}
	return nil
}

// Bare says that a connection seems to begin without such a byte, and with this one. If
// others have one before, then it is not the dialect's: the error is an Aside.
func (c *Cluster) Bare(first byte) error {
	p := &c.port
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case !p.known:
		p.known, p.first = true, bare
	case p.first == int(first):
		return fmt.Errorf("nothing stands behind byte %02x, with which it begins as others do", first)
	case p.first != bare:
		return &Aside{First: first, Err: fmt.Errorf("it begins with byte %02x, others with %02x", first, p.first)}
	}
	return nil
}

// Aside returns, of a connection that cannot be read since err, the error to return: an
// Aside if Raft has another first byte at this port, or none was seen yet. The latter is
// judged in the end.
func (c *Cluster) Aside(first byte, err error) error {
	c.port.mu.Lock()
	defer c.port.mu.Unlock()
	if c.port.known && (c.port.first == bare || c.port.first == int(first)) {
		return err
	}
	return &Aside{First: first, Err: err}
}

// noted keeps the error of a connection that is aside.
func (p *port) noted(link fabric.Link, err error) {
	var a *Aside
	if !errors.As(err, &a) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.often == nil {
		p.often, p.near = make(map[byte]uint64), make(map[string]bool)
	}
	p.near[link.From], p.near[link.To] = true, true
	p.often[a.First]++
	if len(p.aside) < maxAside {
		p.aside = append(p.aside, Doubt{link, err})
	}
}

// says keeps that a message of a member was understood.
func (p *port) says(member string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.heard == nil {
		p.heard = make(map[string]bool)
	}
	p.heard[member] = true
}

// asides counts the connections of other protocols, by what they begin with.
func (p *port) asides() map[string]uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.often) == 0 {
		return nil
	}
	out := make(map[string]uint64, len(p.often))
	for first, n := range p.often {
		out[fmt.Sprintf("%02x", first)] = n
	}
	return out
}

// Shares tells whether a multiplexer was seen: the members share their ports between
// protocols.
func (w *Watch) Shares() bool {
	p := &w.cluster.port
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sharedLocked()
}

func (p *port) sharedLocked() bool { return p.known && p.first != bare }

// Doubts returns what is not known after all, of connections that were left aside: all of
// them, if no multiplexer was ever seen; and members of whom nothing was understood, though
// they have such connections: what they say of elections may be in there.
func (w *Watch) Doubts() []Doubt {
	p := &w.cluster.port
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case len(p.aside) == 0:
		return nil
	case !p.sharedLocked():
		return slices.Clone(p.aside)
	}
	var out []Doubt
	for _, name := range w.members {
		if p.near[name] && !p.heard[name] {
			err := fmt.Errorf("nothing that %s says is %s, though there are connections at its port (they begin with %s)",
				name, w.dialect.Name, firsts(p.often))
			out = append(out, Doubt{fabric.Link{From: name}, err})
		}
	}
	return out
}

func firsts(often map[byte]uint64) string {
	return fmt.Sprintf("bytes % x", slices.Sorted(maps.Keys(often)))
}
