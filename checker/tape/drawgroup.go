package tape

import (
	"fmt"
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// DrawGroup makes a history of transactions on two registers, at most so many, whose
// answers are sometimes false. Every value is written once.
func DrawGroup(next Choices, most int) *Tape {
	h := New(history.Run{})
	store := map[string]string{}
	var open []history.Op
	values := 0
	for begun := 0; begun < most || len(open) > 0; {
		if begun < most && (len(open) == 0 || next(2) == 0) {
			begun++
			op := history.Op{Process: begun, Type: history.Invoke, F: history.FTxn}
			for range 2 + next(2) {
				m := history.Micro{F: history.FGet, Key: string(rune('x' + next(2)))}
				if next(2) == 0 && !slices.ContainsFunc(op.Txn, func(o history.Micro) bool { return o.F == history.FPut && o.Key == m.Key }) {
					values++
					m.F, m.Arg = history.FPut, fmt.Sprint(values)
				}
				op.Txn = append(op.Txn, m)
			}
			h.Op(op)
			open = append(open, op)
			continue
		}
		i := next(len(open))
		op := open[i]
		open = slices.Delete(open, i, i+1)
		op.Txn = slices.Clone(op.Txn)
		op.Type = []history.OpType{history.OK, history.OK, history.OK, history.Info, history.Fail}[next(5)]
		for k := range op.Txn {
			m := &op.Txn[k]
			switch {
			case op.Type == history.Fail:
			case m.F == history.FPut:
				store[m.Key] = m.Arg
			case op.Type == history.OK:
				if m.Got, m.Saw = store[m.Key], true; next(8) == 0 {
					m.Got = fmt.Sprint(1 + next(values+1))
				}
			}
		}
		h.Op(op)
	}
	return h
}
