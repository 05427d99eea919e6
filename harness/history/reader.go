package history

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
)

// Reader reads a history, one event at a time, in the order of the file.
type Reader struct {
	name      string
	lines     lines
	close     func() error
	line      int
	truncated bool
	parser    parser
	roll      roll
	slab      Batch // where the events that Next returns are
}

// SyntaxError is a line that is not an event of this format.
type SyntaxError struct {
	File string
	Line int // counted from 1
	Err  error
}

// Error names file and line.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s:%d: %v", e.File, e.Line, e.Err) }

// Unwrap returns what is wrong with the line.
func (e *SyntaxError) Unwrap() error { return e.Err }

// Open opens the history at path, which may be compressed: then its name ends in
// .gz or .zst.
func Open(path string) (*Reader, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	return Of(f)
}

// Of is Open for a file that somebody has opened, which is closed with the reader, or at
// once if there is an error.
func Of(f *os.File) (*Reader, error) {
	in, err := unpacked(f)
	if err != nil {
		return nil, fmt.Errorf("open history: %w", err)
	}
	r := NewReader(f.Name(), in)
	r.close = in.Close
	return r, nil
}

// Read ranges over the events of the history at path, from the first each time that it
// is ranged over. After an error the sequence ends. What is cut short at its end is left
// out.
func Read(path string) iter.Seq2[*Event, error] {
	return ReadBy(func() (*Reader, error) { return Open(path) })
}

// ReadBy is Read of a history that is opened in another way.
func ReadBy(open func() (*Reader, error)) iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		r, err := open()
		if err != nil {
			yield(nil, err)
			return
		}
		defer r.Close()
		r.Events()(yield)
	}
}

// NewReader reads a history from in; name is its name in errors.
func NewReader(name string, in io.Reader) *Reader {
	return &Reader{
		name:   name,
		lines:  newLines(in),
		close:  func() error { return nil },
		parser: newParser(),
		slab:   Batch{size: slabSize},
	}
}

// Close closes the file that Open opened.
func (r *Reader) Close() error { return r.close() }

// Truncated tells, once Next has returned io.EOF, whether the last line was cut
// short and left out, as by a harness that was killed while it wrote.
func (r *Reader) Truncated() bool { return r.truncated }

// Line returns the number of the line that Next read last, counted from 1.
func (r *Reader) Line() int { return r.line }

// Next returns the next event, or io.EOF at the end. Any other error is a
// *SyntaxError or one of the file's; no event follows it. The event is the
// caller's. A few that follow each other share memory, so that one that is kept
// keeps that of its neighbours too.
func (r *Reader) Next() (*Event, error) { return r.next(&r.slab) }

// next reads the next event into the batch.
func (r *Reader) next(into *Batch) (*Event, error) {
	complete := true
	if r.lines.next == r.lines.whole {
		if err := r.lines.more(); err != nil {
			if !errors.Is(err, io.EOF) {
				return nil, fmt.Errorf("read history %s: %w", r.name, err)
			}
			if complete = false; !r.lines.finish() {
				return nil, r.ended()
			}
		}
	}
	r.line++
	e, err := r.parse(into)
	if err == nil {
		return e, nil
	}
	if !complete && r.line > 1 {
		r.truncated = true
		r.line--
		return nil, io.EOF
	}
	return nil, &SyntaxError{r.name, r.line, err}
}

// Events ranges over what is left of the history. After an error the sequence
// ends.
func (r *Reader) Events() iter.Seq2[*Event, error] {
	return func(yield func(*Event, error) bool) {
		for {
			e, err := r.Next()
			if errors.Is(err, io.EOF) {
				return
			}
			if !yield(e, err) || err != nil {
				return
			}
		}
	}
}

// ended returns io.EOF, if there was a line.
func (r *Reader) ended() error {
	if r.line == 0 {
		return &SyntaxError{r.name, 1, errors.New("the history is empty: its first line must be a run event with what \"begin\"")}
	}
	return io.EOF
}

// parse takes the next line.
func (r *Reader) parse(into *Batch) (*Event, error) {
	e, next := r.parser.event(r.lines.b, r.lines.next, into)
	if e == nil {
		line := r.lines.line()
		next = r.lines.next + len(line) + 1
		e = into.event()
		if err := json.Unmarshal(line, e); err != nil {
			r.lines.next = next
			return nil, fmt.Errorf("not an event: %w", err)
		}
		if e.Op != nil {
			if err := e.Op.meant(line); err != nil {
				r.lines.next = next
				return nil, err
			}
		}
	}
	r.lines.next = next
	if want := uint64(r.line - 1); e.Seq != want {
		return nil, fmt.Errorf("event %d where event %d belongs: a line is missing or out of place", e.Seq, want)
	}
	return e, r.validate(e)
}

func (r *Reader) validate(e *Event) error {
	if e.Kind() == "" {
		return errors.New("event has none of run, op, fault, proc, raft, state, claim")
	}
	begin := e.Run != nil && e.Run.What == RunBegin
	switch {
	case r.line == 1 && !begin:
		return errors.New("a history starts with a run event with what \"begin\"")
	case r.line > 1 && begin:
		return errors.New("a second \"begin\": two histories in one file")
	case begin && e.Run.Format > Format:
		return fmt.Errorf("history has format %d, this usurper reads up to %d: use a newer usurper", e.Run.Format, Format)
	case begin && e.Run.Format < 1:
		return errors.New("\"begin\" names no format")
	}
	if e.Op != nil {
		switch e.Op.Type {
		case Invoke, OK, Fail, Info:
		default:
			return fmt.Errorf("operation type %q: use invoke, ok, fail or info", e.Op.Type)
		}
	}
	return r.roll.check(e)
}
