package exec

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	osexec "os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/usurper/usurper/harness/document"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
)

// Target is a system that a file describes.
type Target struct {
	target.Opaque // nothing is known of a stranger's system but what its file says, and what it says on the wire

	o Options
	c *config

	mu    sync.Mutex
	heard map[string]*printed // by data directory, which no two members share
}

// Options are the file that a target was made of, for the run directory: Parse
// makes the target again of them, also when the file has changed.
type Options struct {
	Config string `json:"config"` // its path, for errors
	Text   string `json:"text"`
}

var (
	_ target.Target     = (*Target)(nil)
	_ target.Limited    = (*Target)(nil)
	_ target.Idempotent = (*Target)(nil)
	_ target.Listener   = (*Target)(nil)
	_ target.Addressed  = (*Target)(nil)
	_ target.Slow       = (*Target)(nil)
	_ target.Crasher    = (*Target)(nil)
	_ target.Ringed     = (*Target)(nil)
	_ target.LastRead   = (*Target)(nil)
	_ target.Preparer   = (*Target)(nil)
	_ target.Filed      = (*Target)(nil)
)

// maxConfig bounds a file: whatever is longer describes no system.
const maxConfig = 1 << 20

// Load reads the file at path. An error tells everything that is wrong with it,
// each with file and line: fields that do not exist, templates that do not parse
// or fail for a member, a program that is not there.
func Load(path string) (*Target, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read system: %w", err)
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxConfig+1))
	if err != nil {
		return nil, fmt.Errorf("read system: %w", err)
	}
	if len(b) > maxConfig || !utf8.Valid(b) {
		return nil, fmt.Errorf("read system: %s is no text of at most %d KiB: name a YAML file", path, maxConfig>>10)
	}
	return Parse(Options{Config: path, Text: string(b)})
}

// Parse makes a target of a file that has been read.
func Parse(o Options) (*Target, error) {
	read, root, err := document.Read(o.Config, []byte(o.Text))
	if err != nil {
		return nil, fmt.Errorf("%w: describe a system", err)
	}
	d := &file{*read}
	c := d.read(root)
	if len(d.Errs) == 0 {
		d.try(c)
	}
	if len(d.Errs) == 0 {
		d.lookUp(c, osexec.LookPath)
	}
	if err := errors.Join(d.Errs...); err != nil {
		return nil, err
	}
	return &Target{Opaque: target.Opaque{Wire: c.wire}, o: o, c: c, heard: make(map[string]*printed)}, nil
}

// Options returns what the target was made of.
func (t *Target) Options() Options { return t.o }

// Files returns the paths of the files that the command of a member names: its program,
// and what it is given to read, such as a script. Others may matter to the system, too.
func (t *Target) Files() []string {
	cmd, err := t.c.start(&t.c.samples()[0], osexec.LookPath)
	if err != nil {
		return nil
	}
	files := []string{cmd.Path}
	for _, arg := range cmd.Args {
		if info, err := os.Stat(arg); filepath.IsAbs(arg) && err == nil && info.Mode().IsRegular() {
			files = append(files, arg)
		}
	}
	return files
}

// Nodes returns how many members the file asks for.
func (t *Target) Nodes() int { return t.c.nodes }

// Timers returns the system's election timeout and heartbeat interval, 0 where
// the file says nothing.
func (t *Target) Timers() (election, heartbeat time.Duration) { return t.c.election, t.c.heartbeat }

// ReadyWithin returns how long the file gives the system to be ready, 0 if it does not
// say.
func (t *Target) ReadyWithin() time.Duration { return t.c.within }

// ReadLast tells whether the file leaves reads to the end.
func (t *Target) ReadLast() bool { return t.c.client.readLast }

// Ports returns the names of ports in the file.
func (t *Target) Ports() []string { return t.c.ports }

// PeerPorts returns those of them at which members dial each other.
func (t *Target) PeerPorts() []string { return t.c.peerPorts }

// Crashes returns the patterns of the file and of runtimes.
func (t *Target) Crashes() []*regexp.Regexp { return t.c.crashes }

// Name returns the name in the file.
func (t *Target) Name() string { return t.c.name }

// OneAddress tells whether members know each other by one address that all
// share.
func (t *Target) OneAddress() bool { return t.c.oneAddress }

// Ops returns the operations that the file describes.
func (t *Target) Ops() []history.F {
	var ops []history.F
	for _, f := range functionNames() {
		if t.c.client.actions[f] != nil {
			ops = append(ops, f)
		}
	}
	return ops
}

// Idempotent tells whether the file promises that a request id is applied once.
func (t *Target) Idempotent() bool { return t.c.client.idempotent }

// Command writes the member's files and returns its process, which runs in the
// data directory.
func (t *Target) Command(m target.Member) (target.Command, error) {
	v, err := newMember(m)
	if err != nil {
		return target.Command{}, err
	}
	cmd, err := t.c.start(&v, osexec.LookPath)
	if err != nil {
		return target.Command{}, err
	}
	cmd.Dir = v.DataDir
	if path := t.AssertionFile(m); path != "" {
		if path, err = filepath.Abs(path); err != nil {
			return target.Command{}, fmt.Errorf("%s: %w", m.Name, err)
		}
		cmd.Env = append(cmd.Env, target.AssertionVariable+"="+path)
	}
	for _, f := range t.c.files {
		if err := writeFile(v, f); err != nil {
			return target.Command{}, err
		}
	}
	t.hear(m).begin(m.Inc)
	return cmd, nil
}

// AssertionFile is where a process of m writes assertions, if the file says that it does.
func (t *Target) AssertionFile(m target.Member) string {
	if !t.c.asserts {
		return ""
	}
	return target.AssertionPath(m)
}

func writeFile(m member, f named) error {
	text, err := f.text.render(&m)
	if err != nil {
		return err
	}
	path := filepath.Join(m.DataDir, f.name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return fmt.Errorf("%s: write its files: %w", m.Name, err)
	}
	if err := target.Provide(path, []byte(text)); err != nil {
		return fmt.Errorf("%s: write its files: %w", m.Name, err)
	}
	return nil
}

// Printed takes a line that a member printed.
func (t *Target) Printed(m target.Member, line string) {
	var role *regexp.Regexp
	if t.c.role != nil {
		role = t.c.role.source.log
	}
	t.hear(m).line(m.Inc, line, t.c.ready, role)
}

func (t *Target) hear(m target.Member) *printed {
	t.mu.Lock()
	defer t.mu.Unlock()
	p := t.heard[m.DataDir]
	if p == nil {
		p = &printed{}
		t.heard[m.DataDir] = p
	}
	return p
}

// Status tells whether m is ready and, if the file says how to ask, its role.
func (t *Target) Status(ctx context.Context, m target.Member) (target.Status, error) {
	v, err := newMember(m)
	if err != nil {
		return target.Status{}, err
	}
	s, err := t.status(ctx, &v, t.hear(m))
	if err != nil {
		return target.Status{}, fmt.Errorf("status of %s: %w", m.Name, err)
	}
	return s, nil
}

func (t *Target) status(ctx context.Context, m *member, heard *printed) (target.Status, error) {
	for i := range t.c.ready {
		if err := t.c.ready[i].check(ctx, m, heard); err != nil {
			return target.Status{}, err
		}
	}
	r := t.c.role
	if r == nil {
		return target.Status{}, nil
	}
	if r.source.log != nil {
		words, err := heard.words()
		if err != nil {
			return target.Status{}, err
		}
		var called *text
		if r.leader != nil {
			called = r.leader.called
		}
		return r.status(m, words, called)
	}
	a, err := r.source.ask(ctx, m)
	if err != nil {
		return target.Status{}, err
	}
	if !anyHolds(r.source.holds, a) {
		return target.Status{}, fmt.Errorf("role: answered %s", a)
	}
	return r.find(m, a)
}

// Client returns a client of m, which connects when it is first used.
func (t *Target) Client(m target.Member) (workload.Client, error) {
	addr, err := t.ClientAddress(m)
	if err != nil {
		return nil, err
	}
	return t.ClientAt(m, addr)
}

// ClientAddress returns the address in the file, of m.
func (t *Target) ClientAddress(m target.Member) (string, error) {
	v, err := newMember(m)
	if err != nil {
		return "", err
	}
	return t.c.client.address.render(&v)
}

// ClientAt returns a client that reaches m at addr.
func (t *Target) ClientAt(m target.Member, addr string) (workload.Client, error) {
	v, err := newMember(m)
	if err != nil {
		return nil, err
	}
	return &client{spec: &t.c.client, member: v, conn: conn{addr: addr}}, nil
}
