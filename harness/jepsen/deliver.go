package jepsen

import (
	"fmt"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// deliver turns a client's entry into an event, and yields it.
func (h *History) deliver(e *entry, yield func(*history.Event, error) bool) error {
	if err := h.nameless(e); err != nil {
		return &InputError{h.name, e.line, e.nth, err}
	}
	p := h.procs[e.process]
	if p == nil {
		p = new(process)
		h.procs[e.process] = p
	}
	var err error
	if e.kind == history.Invoke {
		err = h.invoke(e, p)
	} else {
		err = h.complete(e, p)
	}
	if err != nil {
		return &InputError{h.name, e.line, e.nth, err}
	}
	if e.kind == history.Invoke && h.c.initial != "" && !h.initialize(&p.op, e.at, yield) {
		return errStopped
	}
	if !h.emit(&p.op, e.at, yield) {
		return errStopped
	}
	if e.kind != history.Invoke {
		p.op = history.Op{} // whatever it holds is no longer needed
	}
	return nil
}

func (h *History) invoke(e *entry, p *process) error {
	switch {
	case p.open:
		return fmt.Errorf("process %d invokes an operation while that of line %d is open", e.process, p.line)
	case p.retired:
		return fmt.Errorf("process %d acts again: the :info of line %d was its last", e.process, p.line)
	}
	h.tally.Ops++
	*p = process{open: true, line: e.line, f: e.f}
	p.op = history.Op{Process: e.process, Type: history.Invoke, Node: e.node, Final: e.final}
	return h.c.invoked(e, &p.op)
}

func (h *History) complete(e *entry, p *process) error {
	switch {
	case !p.open && p.line == 0:
		return fmt.Errorf("process %d completes an operation that it never invoked", e.process)
	case !p.open:
		return fmt.Errorf("process %d completes an operation twice: the first time on line %d", e.process, p.line)
	case e.f != p.f:
		return fmt.Errorf("process %d completes %s, but what it invoked on line %d is %s", e.process, e.f, p.line, p.f)
	}
	p.open, p.retired = false, e.kind == history.Info
	p.op.Type, p.op.Error = e.kind, e.err
	invoked := p.line
	p.line = e.line
	if err := h.c.completed(e, &p.op); err != nil {
		return fmt.Errorf("%w (process %d, invoked on line %d)", err, e.process, invoked)
	}
	return nil
}

// initialize writes the initial value of every key that op is the first on, as an
// operation of nobody that is over before op begins.
func (h *History) initialize(op *history.Op, at time.Duration, yield func(*history.Event, error) bool) bool {
	keys := []string{op.Key}
	if op.F == history.FTxn {
		keys = keys[:0]
		for i := range op.Txn {
			keys = append(keys, op.Txn[i].Key)
		}
	}
	for _, key := range keys {
		if h.keys[key] {
			continue
		}
		h.keys[key] = true
		put := history.Op{Process: nobody, Type: history.Invoke, F: history.FPut, Key: key, Arg: h.c.initial, Node: "the start"}
		if h.c.model == Counter {
			put.F = fIncrement
		}
		if op.F == history.FTxn {
			put.F, put.Key, put.Arg = history.FTxn, "", ""
			put.Txn = []history.Micro{{F: history.FPut, Key: key, Arg: h.c.initial}}
		}
		done := put
		done.Type = history.OK
		if !h.emit(&put, at, yield) || !h.emit(&done, at, yield) {
			return false
		}
	}
	return true
}

// nobody is a process that no client is.
const nobody = -1

func (h *History) emit(op *history.Op, at time.Duration, yield func(*history.Event, error) bool) bool {
	h.op = *op
	h.event = history.Event{Seq: h.event.Seq + 1, At: at, Op: &h.op}
	return yield(&h.event, nil)
}
