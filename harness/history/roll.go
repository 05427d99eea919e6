package history

import (
	"fmt"
	"slices"
	"strings"
)

// clients is what faults and notes call the clients of the system, as one end of links.
const clients = "clients"

// roll is the members of a run, as its first event names them. An event about
// anybody else belongs to another run: whoever judged it would count a stranger's
// votes, or blame a member that there is not. The roll of a run that names no
// members has everybody.
type roll struct {
	names []string
	last  string // the name found last: most events are about the same few
}

func (r *roll) knows(name string) bool {
	if name == "" || name == r.last || len(r.names) == 0 {
		return true
	}
	i := slices.Index(r.names, name)
	if i < 0 {
		return false
	}
	r.last = r.names[i]
	return true
}

// check returns an error if the event is about somebody who is no member.
func (r *roll) check(e *Event) error {
	if e.Run != nil && e.Run.What == RunBegin {
		r.names = slices.Clone(e.Run.Nodes)
		return nil
	}
	switch {
	case e.Op != nil:
		return r.all(e.Op.Node)
	case e.Raft != nil:
		return r.all(e.Raft.Node, e.Raft.Peer, e.Raft.Vote)
	case e.Proc != nil:
		return r.all(e.Proc.Node)
	case e.Run != nil && e.Run.Node != clients:
		return r.all(e.Run.Node)
	case e.Claim != nil:
		return r.all(e.Claim.Node) // whom it names as leader is its own word
	case e.Fault != nil:
		for _, name := range e.Fault.Nodes {
			if name != clients && !r.knows(name) {
				return r.stranger(name)
			}
		}
	case e.State != nil:
		for _, h := range e.State.Held {
			if !r.knows(h.Node) {
				return r.stranger(h.Node)
			}
		}
		return r.all(e.State.Node)
	}
	return nil
}

func (r *roll) all(names ...string) error {
	for _, name := range names {
		if !r.knows(name) {
			return r.stranger(name)
		}
	}
	return nil
}

func (r *roll) stranger(name string) error {
	return fmt.Errorf("%q is no member of this run, which has %s: the line is of another run, or \"begin\" of another one", name, strings.Join(r.names, " "))
}
