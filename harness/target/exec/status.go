package exec

import (
	"context"
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"

	"github.com/usurper/usurper/harness/target"
)

// probe asks a member something, or looks for it in what the member prints.
// One of its ways is set.
type probe struct {
	tcp     *text // an address that accepts connections
	log     *regexp.Regexp
	request request
	address *text // of request
	holds   []condition
}

// ask returns the answer to the probe's request.
func (p *probe) ask(ctx context.Context, m *member) (*answer, error) {
	addr, err := p.address.render(m)
	if err != nil {
		return nil, err
	}
	c := conn{addr: addr}
	defer c.Close()
	x := c.exchange(ctx, p.request, m)
	return x.answer, x.err
}

// check returns why the member is not ready.
func (p *probe) check(ctx context.Context, m *member, heard *printed) error {
	switch {
	case p.log != nil:
		if !heard.ready(p.log) {
			return fmt.Errorf("not ready: it has not printed a line that matches %s", p.log)
		}
		return nil
	case p.tcp != nil:
		addr, err := p.tcp.render(m)
		if err != nil {
			return err
		}
		var d net.Dialer
		c, err := d.DialContext(ctx, "tcp", addr)
		if err != nil {
			return err
		}
		return c.Close()
	}
	a, err := p.ask(ctx, m)
	if err != nil {
		return err
	}
	if !anyHolds(p.holds, a) {
		return fmt.Errorf("not ready: %s", a)
	}
	return nil
}

// roleSpec says how a member is asked for its role.
type roleSpec struct {
	source             probe
	role, term, leader *extraction
	roles              map[string]string // the system's word to the harness's
	// atomic is the file's word that role and term come from one instant, in one
	// answer or one line.
	atomic bool
}

// find returns what the answer says of the member's role.
func (r *roleSpec) find(m *member, a *answer) (target.Status, error) {
	var s target.Status
	word, ok := r.role.find(a)
	if !ok {
		return s, fmt.Errorf("no role in %s", a)
	}
	var term, leader string
	if r.term != nil {
		if term, ok = r.term.find(a); !ok {
			return s, fmt.Errorf("no term in %s", a)
		}
	}
	var called *text
	if r.leader != nil {
		leader, _ = r.leader.find(a) // it may know of none
		called = r.leader.called
	}
	return r.status(m, [3]string{word, term, leader}, called)
}

// status makes a status of the words for role, term and leader.
func (r *roleSpec) status(m *member, words [3]string, called *text) (target.Status, error) {
	s := target.Status{Atomic: r.atomic && words[1] != ""}
	if s.Role = r.roles[strings.ToLower(words[0])]; s.Role == "" {
		return s, fmt.Errorf("unknown role %.40q: add it to roles", words[0])
	}
	if words[1] != "" {
		var err error
		if s.Term, err = strconv.ParseUint(words[1], 10, 64); err != nil {
			return s, fmt.Errorf("term: %w", err)
		}
	}
	s.Leader = m.whoIs(words[2], called)
	if s.Role == "leader" {
		s.Leader = m.Name
	}
	return s, nil
}
