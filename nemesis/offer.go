package nemesis

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/text"
)

// Offer is what a system, and the network before it, let a plan do. A plan that
// asks for more can never do it, and is refused before the run. A nil Offer is not
// known yet and refuses nothing.
type Offer struct {
	System string // its name, for errors
	// Classes are the classes of messages that the network tells apart, none if it
	// decodes nothing; Lossy those that may be lost, doubled and overtaken.
	Classes, Lossy []string
	// Events are those of [Triggers] that are ever seen.
	Events []string
	// Leads tells whether it is ever known who leads.
	Leads bool
	// Operator tells whether administrators have anything to do, Membership whether
	// members can leave and come back.
	Operator, Membership bool
	// Failpoint tells why there certainly is no failpoint of a name; nil says nothing.
	Failpoint func(name string) error
	// Unable tells of faults, by the first word, why the disk or the machine cannot do
	// them, and the flag that would allow it: power-failure, slow-sync, clock, …
	Unable map[string]string
	// Keeps are what power failures may be told to keep, of the Keep constants; none
	// if there is no power-failure.
	Keeps []string
	// Files are the classes of files that the target names: wal, snapshot, db, …
	Files []string
	// Below tells whether disks fail below their file systems, where nobody knows of files.
	Below bool
}

// Setting is what is known of a run before it starts.
type Setting struct {
	Nodes   []string // the members; empty when not known yet
	Clients bool     // clients are behind the proxy layer, so "clients" has links
	System  *Offer   // nil when not known yet

	triggered bool // the step is fired by an event, so "it" has a meaning
	first     bool // no step comes before it, so "same" has none
	generated bool // the plan is: a step of it may be one that finds nobody
}

// Lenient is the setting for a plan that no person wrote: what its words and events
// mean here need not be known.
func (s Setting) Lenient() Setting {
	s.generated = true
	if s.System != nil {
		system := *s.System
		system.Leads, system.Events = true, triggerNames()
		s.System = &system
	}
	return s
}

// EventsOf lists the [Triggers] that raft events of these kinds fire, in their
// order.
func EventsOf(what ...history.RaftWhat) []string {
	by := map[string]history.RaftWhat{
		"candidate":    history.RaftCandidate,
		"vote-granted": history.RaftVote,
		"vote-refused": history.RaftVote,
		"leader":       history.RaftLeader,
		"stepdown":     history.RaftFollower,
		"follower":     history.RaftFollower,
		"append":       history.RaftAppend,
		"truncate":     history.RaftTruncate,
		"commit":       history.RaftCommit,
		"snapshot":     history.RaftSnapshot,
		"install":      history.RaftInstall,
		"restart":      history.RaftStart,
	}
	return slices.DeleteFunc(triggerNames(), func(name string) bool { return !slices.Contains(what, by[name]) })
}

// shows tells why an event is never seen.
func (o *Offer) shows(event string) error {
	switch {
	case o == nil || slices.Contains(o.Events, event):
		return nil
	case len(o.Events) == 0:
		return fmt.Errorf("on %s: neither a tap nor a trace shows events of %s: use \"at\"", event, o.System)
	}
	return fmt.Errorf("on %s: this is never seen of %s: use one of %s", event, o.System, strings.Join(o.Events, ", "))
}

// plays tells why nobody is ever known to play the part that a target word names.
func (o *Offer) plays(word string) error {
	if o == nil {
		return nil
	}
	var known bool
	switch word {
	case "leader", "follower", "followers":
		known = o.Leads
	case "candidate":
		known = slices.Contains(o.Events, "candidate") || slices.Contains(o.Events, "vote-granted")
	case "voter":
		known = slices.Contains(o.Events, "vote-granted")
	default:
		return nil
	}
	if known {
		return nil
	}
	return fmt.Errorf("%q: nothing tells of %s who that is: use one, or a member such as n1", word, o.System)
}

// carries tells why the network can never do this to messages.
func (o *Offer) carries(t Traffic) error {
	framed := t.Class != "" || t.messages() && t.Action != "delay"
	if o == nil || !framed {
		return nil
	}
	what := t.Action
	if t.Class != "" {
		what += " " + t.Class
	}
	switch {
	case len(o.Classes) == 0:
		return fmt.Errorf("%s needs single messages, and what the members of %s say to each other is not decoded: use cut, reset, refuse, throttle, or delay without a class", what, o.System)
	case t.Class != "" && !slices.Contains(o.Classes, t.Class):
		return fmt.Errorf("unknown class %q%s: messages of %s are %s", t.Class, text.DidYouMean(t.Class, o.Classes), o.System, strings.Join(o.Classes, ", "))
	case t.Action == "delay":
		return nil
	case len(o.Lossy) == 0:
		return fmt.Errorf("%s: no message of %s may be lost or overtaken: use delay, or cut without a class", what, o.System)
	case t.Class != "" && !slices.Contains(o.Lossy, t.Class):
		return fmt.Errorf("%s: of %s only messages of these classes may be lost or overtaken: %s", what, o.System, strings.Join(o.Lossy, ", "))
	}
	return nil
}

// operates tells why administrators cannot do this.
func (o *Offer) operates(what string) error {
	if o == nil || o.Operator {
		return nil
	}
	return fmt.Errorf("%s: %s has nothing for an operator to do; only some systems have, such as etcd", what, o.System)
}

// leaves tells why members cannot leave.
func (o *Offer) leaves(what string) error {
	if o == nil || o.Membership {
		return nil
	}
	return fmt.Errorf("%s: members of %s cannot leave and come back; only those of some systems can, such as etcd", what, o.System)
}

// able tells why the disk or the machine cannot do such a fault.
func (o *Offer) able(fault string) error {
	if o == nil || o.Unable[fault] == "" {
		return nil
	}
	return fmt.Errorf("%s: %s", fault, o.Unable[fault])
}

// hasFailpoint tells why there certainly is no failpoint of this name.
func (o *Offer) hasFailpoint(name string) error {
	if o == nil || o.Failpoint == nil {
		return nil
	}
	return o.Failpoint(name)
}

// reachable tells why the words of a fault mean nobody in any state of a cluster of
// these members, whoever leads, stands and votes.
func (s Setting) reachable(f Fault) error {
	if len(s.Nodes) == 0 || s.generated || links(f) {
		return nil
	}
	words := strings.Fields(f.String())
	used := func(names ...string) []string {
		if _, moves := f.(MoveLeader); moves && slices.Contains(names, "leader") {
			return s.Nodes
		}
		if slices.ContainsFunc(words, func(w string) bool { return slices.Contains(names, w) }) {
			return s.Nodes
		}
		return s.Nodes[:1] // anybody: it makes no difference
	}
	var err error
	for _, leader := range used("leader", "follower", "followers") {
		for _, candidate := range used("candidate") {
			for _, voter := range used("voter") {
				for _, it := range used("it") {
					scene := &Scene{Nodes: s.Nodes, Roles: Roles{Leader: leader, Candidate: candidate, Voter: voter, It: it}, Rand: rand.New(source(1, "dry"))}
					if _, err = f.Resolve(scene); err == nil {
						return nil
					}
				}
			}
		}
	}
	reason := strings.TrimPrefix(err.Error(), ErrNoTarget.Error()+": ")
	if !errors.Is(err, ErrNoTarget) {
		return err
	}
	return fmt.Errorf("among %s it can hit nobody: %s", strings.Join(s.Nodes, ", "), reason)
}
