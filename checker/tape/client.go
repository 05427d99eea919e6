package tape

import (
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// Ask begins an operation of the process, on key x unless the operation names one.
func (t *Tape) Ask(process int, op history.Op) {
	op.Process, op.Type = process, history.Invoke
	if op.Key == "" {
		op.Key = "x"
	}
	op.Got, op.Saw, op.List = "", false, nil
	t.Op(op)
}

// Answer completes what the process asked last, with what the operation was told.
func (t *Tape) Answer(process int, outcome history.OpType, op history.Op) {
	op.Process, op.Type = process, outcome
	if op.Key == "" {
		op.Key = "x"
	}
	t.Op(op)
}

// Do is Ask and Answer, with nothing in between.
func (t *Tape) Do(process int, outcome history.OpType, op history.Op) {
	t.Ask(process, op)
	t.Answer(process, outcome, op)
}

// AskTxn is Ask for a transaction in the words of Txn.
func (t *Tape) AskTxn(process int, text string) {
	op := Txn(text)
	for i := range op.Txn {
		op.Txn[i].List, op.Txn[i].Saw = nil, false
	}
	op.Process, op.Type = process, history.Invoke
	t.Op(op)
}

// AnswerTxn is Answer for a transaction in the words of Txn.
func (t *Tape) AnswerTxn(process int, outcome history.OpType, text string) {
	op := Txn(text)
	if outcome != history.OK {
		for i := range op.Txn {
			op.Txn[i].List, op.Txn[i].Saw = nil, false
		}
	}
	op.Process, op.Type = process, outcome
	t.Op(op)
}

// DoTxn is AskTxn and AnswerTxn, with nothing in between.
func (t *Tape) DoTxn(process int, outcome history.OpType, text string) {
	t.AskTxn(process, text)
	t.AnswerTxn(process, outcome, text)
}

// Together is a history of acknowledged transactions that all overlap.
func Together(texts ...string) func() *Tape {
	return func() *Tape {
		h := New(history.Run{})
		for i, text := range texts {
			h.AskTxn(i, text)
		}
		for i, text := range texts {
			h.AnswerTxn(i, history.OK, text)
		}
		return h
	}
}

// InTurn is a history of transactions one after the other. Those whose text
// begins with ? are not answered, those with ! fail.
func InTurn(texts ...string) func() *Tape {
	return func() *Tape {
		h := New(history.Run{})
		for i, text := range texts {
			outcome := history.OK
			switch text[0] {
			case '?':
				outcome = history.Info
			case '!':
				outcome = history.Fail
			}
			h.DoTxn(i, outcome, strings.TrimLeft(text, "?!"))
		}
		return h
	}
}
