package nemesis

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Partition cuts all links, both ways, between members of different sides.
// Members on no side keep all their links, as do clients.
//
//	partition leader | rest
//	partition n1 n2 | n3 n4 n5
//	partition clients leader | rest
type Partition struct{ Sides []Target }

// String is "partition leader | rest".
func (p Partition) String() string {
	sides := make([]string, len(p.Sides))
	for i, side := range p.Sides {
		sides[i] = string(side)
	}
	return "partition " + strings.Join(sides, " | ")
}

// Span is Open.
func (p Partition) Span() Span { return Open }

// Check wants two sides or more.
func (p Partition) Check(s Setting) error {
	if len(p.Sides) < 2 {
		return errors.New("a partition has two sides or more: for example partition leader | rest")
	}
	return checkEnds(s, p.Sides...)
}

// Resolve names the members of each side.
func (p Partition) Resolve(s *Scene) (Fault, error) {
	sides, err := s.Resolve(p.Sides...)
	if err != nil {
		return nil, err
	}
	p = Partition{Sides: sides}
	if len(p.links()) == 0 {
		return nil, fmt.Errorf("%w: all sides of %s are the same", ErrNoTarget, p)
	}
	return p, nil
}

func (p Partition) links() [][2]string {
	var links [][2]string
	for i, side := range p.Sides {
		for _, other := range p.Sides[i+1:] {
			links = append(links, between(side, other)...)
			links = append(links, between(other, side)...)
		}
	}
	return links
}

// Inject cuts the links.
func (p Partition) Inject(ctx context.Context, env *Env) (Injected, error) {
	return cut(ctx, env, p.links())
}

// Halves is a partition into two random halves, the bigger one a majority.
type Halves struct{}

// String is "partition halves".
func (Halves) String() string { return "partition halves" }

// Span is Open.
func (Halves) Span() Span { return Open }

// Check wants two members.
func (h Halves) Check(s Setting) error { return atLeast(s, 2, h) }

// Resolve returns a [Partition].
func (Halves) Resolve(s *Scene) (Fault, error) {
	nodes := s.shuffled()
	if len(nodes) < 2 {
		return nil, fmt.Errorf("%w: %w", ErrNoTarget, errTooFew)
	}
	half := len(nodes) / 2
	return Partition{Sides: []Target{s.target(nodes[:half]), s.target(nodes[half:])}}, nil
}

// Inject is never called: a resolved Halves is a [Partition].
func (Halves) Inject(context.Context, *Env) (Injected, error) { return Injected{}, errUnresolved }

// Bridge is a partition into two random halves that have one member in common;
// it sees everybody. With three members it is the one that connects the others.
type Bridge struct {
	Over Target // who connects the halves; "" means one
}

// String is "partition bridge n1", or without a name.
func (b Bridge) String() string { return strings.TrimSuffix("partition bridge "+string(b.Over), " ") }

// Span is Open.
func (b Bridge) Span() Span { return Open }

// Check wants three members and at most one word.
func (b Bridge) Check(s Setting) error {
	if len(b.Over.words()) > 1 {
		return fmt.Errorf("one member is the bridge, not %q", string(b.Over))
	}
	if err := checkAll(s, b.over()); err != nil {
		return err
	}
	return atLeast(s, 3, b)
}

func (b Bridge) over() Target {
	if b.Over == "" {
		return "one"
	}
	return b.Over
}

// Resolve returns a [Partition] in which the bridge is on no side.
func (b Bridge) Resolve(s *Scene) (Fault, error) {
	over, err := s.Resolve(b.over())
	if err != nil {
		return nil, err
	}
	nodes := s.without(over[0].words())
	s.Rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	if len(nodes) < 2 {
		return nil, fmt.Errorf("%w: %w", ErrNoTarget, errTooFew)
	}
	half := len(nodes) / 2
	return Partition{Sides: []Target{s.target(nodes[:half]), s.target(nodes[half:])}}, nil
}

// Inject is never called: a resolved Bridge is a [Partition].
func (b Bridge) Inject(context.Context, *Env) (Injected, error) { return Injected{}, errUnresolved }

// Ring lets every member see its neighbours on a ring and nobody else, so that
// everybody sees a majority and nobody the same one (Jepsen's
// majorities-ring).
type Ring struct {
	Order Target // all members, in the order of the ring; "" means at random
}

// String is "partition ring n1 n2 n3 n4", or without names.
func (r Ring) String() string { return strings.TrimSuffix("partition ring "+string(r.Order), " ") }

// Span is Open.
func (r Ring) Span() Span { return Open }

// Check wants four members: on a ring of three everybody sees everybody.
func (r Ring) Check(s Setting) error {
	if r.Order != "" {
		if err := r.Order.check(s); err != nil {
			return err
		}
		for _, w := range r.Order.words() {
			if !nodeName.MatchString(w) {
				return fmt.Errorf("the order of a ring is made of names, not %q", w)
			}
		}
		s.Nodes = r.Order.words()
	}
	return atLeast(s, 4, r)
}

// Resolve draws the order.
func (r Ring) Resolve(s *Scene) (Fault, error) {
	order := r.Order.words()
	if r.Order == "" {
		order = s.shuffled()
	}
	if len(order) < 4 {
		return nil, fmt.Errorf("%w: %w", ErrNoTarget, errTooFew)
	}
	return Ring{Order: s.ordered(order)}, nil
}

// Inject cuts the links between members that are no neighbours.
func (r Ring) Inject(ctx context.Context, env *Env) (Injected, error) {
	return cut(ctx, env, r.links())
}

func (r Ring) links() [][2]string {
	nodes := r.Order.words()
	// A majority is the member itself and reach neighbours on either side.
	reach := (len(nodes)/2 + 1) / 2
	var links [][2]string
	for i, a := range nodes {
		for j, b := range nodes {
			distance := min((i-j+len(nodes))%len(nodes), (j-i+len(nodes))%len(nodes))
			if distance > reach {
				links = append(links, [2]string{a, b})
			}
		}
	}
	return links
}

// Isolate cuts all links of each of its targets.
type Isolate struct{ Who Target }

// String is "isolate leader".
func (f Isolate) String() string { return "isolate " + string(f.Who) }

// Span is Open.
func (f Isolate) Span() Span { return Open }

// Check checks the target.
func (f Isolate) Check(s Setting) error { return checkAll(s, f.Who) }

// Resolve names the targets.
func (f Isolate) Resolve(s *Scene) (Fault, error) {
	who, err := s.Resolve(f.Who)
	if err != nil {
		return nil, err
	}
	return Isolate{Who: who[0]}, nil
}

// Inject cuts the links.
func (f Isolate) Inject(ctx context.Context, env *Env) (Injected, error) {
	return cut(ctx, env, f.links(env.Nodes()))
}

func (f Isolate) links(nodes []string) [][2]string {
	alone := make(map[string]bool)
	for _, n := range f.Who.words() {
		alone[n] = true
	}
	var links [][2]string
	for _, a := range nodes {
		for _, b := range nodes {
			if a != b && (alone[a] || alone[b]) {
				links = append(links, [2]string{a, b})
			}
		}
	}
	return links
}

// Cuts lists the directed links that a resolved fault lets nothing through, among
// these members and [Clients]; none for a fault that does something else.
func Cuts(f Fault, nodes []string) [][2]string {
	switch f := f.(type) {
	case Partition:
		return f.links()
	case Ring:
		return f.links()
	case Isolate:
		return f.links(nodes)
	case Traffic:
		if f.Action == "cut" {
			return f.links()
		}
	}
	return nil
}

// Links lists the directed links that a resolved fault acts on in any way, among these
// members and [Clients]; none for a fault of members.
func Links(f Fault, nodes []string) [][2]string {
	if t, ok := f.(Traffic); ok {
		return t.links()
	}
	return Cuts(f, nodes)
}

var errUnresolved = errors.New("the fault is not resolved")

// atLeast reports a setting with too few members for a fault.
func atLeast(s Setting, n int, f Fault) error {
	if len(s.Nodes) > 0 && len(s.Nodes) < n {
		return fmt.Errorf("%s needs %d members, there are %d", f, n, len(s.Nodes))
	}
	return nil
}

// between lists the links from each of a to each of b.
func between(a, b Target) [][2]string {
	var links [][2]string
	for _, from := range a.words() {
		for _, to := range b.words() {
			if from != to {
				links = append(links, [2]string{from, to})
			}
		}
	}
	return links
}

// cut installs a plain cut of the links.
func cut(ctx context.Context, env *Env, links [][2]string) (Injected, error) {
	return install(ctx, env, Rule{Action: "cut", Links: links})
}

// install puts one rule in force; removing it is all of its healing.
func install(ctx context.Context, env *Env, r Rule) (Injected, error) {
	if len(r.Links) == 0 {
		return Injected{}, errors.New("there is no link between these members")
	}
	applied, err := env.Apply(ctx, r)
	if err != nil {
		return Injected{}, err
	}
	return Injected{Heal: applied.Remove}, nil
}
