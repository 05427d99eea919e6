package etcd

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"

	pb "go.etcd.io/etcd/api/v3/etcdserverpb"

	"github.com/usurper/usurper/harness/history"
)

// errOvertaken is why a transaction that found its lists changed did not happen.
var errOvertaken = errors.New("a list of the transaction was written while it was under way")

// ofLists tells whether a transaction has to do with lists.
func ofLists(txn []history.Micro) bool {
	return slices.ContainsFunc(txn, func(m history.Micro) bool {
		return m.F == history.FAppend || m.F == history.FRead
	})
}

// listTxn carries out a transaction that appends to and reads lists. etcd cannot
// append, so that it takes two requests: the first reads all lists of the
// transaction at one revision, the second writes what they are afterwards, if none
// of them has changed, and nothing otherwise: a definite failure. What the
// transaction read is then what the lists were at that instant. One that only reads
// takes the first request alone.
func (c *client) listTxn(ctx context.Context, op *history.Op) error {
	names, appends, err := listsOf(op.Txn)
	if err != nil {
		op.Type = history.Fail
		return err
	}
	lists, err := c.readLists(ctx, names, !appends && c.serializable)
	if err != nil {
		op.Type = history.Fail // nothing but a read was sent
		return fmt.Errorf("read the lists of a transaction: %w", err)
	}
	read := slices.Clone(op.Txn) // what was asked belongs to the caller
	for i := range read {
		read[i] = lists[read[i].Key].do(read[i])
	}
	if appends {
		if err := c.writeLists(ctx, op, names, lists); err != nil || op.Type == history.Fail {
			return err
		}
	}
	op.Txn = read
	return nil
}

// version is a list as it was read, and as the transaction leaves it.
type version struct {
	values   []string
	revision int64
	changed  bool
}

// do carries out one deed.
func (v *version) do(m history.Micro) history.Micro {
	if m.F == history.FRead {
		m.List, m.Saw = slices.Clone(v.values), true
	} else {
		v.values, v.changed = append(v.values, m.Arg), true
	}
	return m
}

// listsOf returns the lists of a transaction, each once, and whether it appends to
// any.
func listsOf(txn []history.Micro) (names []string, appends bool, err error) {
	for _, m := range txn {
		switch m.F {
		case history.FAppend:
			appends = true
		case history.FRead:
		default:
			return nil, false, fmt.Errorf("etcd client: %q in a transaction of lists", m.F)
		}
		if !slices.Contains(names, m.Key) {
			names = append(names, m.Key)
		}
	}
	return names, appends, nil
}

// readLists reads lists at one revision: a member's own if serializable.
func (c *client) readLists(ctx context.Context, names []string, serializable bool) (map[string]*version, error) {
	req := &pb.TxnRequest{}
	for _, name := range names {
		get := &pb.RangeRequest{Key: []byte(name), Serializable: serializable}
		req.Success = append(req.Success, &pb.RequestOp{Request: &pb.RequestOp_RequestRange{RequestRange: get}})
	}
	resp, err := c.kv.Txn(ctx, req)
	switch {
	case err != nil:
		return nil, err
	case !resp.Succeeded || len(resp.Responses) != len(names):
		return nil, errGarbled
	}
	lists := make(map[string]*version, len(names))
	for i, name := range names {
		value, revision, err := only(resp.Responses[i].GetResponseRange(), name)
		if err != nil {
			return nil, err
		}
		lists[name] = &version{values: split(value), revision: revision}
	}
	return lists, nil
}

// writeLists writes the lists that have changed, if all are as they were read.
// Otherwise it sets op to Fail.
func (c *client) writeLists(ctx context.Context, op *history.Op, names []string, lists map[string]*version) error {
	req := &pb.TxnRequest{}
	for _, name := range names {
		v := lists[name]
		req.Compare = append(req.Compare, unchanged(name, v.revision))
		if v.changed {
			put := &pb.PutRequest{Key: []byte(name), Value: []byte(strings.Join(v.values, separator))}
			req.Success = append(req.Success, &pb.RequestOp{Request: &pb.RequestOp_RequestPut{RequestPut: put}})
		}
	}
	if sent, ok := ctx.Value(sending{}).(*atomic.Bool); ok {
		sent.Store(false) // the read does not count
	}
	resp, err := c.kv.Txn(ctx, req)
	switch {
	case err != nil:
		return err
	case !resp.Succeeded && len(resp.Responses) == 0:
		op.Type, op.Saw = history.Fail, true // the member answers: it is no reason to leave it
		return errOvertaken
	case !resp.Succeeded || len(resp.Responses) != len(req.Success):
		return errGarbled
	}
	return nil
}
