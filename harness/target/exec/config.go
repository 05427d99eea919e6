package exec

import (
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/usurper/usurper/harness/dialect"
	"github.com/usurper/usurper/harness/document"
	"github.com/usurper/usurper/harness/tap"
	"github.com/usurper/usurper/harness/target"
)

// config is a system as its file describes it.
type config struct {
	name       string
	nodes      int
	oneAddress bool
	command    []*text
	env        []named
	files      []named
	election   time.Duration
	heartbeat  time.Duration
	ready      []probe
	within     time.Duration // how long it may take to be ready; 0: the file does not say
	role       *roleSpec
	crashes    []*regexp.Regexp
	asserts    bool
	ports      []string
	peerPorts  []string            // those of ports at which members dial each other
	data       map[string][]string // classes of files that members keep, as patterns
	prepare    []*preparation
	wire       tap.Dialect // zero: nobody decodes what members say to each other
	client     clientSpec
}

// systemName is what a name in reports and run directories may be.
var systemName = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// read reads the file's only document.
func (d *file) read(root *yaml.Node) *config {
	c := &config{nodes: 3, crashes: target.CrashLines()}
	var client, peers *yaml.Node
	d.Mapping(root, fields{
		"name":      d.Text(&c.name),
		"nodes":     d.Number(&c.nodes, 1, 9),
		"addresses": func(n *yaml.Node) { c.oneAddress = d.Word(n, "per-pair", "one") == "one" },
		"command":   d.templates(&c.command),
		"env":       d.namedTemplates(&c.env),
		"files":     d.namedTemplates(&c.files),
		"timers": func(n *yaml.Node) {
			d.Mapping(n, fields{"election": d.Duration(&c.election), "heartbeat": d.Duration(&c.heartbeat)})
			if c.election > 0 && c.heartbeat > 0 && c.election < 2*c.heartbeat {
				d.Errorf(n, "election %s with heartbeats every %s: use an election timeout of at least two heartbeats", c.election, c.heartbeat)
			}
		},
		"ready":      func(n *yaml.Node) { d.ready(n, c) },
		"role":       func(n *yaml.Node) { c.role = d.role(n) },
		"data-files": func(n *yaml.Node) { c.data = d.dataFiles(n) },
		"ports":      func(n *yaml.Node) { c.ports = d.ports(n) },
		"peer-ports": func(n *yaml.Node) { peers, c.peerPorts = n, d.ports(n) },
		"prepare": func(n *yaml.Node) {
			d.List(n, func(e *yaml.Node) { c.prepare = append(c.prepare, d.preparation(e)) })
		},
		"tap":   func(n *yaml.Node) { c.wire = d.dialect(n) },
		"crash": func(n *yaml.Node) { c.crashes = d.crashes(n) },

		"assertions": d.Truth(&c.asserts),
		"client":     func(n *yaml.Node) { client = n; d.client(n, &c.client) },
	})
	for _, name := range c.peerPorts {
		if !slices.Contains(c.ports, name) {
			d.Errorf(peers, "peer port %q: name it under ports too", name)
		}
	}
	if len(c.peerPorts) > 0 && c.oneAddress {
		d.Errorf(peers, "peer-ports with one address for each member: use addresses per-pair")
	}
	for _, f := range c.files {
		if !filepath.IsLocal(f.name) {
			d.Errorf(root, "files: %q: use a path inside the data directory", f.name)
		}
	}
	if c.name == "" || !systemName.MatchString(c.name) {
		d.Errorf(root, "name %q: use small letters, digits and . _ -, as in my-store", c.name)
	}
	if len(c.command) == 0 {
		d.Errorf(root, "no command: say how a member is started, as a list of words")
	}
	if client == nil {
		d.Errorf(root, "no client: say how clients talk to a member, with http or resp")
	}
	c.addresses()
	return c
}

// dialect reads the name of a protocol.
func (d *file) dialect(n *yaml.Node) tap.Dialect {
	name, ok := d.Scalar(n)
	if !ok {
		return tap.Dialect{}
	}
	wire, err := dialect.Named(name)
	if err != nil {
		d.Errorf(n, "tap: %v", err)
	}
	return wire
}

// addresses fills in where members are asked unless the file says otherwise: at
// the address that clients use.
func (c *config) addresses() {
	if c.client.address == nil {
		c.client.address, _ = newText("", &yaml.Node{Kind: yaml.ScalarNode, Value: "{{.ClientAddr}}"})
	}
	if len(c.ready) == 0 {
		c.ready = []probe{{tcp: c.client.address}}
	}
	for i := range c.ready {
		if c.ready[i].address == nil {
			c.ready[i].address = c.client.address
		}
	}
	if c.role != nil && c.role.source.address == nil {
		c.role.source.address = c.client.address
	}
}

// crashes reads the patterns of lines that tell of a crash: besides those that are known
// of runtimes, or, under "only", in their place.
func (d *file) crashes(n *yaml.Node) (all []*regexp.Regexp) {
	read := func(n *yaml.Node) {
		d.List(n, func(e *yaml.Node) {
			var p *regexp.Regexp
			d.Pattern(&p)(e)
			switch {
			case p == nil:
			case target.MatchesAll(p):
				d.Errorf(e, "crash: %q matches every line, also an empty one: say what only a crash prints", p)
			default:
				all = append(all, p)
			}
		})
	}
	if n.Kind == yaml.MappingNode {
		d.Mapping(n, fields{"only": read})
		return all
	}
	read(n)
	return append(all, target.CrashLines()...)
}

// ready reads the probes that all must hold, and how long that may take.
func (d *file) ready(n *yaml.Node, c *config) {
	within := func(n *yaml.Node) {
		if c.within > 0 {
			d.Errorf(n, "within is here twice: remove one")
		}
		d.Duration(&c.within)(n)
	}
	d.List(n, func(e *yaml.Node) {
		if e.Kind == yaml.MappingNode && len(e.Content) == 2 && document.Resolve(e.Content[0]).Value == "within" {
			d.Mapping(e, fields{"within": within})
			return
		}
		if p, ok := d.probe(e, true, fields{"within": within}); ok {
			c.ready = append(c.ready, p)
		}
	})
}

// probe reads a way to ask a member, whether it is ready or what its role is; more
// are fields beside it.
func (d *file) probe(n *yaml.Node, ready bool, more fields) (p probe, ok bool) {
	var ways []string
	way := func(name string, read func(*yaml.Node)) func(*yaml.Node) {
		return func(n *yaml.Node) {
			ways = append(ways, name)
			read(n)
		}
	}
	known := fields{
		"log":  way("log", d.Pattern(&p.log)),
		"http": way("http", func(n *yaml.Node) { d.httpProbe(n, &p, ready) }),
		"resp": way("resp", func(n *yaml.Node) { d.respProbe(n, &p, ready) }),
	}
	if ready {
		known["tcp"] = way("tcp", d.template(&p.tcp))
	}
	maps.Copy(known, more)
	before := len(d.Errs)
	d.Mapping(n, known)
	if len(ways) != 1 && len(d.Errs) == before {
		d.Errorf(n, "%d ways to ask: use one of tcp, http, resp or log", len(ways))
	}
	return p, len(d.Errs) == before
}

// httpProbe reads an HTTP request and, to be ready, the conditions on its
// answer.
func (d *file) httpProbe(n *yaml.Node, p *probe, ready bool) {
	r := &httpRequest{method: "GET"}
	known := d.httpFields(r)
	known["address"] = d.template(&p.address)
	c := condition{}
	if ready {
		for name, read := range d.conditionFields(&c, true) {
			known[name] = read
		}
	}
	d.Mapping(n, known)
	if r.path == nil {
		d.Errorf(n, "no path: say what to ask for, such as /health")
	}
	if len(c.status) == 0 {
		c.status = []int{200}
	}
	p.request, p.holds = r, []condition{c}
}

func (d *file) respProbe(n *yaml.Node, p *probe, ready bool) {
	r := &respRequest{}
	known := fields{"address": d.template(&p.address), "command": d.templates(&r.command)}
	c := condition{}
	if ready {
		for name, read := range d.conditionFields(&c, false) {
			known[name] = read
		}
	}
	d.Mapping(n, known)
	if len(r.command) == 0 {
		d.Errorf(n, "no command: say what to ask, such as [PING]")
	}
	p.request, p.holds = r, []condition{c}
}

// httpFields are the fields of an HTTP request.
func (d *file) httpFields(r *httpRequest) fields {
	return fields{
		"method": func(n *yaml.Node) {
			r.method = d.Word(n, "GET", "PUT", "POST", "DELETE", "PATCH")
		},
		"path": func(n *yaml.Node) {
			d.template(&r.path)(n)
			if r.path != nil && !strings.HasPrefix(r.path.source, "/") {
				d.Errorf(n, "path %q: begin it with /; the address is the member's", r.path.source)
			}
		},
		"headers": d.namedTemplates(&r.headers),
		"body":    d.template(&r.body),
	}
}

// role reads how a member is asked for its role; none is nil.
func (d *file) role(n *yaml.Node) *roleSpec {
	if n.Kind == yaml.ScalarNode && n.Value == "none" {
		return nil
	}
	r := &roleSpec{roles: map[string]string{"leader": "leader", "follower": "follower", "candidate": "candidate"}}
	p, ok := d.probe(n, false, fields{
		"role":   d.extraction(&r.role),
		"term":   d.extraction(&r.term),
		"leader": d.extraction(&r.leader, "called"),
		"atomic": d.Truth(&r.atomic),
		"roles": func(n *yaml.Node) {
			d.Entries(n, func(key, value *yaml.Node) {
				r.roles[strings.ToLower(key.Value)] = d.Word(value, "leader", "follower", "candidate")
			})
		},
	})
	r.source = p
	switch {
	case !ok:
	case p.log != nil && p.log.SubexpIndex("role") < 0:
		d.Errorf(n, "the log pattern has no group (?P<role>…)")
	case p.log != nil && (r.role != nil || r.term != nil):
		d.Errorf(n, "role and term come from the groups of the log pattern: remove the fields")
	case p.log == nil && r.role == nil:
		d.Errorf(n, "no role: say where the answer has it, such as role: {json: role}")
	case r.atomic && p.log != nil && p.log.SubexpIndex("term") < 0:
		d.Errorf(n, "atomic: the log pattern has no group (?P<term>…): one line must have both role and term")
	case r.atomic && p.log == nil && r.term == nil:
		d.Errorf(n, "atomic, but no term: say where the answer has it, such as term: {json: term}")
	}
	return r
}

// try renders every template for members as the harness would lay them out, so
// that a mistake is found before anything is started.
func (d *file) try(c *config) {
	asked := make(map[string]string) // who is asked for its role where
	for _, m := range c.samples() {
		for _, t := range c.memberTexts() {
			if _, err := t.render(&m); err != nil {
				d.Errs = append(d.Errs, err)
				return
			}
		}
		if err := c.client.try(&m); err != nil {
			d.Errs = append(d.Errs, err)
			return
		}
		if err := c.tryPrepare(&m); err != nil {
			d.Errs = append(d.Errs, err)
			return
		}
		if c.role != nil && c.role.leader != nil && c.role.leader.called != nil {
			if _, err := c.role.leader.called.render(who{Name: m.Name}); err != nil {
				d.Errs = append(d.Errs, err)
				return
			}
		}
		if c.role == nil || !c.role.atomic || c.role.source.log != nil {
			continue
		}
		at := c.role.source.address
		addr, _ := at.render(&m) // as above
		if other, taken := asked[addr]; taken {
			d.Errs = append(d.Errs, fmt.Errorf("%s:%d: role: atomic, but %s and %s are both asked at %s, and who answers there is not known: ask each at an address of its own", at.file, at.line, other, m.Name, addr))
			return
		}
		asked[addr] = m.Name
	}
}

// samples are members as the file lets them be.
func (c *config) samples() []member {
	all := samples(c.nodes)
	for i := range all {
		m := &all[i]
		if !c.oneAddress {
			m.advertised = nil
		}
		m.Ports = make(map[string]string)
		for i, name := range c.ports {
			m.Ports[name] = fmt.Sprintf("%s:%d", m.ClientHost, 7710+i)
		}
		m.PeersAt = make(map[string]map[string]string)
		for _, name := range c.peerPorts {
			m.PeersAt[name] = m.Peers
		}
	}
	return all
}

// memberTexts are the templates over a member.
func (c *config) memberTexts() []*text {
	all := append(slices.Clone(c.command), c.client.address)
	for _, n := range slices.Concat(c.env, c.files) {
		all = append(all, n.text)
	}
	probes := slices.Clone(c.ready)
	if c.role != nil {
		probes = append(probes, c.role.source)
	}
	for _, p := range probes {
		if p.tcp != nil {
			all = append(all, p.tcp)
		}
		all = append(all, p.address)
		if p.request != nil {
			all = append(all, p.request.texts()...)
		}
	}
	return all
}
