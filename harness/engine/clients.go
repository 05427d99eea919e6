package engine

import (
	"fmt"

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

// untried tells of operations that arrived and found all clients waiting.
func (r *run) untried(s workload.Stats) {
	if s.Untried > 0 {
		text := fmt.Sprintf("%d of %d operations that arrived were not tried: all %d clients had no answer yet",
			s.Untried, s.Untried+s.Operations(), r.cfg.inFlight())
		r.rec.Record(history.Event{Run: &history.Run{What: history.RunNote, Text: text, Untried: s.Untried}})
	}
}
