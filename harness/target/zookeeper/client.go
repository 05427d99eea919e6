package zookeeper

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-zookeeper/zk"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/workload"
)

// Where things are: values below valuesAt, lists and sets as children of a znode below
// listsAt. A znode below birthsAt changes whenever the value of its name is created or
// deleted, since versions of a znode begin anew with it.
const (
	valuesAt = "/values"
	birthsAt = "/births"
	listsAt  = "/lists"
	fenceAt  = "/fence"
)

// reads is how a client reads.
type reads int

const (
	linearizable reads = iota // after a write of its own
	afterSync
	plain
)

// attempts bounds how often a put looks whether there is something to set or to create;
// only answers that say that nothing happened lead to another one.
const attempts = 5

// client is go-zookeeper's, held to one member, one session at a time, and one connection a
// session. Every request is sent once.
//
// A read is made linearizable by a write of the client's own before it: the member that
// answers has then carried out all that was committed before the read began. A sync
// promises less, see Options.SyncReads.
type client struct {
	addr    string
	reads   reads
	session *session
	old     []*session // have ended, and are to be waited for
}

func newClient(addr string, r reads) *client { return &client{addr: addr, reads: r} }

var _ workload.Client = (*client)(nil)

// Do carries out op. It gives no hint: members pass writes on to their leader.
func (c *client) Do(ctx context.Context, op history.Op) (done history.Op, hint string) {
	done = op
	s, err := c.connected(ctx)
	if err != nil {
		done.Type, done.Error = history.Fail, err.Error() // nothing was sent
		return done, ""
	}
	defer context.AfterFunc(ctx, func() { s.end(nil) })()
	r := &request{session: s}
	done.Type = history.Invoke
	err = c.do(r, &done)
	if done.Type == history.Invoke {
		done.Type = outcome(op.F, r.sent(), err)
	}
	if err != nil {
		done.Error = err.Error()
		if ctx.Err() != nil {
			done.Error = fmt.Sprintf("%v: %v", context.Cause(ctx), err)
		}
	}
	return done, ""
}

// Close ends the session.
func (c *client) Close() error {
	if c.session != nil {
		c.session.close()
	}
	for _, s := range c.old {
		s.close()
	}
	return nil
}

// connected returns a session that may be used.
func (c *client) connected(ctx context.Context) (*session, error) {
	if c.session != nil && c.session.over() {
		c.old = append(slices.DeleteFunc(c.old, (*session).stopped), c.session)
		c.session = nil
	}
	if c.session == nil {
		s, err := begin(c.addr)
		if err != nil {
			return nil, err
		}
		c.session = s
	}
	return c.session, c.session.await(ctx)
}

// prepare makes the znodes that others are below.
func (c *client) prepare(ctx context.Context) error {
	s, err := c.connected(ctx)
	if err != nil {
		return err
	}
	defer context.AfterFunc(ctx, func() { s.end(nil) })()
	for _, path := range []string{valuesAt, birthsAt, listsAt, fenceAt} {
		if err := create(s, path); err != nil {
			return fmt.Errorf("create %s: %w", path, err)
		}
	}
	return nil
}

// request is one operation under way. What it sends before its last request that may
// change anything does not count as sent.
type request struct {
	*session
	before int
}

// counts says that what is sent from now on may have changed something.
func (r *request) counts() { r.before = r.wire.requests() }

func (r *request) sent() bool { return r.wire.requests() > r.before }

// do sends the requests and sets in op what they showed. It sets op's type where that
// does not follow from the error.
func (c *client) do(r *request, op *history.Op) error {
	r.counts()
	switch op.F {
	case history.FGet:
		return c.get(r, op)
	case history.FRead:
		return c.read(r, op)
	case history.FPut:
		return put(r, op.Key, op.Arg)
	case history.FDelete:
		return remove(r, op.Key)
	case history.FCas:
		return cas(r, op)
	case history.FAdd, history.FAppend:
		return add(r, op.Key, op.Arg)
	}
	op.Type = history.Fail
	return fmt.Errorf("zookeeper client: operation %q is not one of its own", op.F)
}

func pathOf(above, key string) string { return above + "/" + url.PathEscape(key) }

// fence makes what is read after it as new as was asked for.
func (c *client) fence(r *request, path string) error {
	var err error
	switch c.reads {
	case linearizable:
		_, err = r.lib.Set(fenceAt, nil, -1)
	case afterSync:
		_, err = r.lib.Sync(path)
	}
	return err
}

func (c *client) get(r *request, op *history.Op) error {
	path := pathOf(valuesAt, op.Key)
	if err := c.fence(r, path); err != nil {
		return fmt.Errorf("before the read: %w", err)
	}
	value, _, err := r.lib.Get(path)
	if err != nil && !errors.Is(err, zk.ErrNoNode) {
		return err
	}
	op.Got, op.Saw = string(value), true
	return nil
}

// read returns the elements of a list in the order in which they were added.
func (c *client) read(r *request, op *history.Op) error {
	path := pathOf(listsAt, op.Key)
	if err := c.fence(r, path); err != nil {
		return fmt.Errorf("before the read: %w", err)
	}
	names, _, err := r.lib.Children(path)
	if err != nil && !errors.Is(err, zk.ErrNoNode) {
		return err
	}
	list, err := elements(names)
	op.List, op.Saw = list, err == nil
	return err
}

// elements returns what children of a list are named after, in their order.
func elements(names []string) ([]string, error) {
	type element struct {
		value string
		place int
	}
	all := make([]element, 0, len(names))
	for _, name := range names {
		at := strings.LastIndexByte(name, '-')
		if at < 0 {
			return nil, fmt.Errorf("a list has a child called %.60q", name)
		}
		place, err := strconv.Atoi(name[at+1:])
		value, unescaped := url.PathUnescape(name[:at])
		if err = errors.Join(err, unescaped); err != nil {
			return nil, fmt.Errorf("a list has a child called %.60q: %w", name, err)
		}
		all = append(all, element{value, place})
	}
	slices.SortFunc(all, func(a, b element) int { return cmp.Compare(a.place, b.place) })
	var list []string
	for _, e := range all {
		list = append(list, e.value)
	}
	return list, nil
}

// create makes a znode unless there is one.
func create(s *session, path string) error {
	_, err := s.lib.Create(path, nil, 0, zk.WorldACL(zk.PermAll))
	if errors.Is(err, zk.ErrNodeExists) {
		return nil
	}
	return err
}
