package tape

import (
	"github.com/anishathalye/porcupine"

	"github.com/usurper/usurper/harness/history"
)

// oracle judges a history by porcupine alone, with none of the reductions.
func Linearizable(events []history.Event) bool {
	operations, model := AsPorcupine(events)
	return porcupine.CheckOperations(model, operations)
}

// in is an operation as porcupine's models are given it: as it was completed, if it
// was. sure says that it has an answer.
type Input struct {
	Op   history.Op
	Sure bool
}

// AsOperations turns a history into porcupine's operations, each with an in.
func AsOperations(events []history.Event) []porcupine.Operation {
	open := make(map[int]int)
	var operations []porcupine.Operation
	for i := range events {
		e := &events[i]
		if e.Op == nil {
			continue
		}
		op := *e.Op
		if op.Type == history.Invoke {
			open[op.Process] = len(operations)
			operations = append(operations, porcupine.Operation{Input: Input{Op: op}, Call: int64(e.Seq), Return: 1 << 40})
			continue
		}
		o := &operations[open[op.Process]]
		o.Input = Input{op, op.Type != history.Info}
		if op.Type != history.Info {
			o.Return = int64(e.Seq)
		}
	}
	return operations
}

// AsPorcupine turns a history of one register into porcupine's.
func AsPorcupine(events []history.Event) ([]porcupine.Operation, porcupine.Model) {
	return AsOperations(events), porcupine.Model{
		Init: func() any { return "" },
		Step: func(state, input, _ any) (bool, any) {
			i := input.(Input)
			v := state.(string)
			switch {
			case i.Op.Type == history.Fail:
				return !i.Op.Saw || i.Op.Got == v && (i.Op.F != history.FCas || i.Op.Old != v), v
			case i.Op.F == history.FGet:
				return !i.Sure || i.Op.Got == v, v
			case i.Op.F == history.FPut:
				return true, i.Op.Arg
			case i.Op.F == history.FDelete:
				return true, ""
			case i.Op.Old == v:
				return true, i.Op.Arg
			}
			return !i.Sure, v
		},
	}
}
