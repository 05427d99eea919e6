package exec

import (
	"context"
	"errors"
	"fmt"
	osexec "os/exec"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/usurper/usurper/harness/target"
)

// ports reads the names of the ports that members have besides two.
func (d *file) ports(n *yaml.Node) (names []string) {
	d.List(n, func(e *yaml.Node) {
		name, ok := d.Scalar(e)
		switch {
		case !ok:
		case !target.PortName(name):
			d.Errorf(e, "port %q: use a word of letters, digits and _, such as metrics", name)
		case slices.Contains(names, name):
			d.Errorf(e, "port %q is here twice: remove one", name)
		default:
			names = append(names, name)
		}
	})
	return names
}

// preparation is one thing to do before clients come: to ask a member, or to run a
// program.
type preparation struct {
	file    string
	line    int
	ask     *probe // nil for a program
	command []*text
}

// setup is what the templates of a preparation see: the member that is asked, or the
// first one, and where clients find each.
type setup struct {
	*member
	Clients map[string]string
}

// preparation reads one of http, resp or command.
func (d *file) preparation(n *yaml.Node) *preparation {
	p := &preparation{file: d.File, line: n.Line}
	ways, before := 0, len(d.Errs)
	ask := func(read func(*yaml.Node, *probe, bool)) func(*yaml.Node) {
		return func(n *yaml.Node) {
			ways++
			p.ask = &probe{}
			read(n, p.ask, true)
		}
	}
	d.Mapping(n, fields{
		"http": ask(func(n *yaml.Node, p *probe, _ bool) {
			d.httpProbe(n, p, true)
			if !has(n, "status") { // to create something may be answered by any of these
				p.holds[0].status = []int{200, 201, 202, 204}
			}
		}),
		"resp":    ask(d.respProbe),
		"command": func(n *yaml.Node) { ways++; d.templates(&p.command)(n) },
	})
	switch {
	case len(d.Errs) > before:
	case ways != 1:
		d.Errorf(n, "%d things to do: use one of http, resp or command, and a list for several", ways)
	case p.ask == nil && len(p.command) == 0:
		d.Errorf(n, "no command: say what to run, as a list of words")
	}
	return p
}

// has tells whether a mapping has a key.
func has(n *yaml.Node, key string) bool {
	return n.Kind == yaml.MappingNode && slices.ContainsFunc(n.Content, func(e *yaml.Node) bool { return e.Value == key })
}

// texts are the preparation's templates.
func (p *preparation) texts() []*text {
	if p.ask == nil {
		return p.command
	}
	all := p.ask.request.texts()
	if p.ask.address != nil {
		all = append(all, p.ask.address)
	}
	return all
}

// tryPrepare renders what is done before clients come, over one member.
func (c *config) tryPrepare(m *member) error {
	s := &setup{member: m, Clients: make(map[string]string)}
	for _, name := range m.Members {
		s.Clients[name] = m.ClientAddr
	}
	for _, p := range c.prepare {
		for _, t := range p.texts() {
			if _, err := t.render(s); err != nil {
				return err
			}
		}
	}
	return nil
}

// lookUp looks whether all programs are there.
func (d *file) lookUp(c *config, look func(string) (string, error)) {
	for i, m := range samples(c.nodes) {
		_, err := program(c.command[0], &m, look)
		for _, p := range c.prepare {
			if err == nil && i == 0 && p.ask == nil {
				_, err = program(p.command[0], &setup{member: &m}, look)
			}
		}
		if err != nil {
			d.Errs = append(d.Errs, err)
			return
		}
	}
}

// Prepare does what the file says, one after the other: a program is run once, and must
// end with status 0; a request is made of one member after the other, again and again
// until ctx ends, until an answer is as it should be.
func (t *Target) Prepare(ctx context.Context, s target.Setup) error {
	all := make([]*setup, len(s.Members))
	clients := make(map[string]string)
	for i, m := range s.Members {
		v, err := newMember(m)
		if err != nil {
			return err
		}
		if clients[m.Name], err = t.ClientAddress(m); err != nil {
			return err
		}
		all[i] = &setup{member: &v, Clients: clients}
	}
	for _, p := range t.c.prepare {
		say := func(what string) {
			if s.Say != nil {
				s.Say(fmt.Sprintf("%s:%d: %s", p.file, p.line, what))
			}
		}
		var err error
		if p.ask != nil {
			err = t.asked(ctx, p.ask, all, say)
		} else {
			say("its command runs")
			var cmd target.Command
			if cmd, err = command(p.command, all[0], osexec.LookPath); err == nil {
				err = s.Run(ctx, cmd)
			}
		}
		if err != nil {
			return fmt.Errorf("%s:%d: %w", p.file, p.line, err)
		}
	}
	return nil
}

// againAfter is how long a request that nobody granted waits to be made again, and
// askFor how long an answer is waited for.
const (
	againAfter = 100 * time.Millisecond
	askFor     = 5 * time.Second
)

// asked makes a request of one member after the other until one grants it, and says
// what each told last instead. No answer ends that by itself: a member may say 403 or
// 404 until the cluster has a leader, or has loaded whom it knows.
func (t *Target) asked(ctx context.Context, p *probe, all []*setup, say func(string)) error {
	told := make([]string, len(all))
	for {
		for i, m := range all {
			switch a, err := t.askOnce(ctx, p, m); {
			case err == nil && anyHolds(p.holds, a):
				return nil
			case err == nil:
				told[i] = fmt.Sprintf("%s answered %s", m.Name, a)
			case ctx.Err() == nil || told[i] == "": // else it had no time to answer
				told[i] = fmt.Sprintf("%s: %v", m.Name, err)
			}
			each := strings.Join(slices.DeleteFunc(slices.Clone(told), func(s string) bool { return s == "" }), "; ")
			if ctx.Err() != nil {
				return errors.New(each)
			}
			say(each)
		}
		select {
		case <-ctx.Done(): // told by the next question, which has no time
		case <-time.After(againAfter):
		}
	}
}

func (t *Target) askOnce(ctx context.Context, p *probe, m *setup) (*answer, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	at := p.address
	if at == nil {
		at = t.c.client.address
	}
	addr, err := at.render(m)
	if err != nil {
		return nil, err
	}
	c := conn{addr: addr}
	defer c.Close()
	x := c.exchange(ctx, p.request, m)
	return x.answer, x.err
}
