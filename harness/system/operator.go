package system

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/nemesis"
)

// operator does to the cluster what administrators do, through its target.
type operator struct {
	cluster  *cluster.Cluster
	target   target.Target
	record   func(history.Event)
	consoles map[string]target.Console // by member; nil where operators connect as they act

	turn chan struct{} // holds who changes the membership; guards what follows
	away map[string]*absence
	seq  uint64 // of the events about it
}

// absence is what is known of a member that was to be removed and is to return.
type absence struct {
	doubtful bool     // it may not have been removed
	told     bool     // that it is to come back
	joins    []string // who it joins; nil until a new one is admitted
	started  bool     // the new one
}

func newOperator(c *cluster.Cluster, t target.Target, record func(history.Event)) *operator {
	return &operator{cluster: c, target: t, record: record, turn: make(chan struct{}, 1), away: make(map[string]*absence)}
}

// Operate implements nemesis.System.
func (o *operator) Operate(ctx context.Context, node, operation string, args ...string) (map[string]int64, error) {
	var evidence map[string]int64
	var err error
	switch operation {
	case nemesis.OpRemove, nemesis.OpAdd:
		evidence, err = o.member(ctx, node, operation)
	case nemesis.OpArm:
		evidence, err = o.arm(ctx, node, args)
	case nemesis.OpDisarm:
		evidence, err = o.disarm(ctx, node, args)
	default:
		evidence, err = o.operate(ctx, node, operation, args)
	}
	switch {
	case errors.Is(err, target.ErrUnsupported):
		err = means(err, nemesis.ErrUnsupported)
	case errors.Is(err, target.ErrRefused), errors.Is(err, target.ErrUnreached):
		err = means(err, nemesis.ErrRefused)
	case errors.Is(err, target.ErrStruck):
		err = means(err, nemesis.ErrStruck)
	}
	return evidence, err
}

func (o *operator) operate(ctx context.Context, node, operation string, args []string) (map[string]int64, error) {
	t, ok := o.target.(target.Operator)
	if !ok {
		return nil, fmt.Errorf("%s: %w", o.target.Name(), target.ErrUnsupported)
	}
	if c := o.consoles[node]; c != nil {
		return c.Operate(ctx, operation, args...)
	}
	m, err := o.cluster.Member(node)
	if err != nil {
		return nil, err
	}
	return t.Operate(ctx, m, operation, args...)
}

// attend connects administrators to all members, as far as the target has them wait
// there.
func (o *operator) attend() error {
	t, ok := o.target.(target.Attended)
	if !ok {
		return nil
	}
	o.consoles = make(map[string]target.Console)
	for _, name := range o.cluster.Names() {
		m, err := o.cluster.Member(name)
		if err != nil {
			return err
		}
		if o.consoles[name], err = t.Attend(m); err != nil {
			return fmt.Errorf("connect an operator to %s: %w", name, err)
		}
	}
	return nil
}

// Close ends the administrators' connections.
func (o *operator) Close() error {
	var errs []error
	for _, c := range o.consoles {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	return errors.Join(errs...)
}

// arm sets a failpoint. One that kills the process excuses it before.
func (o *operator) arm(ctx context.Context, node string, args []string) (map[string]int64, error) {
	kills := len(args) == 2 && args[1] == "panic"
	if kills {
		o.cluster.Excuse(node, true)
	}
	evidence, err := o.operate(ctx, node, nemesis.OpArm, args)
	if kills && (errors.Is(err, target.ErrUnsupported) || errors.Is(err, target.ErrRefused) || errors.Is(err, target.ErrUnreached)) {
		o.cluster.Excuse(node, false)
	}
	return evidence, err
}

func (o *operator) disarm(ctx context.Context, node string, args []string) (map[string]int64, error) {
	evidence, err := o.operate(ctx, node, nemesis.OpDisarm, args)
	if err != nil && !o.runs(node) {
		return nil, means(err, nemesis.ErrGone)
	}
	if err == nil {
		o.cluster.Excuse(node, false)
	}
	return evidence, err
}

func (o *operator) runs(node string) bool { return len(o.cluster.Pids()[node]) > 0 }

// member changes the membership, one change at a time.
func (o *operator) member(ctx context.Context, node, operation string) (map[string]int64, error) {
	t, ok := o.target.(target.Membership)
	if !ok {
		return nil, fmt.Errorf("%s: %w", o.target.Name(), target.ErrUnsupported)
	}
	select {
	case o.turn <- struct{}{}:
	case <-ctx.Done():
		return nil, means(context.Cause(ctx), nemesis.ErrRefused)
	}
	defer func() { <-o.turn }()
	m, err := o.cluster.Member(node)
	if err != nil {
		return nil, err
	}
	others, err := o.others(node)
	if err != nil {
		return nil, err
	}
	if operation == nemesis.OpRemove {
		return o.remove(ctx, t, m, others)
	}
	return o.add(ctx, t, m, others)
}

// others returns the members besides node that can be asked.
func (o *operator) others(node string) ([]target.Member, error) {
	var others []target.Member
	for _, name := range o.cluster.Names() {
		if name == node || o.away[name] != nil || !o.runs(name) {
			continue
		}
		m, err := o.cluster.Member(name)
		if err != nil {
			return nil, err
		}
		others = append(others, m)
	}
	if len(others) == 0 {
		return nil, fmt.Errorf("no other member runs: %w", target.ErrRefused)
	}
	return others, nil
}

func (o *operator) remove(ctx context.Context, t target.Membership, m target.Member, others []target.Member) (map[string]int64, error) {
	for _, name := range slices.Sorted(maps.Keys(o.away)) {
		if o.away[name].doubtful {
			return nil, fmt.Errorf("%w: whether %s is a member is not known", target.ErrRefused, name)
		}
	}
	o.configured(m.Name, 0)
	o.cluster.Excuse(m.Name, true)
	evidence, err := t.Remove(ctx, m, others)
	switch {
	case err == nil:
		o.away[m.Name] = &absence{}
	case errors.Is(err, target.ErrRefused) || errors.Is(err, target.ErrUnsupported):
		o.cluster.Excuse(m.Name, false)
	default:
		o.away[m.Name] = &absence{doubtful: true}
	}
	return evidence, err
}

// configured writes down who may decide once node has left, or, with its next
// process, come back.
func (o *operator) configured(node string, inc uint64) {
	var voters []string
	for _, name := range o.cluster.Names() {
		if name == node && inc > 0 || name != node && o.away[name] == nil {
			voters = append(voters, name)
		}
	}
	o.seq++
	o.record(history.Event{Raft: &history.Raft{
		Source: history.Harness, Seq: o.seq, What: history.RaftConfig, Node: node, Inc: inc, Voters: voters,
	}})
}

// add brings a member back, going on where an attempt before it failed.
func (o *operator) add(ctx context.Context, t target.Membership, m target.Member, others []target.Member) (map[string]int64, error) {
	gone := o.away[m.Name]
	if gone == nil {
		return nil, fmt.Errorf("%s %w", m.Name, errors.New("is a member"))
	}
	evidence := map[string]int64{"added": 1}
	if gone.joins == nil {
		belongs, err := t.Belongs(ctx, m, others)
		if err != nil {
			return nil, err
		}
		if belongs {
			return nil, o.stay(ctx, m.Name)
		}
		if !gone.told {
			gone.told = true
			o.configured(m.Name, m.Inc+1)
		}
		joins, admitted, err := t.Add(ctx, m, others)
		if err != nil {
			return nil, err
		}
		gone.joins, gone.doubtful = joins, false
		maps.Copy(evidence, admitted)
	}
	if err := o.join(ctx, m.Name, gone); err != nil {
		return nil, err
	}
	delete(o.away, m.Name)
	return evidence, o.cluster.Excuse(m.Name, false)
}

// stay lets a member that was not removed go on.
func (o *operator) stay(ctx context.Context, node string) error {
	if !o.runs(node) {
		if err := o.cluster.Start(ctx, node); err != nil && !errors.Is(err, cluster.ErrUp) {
			return err
		}
	}
	delete(o.away, node)
	return o.cluster.Excuse(node, false)
}

// join starts the new member, once with no data, and waits until it is ready. From
// then on it has promises to keep: it is not emptied a second time.
func (o *operator) join(ctx context.Context, node string, gone *absence) error {
	switch {
	case !gone.started:
		if _, err := o.cluster.Kill(ctx, node); err != nil && !errors.Is(err, cluster.ErrDown) {
			return err
		}
		if err := o.cluster.Join(ctx, node, gone.joins); err != nil {
			return err
		}
		gone.started = true
	case !o.runs(node):
		if err := o.cluster.Start(ctx, node); err != nil && !errors.Is(err, cluster.ErrUp) {
			return err
		}
	}
	m, err := o.cluster.Member(node)
	if err != nil {
		return err
	}
	for {
		_, err := o.target.Status(ctx, m)
		if err == nil {
			return nil
		}
		if !o.runs(node) {
			return fmt.Errorf("the new %s ended by itself", node)
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			return fmt.Errorf("the new %s does not get ready: %w", node, err)
		}
	}
}

// meaning is an error that stands for another one, and does not say so.
type meaning struct {
	error
	is error
}

func means(err, is error) error { return meaning{err, is} }

func (m meaning) Is(target error) bool { return target == m.is }
func (m meaning) Unwrap() error        { return m.error }
