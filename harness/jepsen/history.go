// Package jepsen reads and writes the histories of Jepsen, so that usurper can
// judge what others recorded, and Elle and Knossos what usurper did.
//
// It reads history.edn, as one vector of maps or one map after another, the same in
// JSON, and the older lines of logs, all of them also compressed by gzip or zstd. A form
// is as Jepsen prints it: a map or a record with :process, :type, :f and :value, maybe
// :time, :index and :error; or as Elle's examples have it (short.go). What else a map has
// is passed over.
//
// An operation means what it means to Jepsen. :ok happened, :fail certainly did
// not, and :info may have or may yet: it stays open to the end, and its process
// never acts again. Processes that are no numbers, such as :nemesis, are passed
// over. A value is its text in EDN; nil is no value: who reads it found nothing
// (Knossos lets a read of nil find anything), and a write that completes with it
// has written what it was invoked with.
//
// Values are equal where Clojure has them equal. One that does not tell what it was
// is not compared but refused: an #object, or bytes that are no UTF-8.
//
// Whatever contradicts this is an error that names the line: the history is not
// judged. Only a file that was cut short at its end is judged up to the cut, and
// [History.Cut] says so.
//
// Read history.go first. Input is reader.go on edn.go or lines.go, whose forms
// (value.go, text.go) convert.go turns into operations, and objects.go those of queues,
// locks and the like; output is survey.go, which looks at what there
// is, and export.go.
package jepsen

import (
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// Options say how to read a history. The zero value guesses what it can.
type Options struct {
	Model Model // none: as the functions of the first operations say
	Keyed Keyed // "" is KeyedAuto
	// Initial is the value that every register has at the start, as EDN. "" is
	// "nil": none.
	Initial string
	// Total is what all accounts of a bank have together; nil: what the first read saw.
	Total *int64
	// NegativeBalances says that accounts may have less than nothing.
	NegativeBalances bool
	// IgnoreTimes takes the order of the file for the only truth about time, and
	// shows line n as n milliseconds.
	IgnoreTimes bool
}

// History is a history of Jepsen's on its way to the checkers. It is used by one
// goroutine, and read once.
type History struct {
	source source
	name   string
	close  func() error
	o      Options
	c      conversion

	guessed bool
	short   bool    // it has completions and no invocations
	alone   *bool   // whether operations have no :process, once that is known
	solo    int     // the process that such an operation is given
	ahead   []entry // read to guess, not yet delivered
	procs   map[int]*process
	keys    map[string]bool // that have their initial value, if there is one
	last    entry           // place and time of the operation read last
	cut     *cutError
	tally   Facts
	event   history.Event
	op      history.Op
}

// process is one of Jepsen's logical processes.
type process struct {
	open    bool
	retired bool // by an :info
	line    int  // of its last invocation, or completion if it is not open
	f       string
	op      history.Op
}

// Facts are what a reader of a verdict wants to know of a history.
type Facts struct {
	Model   Model
	Guessed bool // the operations gave the model away
	Keyed   bool
	Ops     int64 // invocations
	Skipped int64 // entries of the nemesis and of others that are no clients
	Passed  int64 // lines of a log that are no operations
	Timed   bool  // the entries have times
	Short   bool  // no operation has an invocation, so that nothing rests on time
}

// maxAhead bounds how many entries are read to guess what a history is.
const maxAhead = 10_000

// Open opens the history at path and reads as much of it as it takes to guess
// what it is. Errors of the content are [*InputError]s.
func Open(path string, o Options) (*History, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	h, err := New(path, f, o)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	free := h.close
	h.close = func() error { return errors.Join(free(), f.Close()) }
	return h, nil
}

// New is Open for a stream; name is its name in errors.
func New(name string, in io.Reader, o Options) (*History, error) {
	initial, err := parseInitial(o)
	if err != nil {
		return nil, err
	}
	src, free, err := open(name, in)
	if err != nil {
		return nil, err
	}
	h := &History{
		source: src, name: name, close: func() error { free(); return nil }, o: o,
		procs: make(map[int]*process), keys: make(map[string]bool), last: entry{index: -1},
	}
	g := guess{model: o.Model, keyed: o.Keyed}
	if err := h.lookAhead(&g); err != nil {
		return nil, err
	}
	h.guessed = o.Model == ""
	if initial != "" && (g.model == Set || g.model == ListAppend || g.model.object() && g.model != Counter) {
		return nil, fmt.Errorf("%s: an initial value is for registers and counters, and the model is %s", name, g.model)
	}
	if (o.Total != nil || o.NegativeBalances) && g.model != Bank {
		return nil, fmt.Errorf("%s: what is known of accounts is for a bank, and the model is %s", name, g.model)
	}
	h.c = conversion{model: g.model, keyed: g.keyed == KeyedYes && !g.model.transactional(), upgrade: h.guessed, initial: initial,
		total: o.Total, negative: o.NegativeBalances, only: string(g.model)}
	if g.model == CasRegister {
		h.c.only = string(Register)
	}
	return h, nil
}

// parseInitial returns the initial value as the checkers know it.
func parseInitial(o Options) (string, error) {
	if o.Initial == "" {
		return "", nil
	}
	s := newScanner(nil)
	s.reset([]byte(o.Initial), 1)
	v, flaw, err := s.whole()
	if err == nil {
		err = flaw
	}
	if err == nil {
		var more byte
		if more, err = s.space(); err == nil && more != 0 {
			err = errors.New("more than one value")
		}
	}
	if err != nil {
		return "", fmt.Errorf("initial value %q: %w", o.Initial, err)
	}
	return v.value(), nil
}

// lookAhead reads entries until they show what the history is.
func (h *History) lookAhead(g *guess) error {
	invoked, clients := false, false
	for len(h.ahead) < maxAhead && !(g.done() && invoked) {
		e, err := h.source.next()
		if err != nil && !h.ends(err) {
			return err
		}
		if err != nil {
			break
		}
		clients = clients || e.client
		invoked = invoked || e.client && e.kind == history.Invoke
		g.look(e)
		h.ahead = append(h.ahead, *e)
	}
	if clients && !invoked {
		h.short = true
		for _, e := range h.ahead {
			e.kind = history.Invoke
			g.look(&e)
		}
	}
	g.settle()
	h.short = h.short && g.model.transactional()
	return nil
}

// ends tells whether an error is the end of the file, and notes a cut.
func (h *History) ends(err error) bool {
	return errors.As(err, &h.cut) || errors.Is(err, io.EOF)
}

// Close closes the file that Open opened.
func (h *History) Close() error { return h.close() }

// Cut tells, once the events have been read, where the file was cut short, if it
// was: "line 7: …", else "".
func (h *History) Cut() string {
	if h.cut == nil {
		return ""
	}
	return h.cut.Error()
}

// Facts returns what is known of the history. It is complete once the events have
// been read.
func (h *History) Facts() Facts {
	f := h.tally
	f.Model, f.Guessed, f.Keyed, f.Short = h.c.model, h.guessed, h.c.keyed, h.short
	if l, ok := h.source.(*lines); ok {
		f.Passed = l.passed
	}
	return f
}

// Events ranges over the history as usurper's own: a begin, the operations, and
// an end unless the file was cut short. An event and all it points to are valid
// until the next one. After an error, an [*InputError] or one of the file's, the
// sequence ends.
func (h *History) Events() iter.Seq2[*history.Event, error] {
	return func(yield func(*history.Event, error) bool) {
		run := history.Run{What: history.RunBegin, Format: history.Format, Target: "jepsen", Workload: string(h.c.model)}
		h.event = history.Event{Run: &run}
		if !yield(&h.event, nil) {
			return
		}
		if h.short {
			if err := h.invokeAll(yield); err != nil {
				if !errors.Is(err, errStopped) {
					yield(nil, err)
				}
				return
			}
		}
		for {
			e, err := h.next()
			if err != nil && h.ends(err) {
				break
			}
			if err == nil && !e.client {
				h.tally.Skipped++
				continue
			}
			if err == nil {
				err = h.deliver(e, yield)
			}
			if errors.Is(err, errStopped) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
		if h.cut == nil {
			run = history.Run{What: history.RunEnd}
			h.event = history.Event{Seq: h.event.Seq + 1, At: h.event.At, Run: &run}
			yield(&h.event, nil)
		}
	}
}

var errStopped = errors.New("stopped")

// next returns the next entry, with a time that is not before the last one's.
func (h *History) next() (*entry, error) {
	var e *entry
	switch {
	case len(h.ahead) > 0:
		e = &h.ahead[0]
		h.ahead = h.ahead[1:]
	case h.cut != nil:
		return nil, io.EOF
	default:
		var err error
		if e, err = h.source.next(); err != nil {
			return nil, err
		}
	}
	if err := h.inOrder(e); err != nil {
		return nil, &InputError{h.name, e.line, e.nth, err}
	}
	h.last = entry{line: e.line, at: e.at, timed: e.timed || h.last.timed, index: max(e.index, h.last.index)}
	h.tally.Timed = h.last.timed
	return e, nil
}

func (h *History) inOrder(e *entry) error {
	first := h.last.line == 0
	if e.index >= 0 && !first && e.index <= h.last.index {
		return fmt.Errorf(":index %d after :index %d: a form is there twice or out of place", e.index, h.last.index)
	}
	switch {
	case h.o.IgnoreTimes:
		e.timed = false
	case !e.timed && h.last.timed:
		e.at = h.last.at
		return nil
	case e.timed && h.last.timed && e.at < h.last.at:
		return fmt.Errorf("time goes backwards: :time %d after %d on line %d; if the order of the file is right all the same, pass --ignore-times",
			int64(e.at), int64(h.last.at), h.last.line)
	}
	if !e.timed {
		e.at = time.Duration(e.line) * time.Millisecond
	}
	return nil
}
