package jepsen

import (
	"bufio"
	"fmt"
	"io"
	"iter"
	"slices"
	"strconv"
	"unicode/utf8"

	"github.com/usurper/usurper/harness/history"
)

// Export writes one of usurper's histories as Jepsen's history.edn, one map a
// line, so that Elle, Knossos and [Open] can read it: what clients did to what
// the model has, and the faults as entries of the nemesis. With no model it is
// the only one that survey, of the same history, found; more than one is an
// error.
//
// Values of registers and sets are tuples [key value] of jepsen.independent, and
// a set is read as a vector, which shows what is in it twice. Lists become
// transactions. A delete writes nil. The text of an integer becomes the integer,
// any other a string. What Jepsen has no key for is in :node, :final? and, of a
// cas that failed and told what it saw, :saw.
func Export(out io.Writer, events iter.Seq2[*history.Event, error], survey Survey, m Model) (Exported, error) {
	m, err := survey.choose(m)
	if err != nil {
		return Exported{}, err
	}
	x := &exporter{out: bufio.NewWriterSize(out, 64<<10), model: m, survey: survey, open: make(map[int]history.Op)}
	x.done.Model = m
	for e, err := range events {
		if err != nil {
			return x.done, err
		}
		x.event(e)
	}
	if err := x.out.Flush(); err != nil {
		return x.done, fmt.Errorf("export: %w", err)
	}
	return x.done, nil
}

// Exported is what was written.
type Exported struct {
	Model   Model
	Ops     int64 // invocations
	Faults  int64
	Skipped int64 // invocations of what the model does not have
}

type exporter struct {
	out    *bufio.Writer
	model  Model
	survey Survey
	open   map[int]history.Op // by process
	index  int64
	line   []byte
	done   Exported
}

func (x *exporter) event(e *history.Event) {
	switch {
	case e.Fault != nil:
		x.done.Faults++
		x.begin(e, ":nemesis", string(history.Info), string(e.Fault.What))
		text := e.Fault.Resolved
		if text == "" {
			text = e.Fault.Text
		}
		x.line = append(x.line, quote(text)...)
		x.end()
	case e.Op != nil && e.Op.Type == history.Invoke:
		if !x.has(e.Op) {
			x.done.Skipped++
			return
		}
		x.done.Ops++
		op := *e.Op
		op.Txn = slices.Clone(op.Txn)
		x.open[op.Process] = op
		x.operation(e, &op)
	case e.Op != nil:
		op, ok := x.open[e.Op.Process]
		if !ok {
			return
		}
		delete(x.open, op.Process)
		op.Type, op.Error = e.Op.Type, e.Op.Error
		op.Got, op.Saw, op.List = e.Op.Got, e.Op.Saw, e.Op.List
		if op.Type == history.OK && len(e.Op.Txn) == len(op.Txn) {
			op.Txn = e.Op.Txn
		}
		x.operation(e, &op)
	}
}

// has tells whether the operation is one of the model.
func (x *exporter) has(op *history.Op) bool {
	lists := x.survey.appended
	switch op.F {
	case history.FGet, history.FPut, history.FDelete, history.FCas:
		return x.model == Register || x.model == CasRegister || x.model == MultiRegister
	case history.FAdd:
		return x.model == Set
	case history.FRead:
		return x.model == Set && !lists[op.Key] || x.model == ListAppend && lists[op.Key]
	case history.FAppend:
		return x.model == ListAppend
	case history.FTxn:
		return x.model == ListAppend && len(op.Txn) > 0 && lists[op.Txn[0].Key] ||
			x.model == MultiRegister && len(op.Txn) > 0 && !lists[op.Txn[0].Key]
	}
	return false
}

// begin writes a map up to its value.
func (x *exporter) begin(e *history.Event, process, kind, f string) {
	x.line = append(x.line[:0], "{:index "...)
	x.line = strconv.AppendInt(x.line, x.index, 10)
	x.index++
	x.line = append(x.line, ", :time "...)
	x.line = strconv.AppendInt(x.line, int64(e.At), 10)
	x.line = append(x.line, ", :process "...)
	x.line = append(x.line, process...)
	x.line = append(x.line, ", :type :"...)
	x.line = append(x.line, kind...)
	x.line = append(x.line, ", :f :"...)
	x.line = append(x.line, f...)
	x.line = append(x.line, ", :value "...)
}

func (x *exporter) end() {
	x.line = append(x.line, "}\n"...)
	x.out.Write(x.line) // a failure shows in Flush
}

func (x *exporter) operation(e *history.Event, op *history.Op) {
	f := map[history.F]string{history.FGet: "read", history.FRead: "read", history.FPut: "write", history.FDelete: "write",
		history.FCas: "cas", history.FAdd: "add"}[op.F]
	if x.model.transactional() {
		f = "txn"
	}
	x.begin(e, strconv.Itoa(op.Process), string(op.Type), f)
	if f == "txn" {
		x.transaction(op)
	} else {
		x.line = append(x.line, '[')
		x.text(op.Key)
		x.line = append(x.line, ' ')
		x.single(op)
		x.line = append(x.line, ']')
	}
	if op.F == history.FCas && op.Type == history.Fail && op.Saw {
		x.line = append(x.line, ", :saw "...)
		x.text(op.Got)
	}
	if op.Node != "" {
		x.line = append(x.line, ", :node "...)
		x.line = append(x.line, quote(op.Node)...)
	}
	if op.Final {
		x.line = append(x.line, ", :final? true"...)
	}
	if op.Error != "" {
		x.line = append(x.line, ", :error "...)
		x.line = append(x.line, quote(op.Error)...)
	}
	x.end()
}

// single writes the value of an operation on one key.
func (x *exporter) single(op *history.Op) {
	if op.F != history.FCas {
		x.value(&history.Micro{F: op.F, Arg: op.Arg, Got: op.Got, List: op.List}, op.Type == history.OK)
		return
	}
	x.line = append(x.line, '[')
	x.text(op.Old)
	x.line = append(x.line, ' ')
	x.text(op.Arg)
	x.line = append(x.line, ']')
}

// value writes what is written, or what a read is known to have seen.
func (x *exporter) value(m *history.Micro, known bool) {
	switch {
	case m.F == history.FPut || m.F == history.FAdd || m.F == history.FAppend:
		x.text(m.Arg)
	case m.F == history.FGet && known:
		x.text(m.Got)
	case m.F == history.FRead && known:
		x.values(m.List)
	default: // a delete, or a read that is not known to have happened
		x.line = append(x.line, "nil"...)
	}
}

// transaction writes the micro-operations of a transaction, or the one that a
// single operation is.
func (x *exporter) transaction(op *history.Op) {
	micros := op.Txn
	if op.F != history.FTxn {
		micros = []history.Micro{{F: op.F, Key: op.Key, Arg: op.Arg, Got: op.Got, List: op.List, Saw: op.Type == history.OK}}
	}
	x.line = append(x.line, '[')
	for i := range micros {
		m := &micros[i]
		if i > 0 {
			x.line = append(x.line, ' ')
		}
		name := map[history.F]string{history.FAppend: "[:append ", history.FPut: "[:w ", history.FDelete: "[:w "}[m.F]
		if name == "" {
			name = "[:r "
		}
		x.line = append(x.line, name...)
		x.text(m.Key)
		x.line = append(x.line, ' ')
		x.value(m, op.Type == history.OK && m.Saw)
		x.line = append(x.line, ']')
	}
	x.line = append(x.line, ']')
}

func (x *exporter) values(list []string) {
	x.line = append(x.line, '[')
	for i, v := range list {
		if i > 0 {
			x.line = append(x.line, ' ')
		}
		x.text(v)
	}
	x.line = append(x.line, ']')
}

// text writes a value or a key.
func (x *exporter) text(v string) {
	digits := v
	if len(v) > 1 && v[0] == '-' && v != "-0" {
		digits = v[1:]
	}
	switch {
	case v == "":
		x.line = append(x.line, "nil"...)
	case !utf8.ValidString(v): // EDN has no bytes
		x.line = append(x.line, quote("\ufffd"+strconv.QuoteToASCII(v))...)
	case len(digits) <= 18 && isInt([]byte(digits)) && (digits[0] != '0' || len(v) == 1):
		x.line = append(x.line, v...)
	default:
		x.line = append(x.line, quote(v)...)
	}
}
