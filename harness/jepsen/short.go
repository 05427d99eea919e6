package jepsen

import (
	"errors"
	"fmt"

	"github.com/usurper/usurper/harness/history"
)

// Elle's examples are short: an operation may lack its :process, its :f, which is
// :txn, and its invocation.

// nameless gives an operation without :process one. That is possible as long as no two
// of them are open at once.
func (h *History) nameless(e *entry) error {
	if h.short {
		return nil
	}
	if h.alone == nil {
		alone := e.alone
		h.alone = &alone
	}
	switch {
	case *h.alone != e.alone:
		return errors.New("an operation without :process, where others have one")
	case !e.alone:
		return nil
	}
	if p := h.procs[h.solo]; p != nil && e.kind == history.Invoke {
		if p.open {
			return fmt.Errorf("an operation without :process begins while that of line %d is open: nobody knows which of them completes", p.line)
		}
		if p.retired {
			h.solo++
		}
	}
	e.process = h.solo
	return nil
}

// invokeAll invokes all operations of a history that has completions only, before the
// first of them completes: nothing tells when they began, so nothing is held against
// them that rests on time. Each has a process of its own.
func (h *History) invokeAll(yield func(*history.Event, error) bool) error {
	for {
		e, err := h.source.next()
		if err != nil && !h.ends(err) {
			return err
		}
		if err != nil {
			break
		}
		h.ahead = append(h.ahead, *e)
	}
	n := 0
	for i := range h.ahead {
		e := &h.ahead[i]
		if !e.client {
			continue
		}
		if e.kind == history.Invoke {
			return &InputError{h.name, e.line, e.nth, fmt.Errorf("an invocation, after %d completions without one", n)}
		}
		e.process = n
		n++
		begin := *e
		begin.kind, begin.at, begin.err = history.Invoke, 0, ""
		if err := h.deliver(&begin, yield); err != nil {
			return err
		}
	}
	return nil
}
