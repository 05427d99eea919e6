package ovsdb

import (
	"bytes"
	"fmt"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// decoder reads one direction of a connection. Both carry requests and answers.
type decoder struct {
	shared   *shared
	from, to party
	finder   finder
}

// Next implements tap.Decoder.
func (d *decoder) Next(b []byte, m *tap.Message) (n int, class string, err error) {
	n, err = d.finder.end(b)
	if n == 0 || err != nil {
		return 0, "", err
	}
	v := view(b[:n])
	class, err = d.read(&v, m)
	return n, class, err
}

// call is a message: what is called, with which parameters.
type call struct {
	method []byte // nil for the answer to an echo
	params params
}

// params are the members that messages have, as they are written; nil for what is not
// there.
type params struct {
	from, to, vote, address, result  []byte
	term, lastIndex, lastTerm        []byte
	prevIndex, prevTerm, commit, end []byte
	accepted, members                []byte
	log                              entries
	flag                             []byte // a member that is true, and that means nothing to a tap
}

// view reads an object. What is not as it should be is left out.
func view(b []byte) (v call) {
	c := cursor{b: b}
	for ok := c.enter('{'); ok; {
		var key []byte
		if key, ok = c.key(); !ok {
			break
		}
		switch string(key) {
		case "method":
			var method []byte
			method, ok = c.value()
			v.method = text(method)
		case "params":
			if ok = c.enter('['); ok && c.element() {
				v.params.read(&c)
				c.element() // there is no second
			}
		default:
			_, ok = c.value()
		}
	}
	return v
}

func (p *params) read(c *cursor) {
	for ok := c.enter('{'); ok; {
		var key, value []byte
		if key, ok = c.key(); !ok {
			break
		}
		if string(key) == "log" && c.skip() == '[' {
			p.log.read(c)
			continue
		}
		value, ok = c.value()
		if at := p.member(key); ok && at != nil {
			*at = value
		} else if string(value) == "true" && string(key) != "leadership_transfer" {
			p.flag = key
		}
	}
}

// entries are those that a leader sends at once.
type entries struct {
	count   uint64
	term    []byte    // of the last one; reading ends at one without
	servers []servers // of those that change the members
}

// servers are the members from an entry on, as it is written.
type servers struct {
	entry uint64 // its place among those that are sent at once
	term  []byte
	value []byte
}

// ids lists the members, all of whom vote: the keys of an object.
func (s servers) ids() (ids []string) {
	c := cursor{b: s.value}
	for ok := c.enter('{'); ok; {
		var key []byte
		if key, ok = c.key(); !ok {
			break
		}
		ids = append(ids, string(key))
		_, ok = c.value()
	}
	return ids
}

func (e *entries) read(c *cursor) {
	for ok := c.enter('['); ok && c.element(); {
		var term, members []byte
		for in := c.enter('{'); in; {
			var key, value []byte
			if key, in = c.key(); !in {
				break
			}
			value, in = c.value()
			switch string(key) {
			case "term":
				term = value
			case "servers":
				members = value
			}
		}
		if members != nil {
			e.servers = append(e.servers, servers{e.count + 1, term, members})
		}
		_, ok = number(term)
		e.count, e.term = e.count+1, term
	}
}

// member returns where a member goes, nil for one that means nothing to a tap.
func (p *params) member(key []byte) *[]byte {
	switch string(key) {
	case "from":
		return &p.from
	case "to":
		return &p.to
	case "vote":
		return &p.vote
	case "address":
		return &p.address
	case "result":
		return &p.result
	case "term":
		return &p.term
	case "last_log_index", "last_index":
		return &p.lastIndex
	case "last_log_term", "last_term":
		return &p.lastTerm
	case "prev_log_index":
		return &p.prevIndex
	case "prev_log_term":
		return &p.prevTerm
	case "leader_commit":
		return &p.commit
	case "log_end":
		return &p.end
	case "n_entries":
		return &p.accepted
	case "last_servers":
		return &p.members
	}
	return nil
}

// read makes a message of a call, and returns its class, "" for that of its kind.
func (d *decoder) read(v *call, m *tap.Message) (class string, err error) {
	p := &v.params
	switch string(v.method) {
	case "", "echo":
		return classEcho, nil
	}
	speaker, id := text(p.from), text(p.to)
	if len(id) == 0 && len(speaker) > 0 && joins(v.method) { // nobody has told him yet who is there
		return classMembers, d.from.is(speaker, d.shared.cluster)
	}
	if len(speaker) == 0 || len(id) == 0 {
		d.shared.cluster.Strange(fmt.Sprintf("a message %.40q that names no members", v.method))
		return classOther, nil
	}
	if err := d.from.is(speaker, d.shared.cluster); err != nil {
		return "", err
	}
	if err := d.to.is(id, d.shared.cluster); err != nil {
		return "", err
	}
	m.FromNew, m.ToNew = d.from.renewed, d.to.renewed
	r := reader{method: v.method}
	switch string(v.method) {
	case "append_request":
		class = d.appends(p, &r, m)
	case "append_reply":
		class = d.appended(p, &r, m)
	case "vote_request", "vote_reply":
		if len(p.flag) > 0 { // such as is_prevote, which later versions are said to have
			d.shared.cluster.Strange(fmt.Sprintf("a message %.40q with %.40q", v.method, p.flag))
			return classOther, nil
		}
		d.votes(v, id, &r, m)
	case "install_snapshot_request":
		m.Kind, m.Term = tap.Snapshot, r.number("term", p.term)
		m.Log = history.Pos{Term: r.number("last_term", p.lastTerm), Index: r.number("last_index", p.lastIndex)}
		if r.err == nil && p.members != nil {
			d.shared.cluster.VotersByID("", history.Pos{Index: m.Log.Index}, servers{value: p.members}.ids())
		}
	case "install_snapshot_reply":
		m.Kind, m.Term = tap.SnapshotResponse, r.number("term", p.term)
		m.Log = history.Pos{Term: r.number("last_term", p.lastTerm), Index: r.number("last_index", p.lastIndex)}
	case "become_leader":
		m.Kind, m.Term = tap.TimeoutNow, r.number("term", p.term)
	case "execute_command_request":
		return classCommand, nil
	case "execute_command_reply":
		return classReply, nil
	case "hello_request":
		return classHello, nil
	case "add_server_request", "add_server_reply", "remove_server_request", "remove_server_reply":
		return classMembers, nil // who votes, entries say
	default:
		d.shared.cluster.Strange(fmt.Sprintf("a message %.40q", v.method))
		return classOther, nil
	}
	return class, r.err
}

// joins tells whether a method is that by which a server asks to be a member.
func joins(method []byte) bool { return string(method) == "add_server_request" }

// votes reads a request for a vote, or an answer to one, which goes to who has this id.
func (d *decoder) votes(v *call, id []byte, r *reader, m *tap.Message) {
	p := &v.params
	m.Term = r.number("term", p.term)
	if string(v.method) == "vote_request" {
		m.Kind = tap.Vote
		m.Log = history.Pos{Term: r.number("last_log_term", p.lastTerm), Index: r.number("last_log_index", p.lastIndex)}
		d.shared.asks(pair{d.from.name, d.to.name}, m.Term)
		return
	}
	m.Kind, m.Asked = tap.VoteResponse, d.shared.answered(pair{d.to.name, d.from.name}, m.Term)
	m.Reject = !bytes.Equal(text(p.vote), id) || m.Asked == 0 // who was never asked has granted nothing
}

// appends reads what a leader sends.
func (d *decoder) appends(p *params, r *reader, m *tap.Message) (class string) {
	m.Kind, m.Term = tap.Append, r.number("term", p.term)
	m.Log = history.Pos{Term: r.number("prev_log_term", p.prevTerm), Index: r.before("prev_log_index", p.prevIndex)}
	m.Last, m.Commit = m.Log, r.number("leader_commit", p.commit)
	for _, s := range p.log.servers {
		d.shared.cluster.VotersByID("", history.Pos{Term: r.number("term of an entry", s.term), Index: m.Log.Index + s.entry}, s.ids())
	}
	if p.log.count > 0 {
		m.Last = history.Pos{Term: r.number("term of an entry", p.log.term), Index: m.Log.Index + p.log.count}
	}
	if m.Last.Index == m.Log.Index {
		return string(tap.Heartbeat)
	}
	return ""
}

// appended reads how far a follower's log is the leader's: up to what it was sent. Where
// it ends is told too, of which term its last entry is only if it was named.
func (d *decoder) appended(p *params, r *reader, m *tap.Message) (class string) {
	m.Kind, m.Term = tap.AppendResponse, r.number("term", p.term)
	m.Reject = string(text(p.result)) != "OK"
	prev := history.Pos{Term: r.number("prev_log_term", p.prevTerm), Index: r.before("prev_log_index", p.prevIndex)}
	entries, end := r.number("n_entries", p.accepted), r.number("log_end", p.end)
	m.Log = prev
	if entries > 0 {
		m.Log = history.Pos{Index: prev.Index + entries}
	}
	if !m.Reject && entries == 0 && end == prev.Index+1 {
		m.Last, m.LastKnown = prev, true
	}
	if entries == 0 {
		return string(tap.HeartbeatResponse)
	}
	return ""
}

// reader keeps what was wrong first.
type reader struct {
	method []byte
	err    error
}

func (r *reader) number(name string, value []byte) uint64 {
	n, ok := number(value)
	if !ok && r.err == nil {
		r.err = fmt.Errorf("%s: its %s is %.40q, which is no number", r.method, name, value)
	}
	return n
}

// before reads the index of an entry that others follow. A leader that has gone back with a
// follower as far as it can says -1, one less than 0: then it follows nothing.
func (r *reader) before(name string, value []byte) uint64 {
	if string(value) == "-1" {
		return 0
	}
	return r.number(name, value)
}
