package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
)

func (r *run) workload() workload.Options {
	return workload.Options{
		Nodes:    r.cluster.Names(),
		Dial:     r.dial,
		Record:   r.recordOp,
		Clients:  r.cfg.Clients,
		InFlight: r.cfg.inFlight(),
		Rate:     r.cfg.Rate,
		Seed:     r.cfg.Seed,
		Timeout:  r.cfg.Timeout,
		Hurry:    r.cfg.Election,
		Resend:   r.cfg.Resend,
		Lull:     &r.lull,
	}
}

// recordOp records what a client does, and tells those who wait for what it was told.
func (r *run) recordOp(e history.Event) {
	r.rec.Record(e)
	if e.Op == nil || e.Op.Type != history.OK {
		return
	}
	r.serving.Do(func() { close(r.served) })
	if workload.Writes(e.Op.F) {
		r.view.Acknowledged(e.Op.Node)
	}
}

// dial returns a client of a member, through its door if it has one.
func (r *run) dial(node string) (workload.Client, error) {
	m, err := r.cluster.Member(node)
	if err != nil {
		return nil, err
	}
	var c workload.Client
	if door, ok := r.doors[node]; ok {
		c, err = target.ClientAt(r.cfg.Target, m, door)
	} else {
		c, err = r.cfg.Target.Client(m)
	}
	switch {
	case err != nil:
	case r.cfg.ValueSize > 0:
		c = workload.Padded(c, r.cfg.ValueSize)
	case r.cfg.varies():
		c = workload.Varied(c)
	}
	return c, err
}

// atWork waits until clients have worked undisturbed for a while, and one of them with
// success, before the first fault: on a busy machine that may take long, and a fault that
// comes before would meet a system that has not begun. A system that serves nobody is attacked
// all the same, once it has had the time that it has to be ready; so is one that no client
// asks any more.
func (r *run) atWork(ctx context.Context, over <-chan struct{}) {
	began := r.rec.Now()
	sleep(ctx, min(r.cfg.Election, 500*time.Millisecond))
	limit := max(r.calm(), r.readyTimeout())
	ctx, cancel := context.WithTimeout(ctx, limit-(r.rec.Now()-began))
	defer cancel()
	select {
	case <-r.served:
	case <-over:
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			r.note("", fmt.Sprintf("no operation succeeded within %s: the faults begin all the same", limit))
		}
	}
}

// calm is how long they do after the last one, so that a history shows that the system
// has got over it.
func (r *run) calm() time.Duration { return max(500*time.Millisecond, 2*r.cfg.Election) }

// untried tells of operations that arrived and found all clients waiting.
func (r *run) untried(s workload.Stats) {
	if s.Untried > 0 {
		text := fmt.Sprintf("%d of %s that arrived %s not tried: all clients, %d, had no answer yet",
			s.Untried, count.Many(s.Untried+s.Operations(), "operation"), count.Word(s.Untried, "was", "were"), r.cfg.inFlight())
		r.rec.Record(history.Event{Run: &history.Run{What: history.RunNote, Text: text, Untried: s.Untried}})
	}
}
