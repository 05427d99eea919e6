package jepsen

import (
	"fmt"
	"strconv"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// The operations of package checker/object, as its checkers know them.
const (
	fLock      history.F = "lock"
	fUnlock    history.F = "unlock"
	fEnqueue   history.F = "enqueue"
	fDequeue   history.F = "dequeue"
	fDrain     history.F = "drain"
	fIncrement history.F = "increment"
	fCount     history.F = "count"
	fTransfer  history.F = "transfer"
	fBalances  history.F = "balances"
)

// object tells whether the model is of something else than registers, sets and lists.
func (m Model) object() bool {
	switch m {
	case Mutex, FencedLock, Queue, FifoQueue, TotalQueue, Counter, Bank, PutAppendGet:
		return true
	}
	return false
}

// asks tells what an invocation asks an object for.
func (c *conversion) asks(e *entry, op *history.Op) error {
	if c.model == PutAppendGet {
		op.Key, op.F = e.key.canonical(), map[string]history.F{":put": history.FPut, ":append": history.FAppend, ":get": history.FGet}[e.f]
		if e.f != ":get" {
			op.Arg = e.value.raw()
		}
		return nil
	}
	key, v, err := c.split(&e.value)
	if err != nil {
		return err
	}
	op.Key = key
	switch e.f {
	case ":acquire":
		op.F = fLock
	case ":release":
		op.F = fUnlock
	case ":enqueue":
		op.F, op.Arg = fEnqueue, v.canonical()
	case ":dequeue":
		op.F = fDequeue
	case ":drain":
		if op.F = fDrain; c.upgrade && c.model == Queue {
			c.model = TotalQueue // as Jepsen drains such queues only
		}
	case ":add":
		if op.F, op.Arg = fIncrement, v.canonical(); v.kind != kindInt {
			return fmt.Errorf("the value of an :add to a counter is %s: it must be a whole number", op.Arg)
		}
	case ":transfer":
		op.F, op.Arg, op.Old = fTransfer, v.member("amount").canonical(), v.member("from").canonical()
		op.List = []string{v.member("to").canonical()}
	case ":read":
		if op.F = fCount; c.model == Bank {
			op.F = fBalances
		}
	}
	return nil
}

// answers adds to an invocation what an object answered.
func (c *conversion) answers(e *entry, op *history.Op) (err error) {
	if c.model == PutAppendGet {
		if op.F == history.FGet {
			op.Got, op.Saw = e.value.raw(), true
		}
		return nil
	}
	v := &e.value
	if tells := op.F == fDequeue || op.F == fDrain || op.F == fCount || op.F == fBalances; tells || c.keyed && v.kind != kindNil {
		var key string
		if key, v, err = c.split(v); err != nil {
			return err
		}
		if key != op.Key {
			return fmt.Errorf("an operation on key %s completes on key %s", op.Key, key)
		}
	}
	switch op.F {
	case fLock:
		c.locked(v, op)
	case fEnqueue, fIncrement:
		if v.kind != kindNil && v.canonical() != op.Arg {
			return fmt.Errorf("a %s completes with the value %s, which is not the one that was invoked", e.f, v.canonical())
		}
	case fDequeue:
		op.Got, op.Saw = v.value(), true
	case fDrain:
		if v.kind != kindNil {
			op.List, err = v.list()
		}
	case fCount:
		if op.Got, op.Saw = v.value(), true; v.kind != kindInt {
			err = fmt.Errorf("an :ok read of a counter returns %s: it must be a whole number", v.canonical())
		}
	case fBalances:
		op.List, err = v.accounts()
	}
	return err
}

// locked notes the token of whoever got the lock: the :fence of a map, or, if the model
// was named, a number that was not there before. 0 is none.
func (c *conversion) locked(v *form, op *history.Op) {
	fence := v.member("fence")
	if v.kind == kindInt && c.model == FencedLock {
		fence = v
	}
	if fence.kind != kindInt || fence.text == "0" || c.model == Mutex && !c.upgrade {
		return
	}
	if op.Got, op.Saw = fence.text, true; c.model == Mutex {
		c.model = FencedLock
	}
}

// raw is the text of a string, and what else a value is as EDN has it.
func (f *form) raw() string {
	if f.kind == kindString {
		return f.text
	}
	return f.value()
}

// member returns what a map has under a name, be it a keyword or a string; nil if it has
// none.
func (f *form) member(name string) *form {
	for f.kind == kindTagged {
		f = &f.items[0]
	}
	if f.kind == kindMap {
		for i := 0; i < len(f.items); i += 2 {
			if k := &f.items[i]; (k.kind == kindKeyword || k.kind == kindString) && k.text == name {
				return &f.items[i+1]
			}
		}
	}
	return new(form)
}

// accounts returns the names and balances of a map in turn; a vector is of the accounts 0,
// 1 and so on. Of one without a balance it is nil.
func (f *form) accounts() ([]string, error) {
	for f.kind == kindTagged {
		f = &f.items[0]
	}
	if f.kind != kindMap && f.kind != kindList {
		return nil, fmt.Errorf("an :ok read of all accounts returns %s: it must be a map or a vector of balances", f.canonical())
	}
	var list []string
	for i := range f.items {
		v := &f.items[i]
		switch {
		case f.kind == kindList:
			list = append(list, strconv.Itoa(i))
		case i%2 == 0:
			list = append(list, v.canonical())
			continue
		}
		if v.kind != kindInt && v.kind != kindNil {
			return nil, fmt.Errorf("an :ok read returns the balance %s of account %s: it must be a whole number", v.canonical(), list[len(list)-1])
		}
		list = append(list, v.canonical())
	}
	return list, nil
}

// texts is the model of a text that is put, appended to, and got.
func texts() checker.Model[string] {
	return checker.Model[string]{
		Name: string(PutAppendGet),
		Ops:  []history.F{history.FPut, history.FAppend, history.FGet},
		Init: func(string) string { return "" },
		Step: func(text string, op *history.Op) []string {
			switch {
			case op.F == history.FPut:
				return []string{op.Arg}
			case op.F == history.FAppend:
				return []string{text + op.Arg}
			case op.Type == history.OK && op.Got != text:
				return nil
			}
			return []string{text}
		},
	}
}
