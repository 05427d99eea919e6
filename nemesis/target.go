package nemesis

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/text"
)

// Target says who: words separated by blanks, each the name of a member or one
// of [Words]. The words of one fault are resolved together: first those that
// mean certain members, then the random ones, drawn among members not named
// yet, then the rest.
type Target string

// Word is a target word with its meaning.
type Word struct{ Name, Help string }

// Clients is the word for the clients of the system, all of them: an end of links
// and a side of partitions, and no member. Words such as rest and all do not mean
// it. Among the members of a run it says that its clients are behind the proxy
// layer too, without which they have no links.
const Clients = "clients"

// Words lists the target words, in the order in which help shows them.
func Words() []Word {
	return []Word{
		{"leader", "the leader of the highest term seen; the step waits a while for one"},
		{"followers", "everybody but the leader"},
		{"follower", "one of the followers, at random"},
		{"candidate", "who stands in an election just now; after a trigger, who stood"},
		{"voter", "who granted a vote last"},
		{"it", "the member whose event fired the step"},
		{Same, "whom the step on the line before has hit, or is hitting"},
		{"one", "one member at random, of those that run"},
		{"several", "some members at random, one to all, of those that no other word means"},
		{"minority", "the largest minority, at random"},
		{"majority", "the smallest majority, at random"},
		{"all", "everybody; also *"},
		{"rest", "everybody whom the fault does not name otherwise; also others"},
		{Clients, "the clients, as one end of links or on a side of a partition"},
	}
}

// nodeName is what tells a member's name from a word.
var nodeName = regexp.MustCompile(`^[a-z][a-z-]*[0-9]+$`)

// order is when a word is resolved.
type order int

const (
	unknown order = iota
	certain       // names, and words that mean certain members
	random        // drawn among members not named yet
	last          // what remains
)

func orderOf(word string) order {
	switch word {
	case "leader", "followers", "candidate", "voter", "it", Same, "all", "*", Clients:
		return certain
	case "follower", "one", "several", "minority", "majority":
		return random
	case "rest", "others":
		return last
	}
	if nodeName.MatchString(word) {
		return certain
	}
	return unknown
}

func (t Target) words() []string { return strings.Fields(string(t)) }

// check reports words that nobody understands, or that make no sense in the
// setting.
func (t Target) check(s Setting) error {
	words := t.words()
	if len(words) == 0 {
		return errors.New("nobody is named: write a member or a word such as leader")
	}
	for i, w := range words {
		switch {
		case orderOf(w) == unknown:
			return fmt.Errorf("unknown target %q%s: use a member such as n1, or one of %s", w, text.DidYouMean(w, wordNames()), strings.Join(wordNames(), ", "))
		case slices.Contains(words[:i], w):
			return fmt.Errorf("%q is named twice", w)
		case (w == "all" || w == "*") && slices.ContainsFunc(words, func(w string) bool { return w != "all" && w != "*" && w != Clients }):
			return fmt.Errorf("%q already means everybody: name nobody beside it", w)
		case w == Clients && len(s.Nodes) > 0 && !s.Clients:
			return fmt.Errorf("%q have no links while they reach the members directly: put them behind the proxy layer with --proxy-clients", w)
		case w == "it" && !s.triggered:
			return errors.New(`"it" is the member whose event fired the step: use it after "on", not after "at"`)
		case w == Same && s.first:
			return fmt.Errorf("%q is whom the step before hit, and there is none before the first", w)
		case len(s.Nodes) > 0 && nodeName.MatchString(w) && !slices.Contains(s.Nodes, w):
			return fmt.Errorf("unknown member %q: the members are %s", w, strings.Join(s.Nodes, ", "))
		}
		if err := s.System.plays(w); err != nil {
			return err
		}
	}
	return nil
}

// checkAll checks the targets of one fault together, all of them members.
func checkAll(s Setting, targets ...Target) error {
	for _, t := range targets {
		if t.hasClients() {
			return fmt.Errorf("%q are no members: they are an end of links, as in cut clients > leader, or on a side, as in partition clients leader | rest", Clients)
		}
	}
	return checkEnds(s, targets...)
}

func (t Target) hasClients() bool { return slices.Contains(t.words(), Clients) }

// checkEnds is checkAll for the ends of links, among which may be clients.
func checkEnds(s Setting, targets ...Target) error {
	rests := 0
	for _, t := range targets {
		if err := t.check(s); err != nil {
			return err
		}
		for _, w := range t.words() {
			if orderOf(w) == last {
				rests++
			}
		}
	}
	if rests > 1 {
		return errors.New(`"rest" is named twice: the second would mean nobody`)
	}
	return nil
}

func wordNames() []string {
	var names []string
	for _, w := range Words() {
		names = append(names, w.Name)
	}
	return names
}

// Scene is the moment at which a fault fires: who is who, and a random stream
// of the step's own. It is used for one fault.
type Scene struct {
	Nodes []string        // all members, in order
	Down  map[string]bool // members whose process is gone
	Roles Roles
	Rand  *rand.Rand
	For   time.Duration // how long the fault is to last; 0 for until the end
	Keeps []string      // what a power failure may keep; empty means nothing and names

	// same tells whom the step before has hit.
	same func() ([]string, error)
	// ended says how a member ended by itself; "" if it did not.
	ended func(node string) string

	spare  int      // members that other words of the fault need, at least
	named  []string // whom the fault names so far, without those meant by "all"
	struck []string // of these, members not meant by "rest"
	touch  []string // whom it touches
}

// Resolve replaces the words of all targets of one fault by names. A name
// appears once in each target.
func (s *Scene) Resolve(targets ...Target) ([]Target, error) {
	found := make([][]string, len(targets))
	s.spare = -1
	for _, t := range targets {
		for _, w := range t.words() {
			if o := orderOf(w); o == random || o == last {
				s.spare++
			}
		}
	}
	for _, turn := range []order{certain, random, last} {
		for i, t := range targets {
			for _, w := range t.words() {
				if orderOf(w) != turn {
					continue
				}
				nodes, err := s.word(w)
				if err != nil {
					return nil, err
				}
				found[i] = append(found[i], nodes...)
			}
		}
	}
	out := make([]Target, len(targets))
	for i, nodes := range found {
		out[i] = s.target(nodes)
	}
	return out, nil
}

// target is the target that names the nodes, in the order of the members and
// clients last; the fault touches them.
func (s *Scene) target(nodes []string) Target {
	return s.ordered(s.inOrder(nodes))
}

// ordered is target for nodes whose order matters.
func (s *Scene) ordered(nodes []string) Target {
	for _, n := range nodes {
		if n != Clients {
			s.touch = append(s.touch, n)
		}
	}
	return Target(strings.Join(nodes, " "))
}

func (s *Scene) inOrder(nodes []string) []string {
	var out []string
	for _, n := range s.Nodes {
		if slices.Contains(nodes, n) {
			out = append(out, n)
		}
	}
	if slices.Contains(nodes, Clients) {
		out = append(out, Clients)
	}
	return out
}

// touched returns whom the resolved fault touches, sorted.
func (s *Scene) touched() []string {
	slices.Sort(s.touch)
	return slices.Compact(s.touch)
}

// word resolves one word and notes whom it names.
func (s *Scene) word(w string) ([]string, error) {
	nodes, err := s.meaning(w)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrNoTarget, w, err)
	}
	if w != "all" && w != "*" {
		s.named = append(s.named, nodes...)
		if orderOf(w) != last && w != Clients {
			s.struck = append(s.struck, nodes...)
		}
	}
	return nodes, nil
}

var (
	// errNobody is what the errors of parts that nobody plays just now have in
	// common: somebody may soon.
	errNobody      = errors.New("nobody plays this part")
	errNoLeader    = nobody{"no leader is known"}
	errNoCandidate = nobody{"nobody stands in an election"}
	errNoVoter     = nobody{"nobody has granted a vote yet"}
	errNoEvent     = errors.New("no event fired the step")
	errTooFew      = errors.New("too few members are left")
)

func (s *Scene) meaning(w string) ([]string, error) {
	switch w {
	case "leader":
		return known(s.Roles.Leader, errNoLeader)
	case "candidate":
		return known(s.Roles.Candidate, errNoCandidate)
	case "voter":
		return known(s.Roles.Voter, errNoVoter)
	case "it":
		return known(s.Roles.It, errNoEvent)
	case Same:
		if s.same == nil {
			return nil, errMissed
		}
		return s.same()
	case "all", "*":
		return slices.Clone(s.Nodes), nil
	case Clients:
		return []string{Clients}, nil
	case "followers":
		if s.Roles.Leader == "" {
			return nil, errNoLeader
		}
		return s.without([]string{s.Roles.Leader}), nil
	case "follower":
		if s.Roles.Leader == "" {
			return nil, errNoLeader
		}
		return s.draw(1, append(slices.Clone(s.named), s.Roles.Leader))
	case "one":
		return s.draw(1, s.named)
	case "several":
		n := max(1, len(s.without(s.named))-max(0, s.spare))
		return s.draw(1+s.Rand.IntN(n), s.named)
	case "minority":
		return s.draw((len(s.Nodes)-1)/2, s.named)
	case "majority":
		return s.draw(len(s.Nodes)/2+1, s.named)
	case "rest", "others":
		if left := s.without(s.named); len(left) > 0 {
			return left, nil
		}
		return nil, errTooFew
	}
	if !slices.Contains(s.Nodes, w) {
		return nil, errors.New("no member has this name")
	}
	return []string{w}, nil
}

// nobody is an [errNobody] that says of which part.
type nobody struct{ text string }

func (n nobody) Error() string      { return n.text }
func (nobody) Is(target error) bool { return target == errNobody }

func known(node string, missing error) ([]string, error) {
	if node == "" {
		return nil, missing
	}
	return []string{node}, nil
}

func (s *Scene) without(nodes []string) []string {
	return slices.DeleteFunc(slices.Clone(s.Nodes), func(n string) bool { return slices.Contains(nodes, n) })
}

// draw picks n members not among the taken ones. A single one is picked among
// those that run, as long as one does.
func (s *Scene) draw(n int, taken []string) ([]string, error) {
	pool := s.shuffled()
	pool = slices.DeleteFunc(pool, func(m string) bool { return slices.Contains(taken, m) })
	if n == 0 || len(pool) < n {
		return nil, errTooFew
	}
	if n == 1 {
		if i := slices.IndexFunc(pool, func(m string) bool { return !s.Down[m] }); i > 0 {
			pool = pool[i:]
		}
	}
	return pool[:n], nil
}

// shuffled returns all members in random order. It always takes the same
// amount of randomness, so that what is drawn next does not depend on who runs.
func (s *Scene) shuffled() []string {
	nodes := slices.Clone(s.Nodes)
	s.Rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	return nodes
}
