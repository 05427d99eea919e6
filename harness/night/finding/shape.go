package finding

import (
	"cmp"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// Shape is a proof without the names and numbers of its run, so that a bug gives the
// same one in another run, mostly: "a:vote(1) b:leader(2)".
//
// It is a set, since the same bug shows its events in any order: the kinds of the
// events, with the rank of their term among those of the proof (1 is the lowest), and
// the other member where that has events of its own. Members are a, b, … in the order of
// what they do, and those that do the same are one. A candidacy is a vote for oneself.
// What a log holds, and what comes of that, may be seen by an append, a commit, a snapshot,
// of this or that member: which it was is chance, so that it counts only if there is
// nothing else. Of clients it says no more than whether something that failed is in it.
func Shape(v checker.Violation) string {
	s := tell(v)
	s.rank()
	if s.log && len(s.deeds) == 0 {
		s.words[inLog] = true
	}
	return strings.Join(append(s.members(), slices.Sorted(maps.Keys(s.words))...), " ")
}

// The words for what clients did: something, and a write that failed.
const (
	clients = "clients"
	failed  = "failed"
)

// inLog is the word for events that only show what a log holds, or what came of it.
const inLog = "log"

func showsLog(what history.RaftWhat) bool {
	switch what {
	case history.RaftAppend, history.RaftCommit, history.RaftInstall, history.RaftApply, history.RaftSnapshot:
		return true
	}
	return false
}

func tell(v checker.Violation) shape {
	s := shape{deeds: make(map[string][]deed), done: make(map[int]*history.Op), words: make(map[string]bool)}
	for i := range v.Events {
		s.take(&v.Events[i])
	}
	for i := range v.Events {
		if op := v.Events[i].Op; op != nil {
			s.client(op)
		}
	}
	return s
}

// similar tells whether two proofs of a rule may be of one bug: all that the one has
// happened in the other as well, whoever did it, or the other way around. A crash with
// another message is not such. What clients did says too little to tell.
func similar(a, b checker.Violation) bool {
	p, q := tell(a), tell(b)
	x, y := p.kinds(), q.kinds()
	if len(x) == 0 || len(y) == 0 {
		return len(x) == len(y)
	}
	within := func(x, y map[string]bool) bool {
		for what := range x {
			if !y[what] {
				return false
			}
		}
		return true
	}
	return within(x, y) || within(y, x)
}

// kinds are what members did.
func (s *shape) kinds() map[string]bool {
	all := make(map[string]bool)
	if s.log {
		all[inLog] = true
	}
	for _, deeds := range s.deeds {
		for _, d := range deeds {
			all[d.what] = true
		}
	}
	return all
}

// shape is a proof that is being told.
type shape struct {
	deeds map[string][]deed // by member
	log   bool              // something shows what a log holds
	terms []uint64
	done  map[int]*history.Op // how the operation of a process ended
	words map[string]bool     // what is no member's
}

// deed is an event of a member.
type deed struct {
	what string
	term int // an index of terms, later a rank; 0 for none
	peer string
}

func (s *shape) take(e *history.Event) {
	switch {
	case e.Raft != nil:
		r := e.Raft
		if showsLog(r.What) {
			s.log = true
			return
		}
		d := deed{what: string(r.What)}
		if r.What == history.RaftCandidate {
			d.what = string(history.RaftVote)
		}
		s.terms = append(s.terms, r.Term)
		d.term = len(s.terms)
		if (r.What == history.RaftVote || r.What == history.RaftPreVote) && r.Peer != r.Node {
			d.peer = r.Peer
		}
		s.deeds[r.Node] = append(s.deeds[r.Node], d)
	case e.Op != nil:
		if e.Op.Type != history.Invoke {
			s.done[e.Op.Process] = e.Op
		}
	case e.Proc != nil:
		what := string(e.Proc.What)
		if e.Proc.What == history.ProcExit {
			what += "[" + cmp.Or(e.Proc.Signal, fmt.Sprint("code ", e.Proc.Code)) + "]"
		}
		s.deeds[e.Proc.Node] = append(s.deeds[e.Proc.Node], deed{what: what})
	case e.Claim != nil:
		s.terms = append(s.terms, e.Claim.Term)
		s.deeds[e.Claim.Node] = append(s.deeds[e.Claim.Node], deed{what: "claim[" + e.Claim.Role + "]", term: len(s.terms)})
	case e.State != nil && e.State.Node != "":
		s.deeds[e.State.Node] = append(s.deeds[e.State.Node], deed{what: string(e.State.What)})
	case e.State != nil:
		s.words[string(e.State.What)] = true
	case e.Run != nil && e.Run.What == history.RunLog:
		s.deeds[e.Run.Node] = append(s.deeds[e.Run.Node], deed{what: "log[" + logged(e.Run.Text) + "]"})
	case e.Run != nil:
		s.words[cmp.Or(e.Run.Phase, string(e.Run.What))] = true
	case e.Fault != nil:
		s.words["fault"] = true // which one is no part of what is broken
	}
}

// client takes the invocation of an operation, by how it ended.
func (s *shape) client(op *history.Op) {
	if op.Type != history.Invoke {
		return
	}
	fs := []history.F{op.F}
	for _, m := range op.Txn {
		fs = append(fs, m.F)
	}
	done := s.done[op.Process]
	for _, f := range fs {
		switch {
		case f == history.FTxn:
		case !f.Known() || isLock(f):
			s.words[string(f)] = true
		case f == history.FGet || f == history.FRead || done == nil || done.Type != history.Fail:
			s.words[clients] = true
		case done.Saw && !s.shown(op.Arg): // it was refused, and says what is there
			s.words[clients] = true
		default:
			s.words[failed] = true
		}
	}
}

// shown tells whether a value was read.
func (s *shape) shown(value string) bool {
	for _, op := range s.done {
		if op.Got == value || slices.Contains(op.List, value) {
			return true
		}
	}
	return false
}

func isLock(f history.F) bool {
	return f == history.FAcquire || f == history.FRelease || f == history.FFenced
}

// rank replaces terms by their ranks.
func (s *shape) rank() {
	ranks := slices.Compact(slices.Sorted(slices.Values(s.terms)))
	for _, deeds := range s.deeds {
		for i := range deeds {
			if at := deeds[i].term; at > 0 {
				n, _ := slices.BinarySearch(ranks, s.terms[at-1])
				deeds[i].term = n + 1
			}
		}
	}
}

// members tells what each of them did, those alike once.
func (s *shape) members() []string {
	alone := make(map[string]string) // what a member did, whoever the others were
	for node := range s.deeds {
		alone[node] = s.told(node, func(string) string { return "?" })
	}
	var roles []string
	names := make(map[string]string)
	for _, role := range slices.Compact(slices.Sorted(maps.Values(alone))) {
		name := string(rune('a' + len(roles)))
		roles = append(roles, role)
		for node, r := range alone {
			if r == role {
				names[node] = name
			}
		}
	}
	words := make(map[string]bool)
	for node := range s.deeds {
		words[names[node]+":"+s.told(node, func(peer string) string { return names[peer] })] = true
	}
	return slices.Sorted(maps.Keys(words))
}

// told is what a member did, in the order of the words for it.
func (s *shape) told(node string, name func(string) string) string {
	words := make(map[string]bool)
	for _, d := range s.deeds[node] {
		var in []string
		if d.term > 0 {
			in = append(in, fmt.Sprint(d.term))
		}
		if _, acts := s.deeds[d.peer]; acts {
			in = append(in, name(d.peer))
		}
		word := d.what
		if len(in) > 0 {
			word += "(" + strings.Join(in, ",") + ")"
		}
		words[word] = true
	}
	return strings.Join(slices.Sorted(maps.Keys(words)), "+")
}

// longestLog is how much of a line of a log tells crashes apart, in bytes.
const longestLog = 100

// logged is a line of a log without what has a digit in it: times, addresses, numbers.
func logged(line string) string {
	line = regexp.MustCompile(`\S*[0-9]\S*`).ReplaceAllString(line, "#")
	line = strings.Join(strings.Fields(line), " ")
	if len(line) > longestLog {
		line = strings.ToValidUTF8(line[:longestLog], "")
	}
	return line
}
