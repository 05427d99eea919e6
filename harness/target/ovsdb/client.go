package ovsdb

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/workload"
)

// separator stands between the values of a list, which is one key's value.
const separator = "\n"

// client makes transactions of one member.
//
// A member answers what only reads from what it knows itself, which may be old. So a read
// raises a number as well: such a transaction has to be committed, and is, only if nothing
// came between what it read and its place in the log.
//
// A member that hears nothing of a transaction that it passed on makes it anew, by
// itself, when the first may have been committed: OVSDB promises that a write takes
// effect at least once (ovsdb(7)). So each write leaves a row of its own behind, and
// begins with waiting for there to be none; one that finds it has happened already. The
// row of a client's last write goes with its next.
type client struct {
	conn     conn
	careless string
	durable  bool

	name     string // tells its writes from those of others
	requests int
	settled  string // its last write, of which nobody makes anything anew
}

var _ workload.Client = (*client)(nil)

func newClient(addr string, o Options) (*client, error) {
	return &client{conn: conn{network: "tcp", addr: addr}, careless: o.Careless, durable: o.Durable, name: rand.Text()}, nil
}

// Close closes the connection.
func (c *client) Close() error { return c.conn.Close() }

// Do carries out op. It gives no hint: members pass writes on to their leader.
func (c *client) Do(ctx context.Context, op history.Op) (done history.Op, hint string) {
	done = op
	a, ops := answer{}, []operation(nil)
	switch op.F {
	case history.FGet, history.FRead:
		a = c.read(ctx, op.Key)
		if a.ok() {
			done.Saw = true
			done.Got, done.List = a.value(), append(split(a.value()), a.items()...)
		}
	case history.FPut:
		ops = set(op.Key, op.Arg)
	case history.FDelete:
		ops = set(op.Key, "")
	case history.FCas:
		ops = append(is(op.Key, op.Old), set(op.Key, op.Arg)...)
	case history.FAppend:
		if a = c.look(ctx, op.Key); !a.ok() {
			done.Type, done.Error = history.Fail, fmt.Sprintf("read before append: %v", a.reason())
			return done, "" // nothing but a read was sent
		}
		list := append(split(a.value()), op.Arg)
		ops = append(is(op.Key, a.value()), set(op.Key, strings.Join(list, separator))...)
	case history.FAdd:
		ops = []operation{insert(tableItems, row{"key": op.Key, "value": op.Arg})}
	default:
		done.Type, done.Error = history.Fail, fmt.Sprintf("ovsdb client: operation %q is not one of its own", op.F)
		return done, ""
	}
	if ops != nil {
		a = c.write(ctx, op.F, ops)
	}
	done.Type = outcome(op.F, &a)
	if done.Type != history.OK {
		done.Error = a.reason().Error()
	}
	if op.F == history.FGet {
		done.List = nil
	} else if op.F == history.FRead {
		done.Got = ""
	}
	return done, ""
}

// read reads what is at a key, in a transaction that has to be committed.
func (c *client) read(ctx context.Context, key string) answer {
	if c.careless == localReads {
		return c.look(ctx, key)
	}
	a := c.transact(ctx, at(tableValues, key), at(tableItems, key), operation{
		"op": "mutate", "table": tableTurn, "where": []any{}, "mutations": []any{[]any{"n", "+=", 1}},
	})
	if a.ok() && a.results[len(a.results)-1].Count != 1 {
		a.err = errors.New("it raised no number: nothing had to be committed")
	}
	return a
}

// look reads what the member knows to be at a key, which may be old.
func (c *client) look(ctx context.Context, key string) answer {
	return c.transact(ctx, at(tableValues, key), at(tableItems, key))
}

// write makes a transaction take effect once at most: operations that only wait come
// first.
func (c *client) write(ctx context.Context, f history.F, ops []operation) answer {
	if c.careless == again && f == history.FAdd {
		return c.insist(ctx, ops)
	}
	c.requests++
	request := fmt.Sprintf("%s-%d", c.name, c.requests)
	all := append([]operation{{
		"op": "wait", "table": tableDone, "where": equals("request", request), "columns": []string{"request"},
		"until": "==", "rows": []any{}, "timeout": 0,
	}}, ops...)
	all = append(all, insert(tableDone, row{"request": request}))
	if c.settled != "" {
		all = append(all, operation{"op": "delete", "table": tableDone, "where": equals("request", c.settled)})
	}
	if c.durable {
		all = append(all, operation{"op": "commit", "durable": true})
	}
	a := c.transact(ctx, all...)
	a.guarded = true
	if outcome(f, &a) == history.OK {
		c.settled = request
	} else if c.careless == unanswered && a.sent && a.err != nil {
		a.err, a.results = nil, []*result{}
	}
	return a
}

// insist inserts, and if there is no answer soon inserts again over another connection, as
// a client does that takes no answer for no insert. The first is not taken back: a member
// forgets what it has not passed on once who asked is gone.
func (c *client) insist(ctx context.Context, ops []operation) answer {
	asked := make(chan answer, 1)
	go func() { asked <- transact(ctx, &c.conn, ops) }()
	select {
	case first := <-asked:
		return first
	case <-time.After(impatience):
	}
	another := conn{network: c.conn.network, addr: c.conn.addr}
	defer another.Close()
	second := transact(ctx, &another, ops)
	if first := <-asked; first.ok() || !second.sent {
		return first
	}
	return second
}

// transact makes one transaction.
func (c *client) transact(ctx context.Context, ops ...operation) answer {
	return transact(ctx, &c.conn, ops)
}

func transact(ctx context.Context, over *conn, ops []operation) (a answer) {
	params := []any{database}
	for _, op := range ops {
		params = append(params, op)
	}
	a.sent, a.err = over.call(ctx, "transact", params, &a.results)
	if a.err == nil && a.failed() < 0 && (len(a.results) != len(ops) || slices.Contains(a.results, nil)) {
		a.err = errGarbled
	}
	return a
}

var errGarbled = errors.New("an answer to another question")

// operation is one of a transaction's, and row one that it writes.
type (
	operation = map[string]any
	row       = map[string]any
)

func equals(column string, value any) []any { return []any{[]any{column, "==", value}} }

// at selects what is at a key. It asks for the rows' own ids too: of rows that are alike in
// all columns that are asked for, a select returns one.
func at(table, key string) operation {
	return operation{"op": "select", "table": table, "where": equals("key", key), "columns": []string{"_uuid", "value"}}
}

func insert(table string, r row) operation {
	return operation{"op": "insert", "table": table, "row": r}
}

// is fails at once unless a key has this value, "" for none.
func is(key, value string) []operation {
	rows := []any{}
	if value != "" {
		rows = append(rows, row{"value": value})
	}
	return []operation{{
		"op": "wait", "table": tableValues, "where": equals("key", key), "columns": []string{"value"},
		"until": "==", "rows": rows, "timeout": 0,
	}}
}

// set puts a value at a key, "" for none.
func set(key, value string) []operation {
	ops := []operation{{"op": "delete", "table": tableValues, "where": equals("key", key)}}
	if value != "" {
		ops = append(ops, insert(tableValues, row{"key": key, "value": value}))
	}
	return ops
}

func split(list string) []string {
	if list == "" {
		return nil
	}
	return strings.Split(list, separator)
}
