package tap

import (
	"maps"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
)

// Watch is a dialect at work on one cluster: the fabric's Protocol and, of the same
// fabric, what its Observer is told (target.Tap). It decodes once, as it splits.
type Watch struct {
	dialect Dialect
	members []string
	tap     *Assembler // nil: nobody wants to know
	cluster *Cluster
	open    func(dialler, accepter string) (forward, backward Decoder)
}

var (
	_ fabric.Redialer   = (*Watch)(nil)
	_ fabric.Introducer = (*Watch)(nil)
)

// Watch begins to watch a cluster of these members, of which emit is told one event
// at a time. With a nil emit it only splits.
func (d Dialect) Watch(members []string, emit func(history.Raft)) *Watch {
	w := &Watch{dialect: d, members: members}
	if emit != nil {
		w.tap = New(emit, members)
	}
	w.cluster = newCluster(w.tap, d.Main)
	w.open = d.Open(w.cluster)
	return w
}

// Open returns the splitters of a connection.
func (w *Watch) Open(dialler, accepter string) (forward, backward fabric.Splitter) {
	f, b := w.open(dialler, accepter)
	return w.direct(f, fabric.Link{From: dialler, To: accepter}), w.direct(b, fabric.Link{From: accepter, To: dialler})
}

func (w *Watch) direct(decoder Decoder, link fabric.Link) fabric.Splitter {
	d := &direction{watch: w, decoder: decoder, link: link}
	if r, ok := decoder.(Rewriter); ok {
		return &rewriting{direction: d, rewriter: r}
	}
	return d
}

// Redial is the dialect's.
func (w *Watch) Redial() time.Duration { return w.dialect.Redial }

// Lossy returns false: a frame missing from the middle of a stream breaks it.
func (*Watch) Lossy(string) bool { return false }

// Classes lists the classes of frames.
func (w *Watch) Classes() []string {
	out := make([]string, 0, len(w.dialect.Kinds)+len(w.dialect.Classes))
	for _, k := range w.dialect.Kinds {
		out = append(out, string(k))
	}
	for _, c := range w.dialect.Classes {
		if !slices.Contains(out, c) {
			out = append(out, c)
		}
	}
	return out
}

// Frame tells of messages of elections that enter the fabric, and observes how far
// the answers to votes come.
func (w *Watch) Frame(stage fabric.Stage, f fabric.Frame) {
	m, ok := f.Meaning.(*Message)
	switch {
	case !ok || w.tap == nil || stage == fabric.Held:
	case stage == fabric.Sent:
		w.tap.Passes(f.ID, *m)
	default:
		w.tap.Observe(history.Stage(stage), *m)
	}
}

// Hello returns what reads the address by which a dialler introduces itself, nil if none
// does.
func (w *Watch) Hello() func(first []byte) (addr string, more bool, err error) {
	return w.dialect.Hello
}

// Flush tells what was held back to coalesce it.
func (w *Watch) Flush() {
	if w.tap != nil {
		w.tap.Flush()
	}
}

// Wire is what is to be known of how the traffic is read.
func (w *Watch) Wire() *history.Wire { return w.dialect.Wire() }

// Rules lists those of the dialect.
func (w *Watch) Rules() []history.Rule { return w.dialect.Rules }

// Strange returns how often came what the dialect does not know, by what it is.
func (w *Watch) Strange() map[string]uint64 { return w.Heard().Strange }

// Heard returns what was made of the traffic so far.
func (w *Watch) Heard() history.Heard {
	h := history.Heard{Messages: w.cluster.understood.Load(), Aside: w.cluster.port.asides()}
	w.cluster.mu.Lock()
	defer w.cluster.mu.Unlock()
	h.Strange = maps.Clone(w.cluster.strange)
	if w.tap != nil {
		if left := w.tap.Left(); left > 0 {
			h.Strange["a message of more groups or members than are kept apart"] = left
		}
	}
	return h
}

// direction splits one direction of a connection, and observes what it says.
type direction struct {
	watch   *Watch
	decoder Decoder
	link    fabric.Link
	order   Order
	begun   bool    // a frame was found
	heard   bool    // … that says something
	message Message // of the frame at hand
}

var _ fabric.Teller = (*direction)(nil)

// Next implements fabric.Splitter.
func (d *direction) Next(b []byte) (n int, class string, err error) {
	m := &d.message
	*m = Message{}
	n, class, err = d.decoder.Next(b, m)
	if !d.begun && (n == 0 || err != nil) {
		err = d.watch.dialect.beginning(b, err)
	}
	d.begun = d.begun || n > 0
	if n == 0 || err != nil {
		if err != nil {
			d.watch.cluster.port.noted(d.link, err)
		}
		*m = Message{}
		return n, class, err
	}
	if class == "" {
		class = string(m.Kind)
	}
	if m.Kind == "" || d.watch.tap == nil {
		return n, class, nil
	}
	d.watch.cluster.understood.Add(1)
	if !d.heard {
		d.heard = true
		d.watch.cluster.port.says(d.link.From)
	}
	if m.From == "" {
		m.From = d.link.From
	}
	if m.To == "" {
		m.To = d.link.To
	}
	if m.Group != "" {
		m.Group = d.watch.cluster.group(m.Group)
	}
	d.watch.tap.Observe(history.Sent, *m)
	if d.watch.dialect.Ordered && !m.Loose {
		d.order.Sent(d.watch.tap, m)
	}
	return n, class, nil
}

// Told implements fabric.Teller: the message of an election, nil for any other, of
// which nothing is asked once it was sent.
func (d *direction) Told() any {
	if !d.message.Kind.Elects() || d.watch.tap == nil {
		return nil
	}
	m := d.message
	return &m
}

// rewriting is a direction in which some frames are replaced.
type rewriting struct {
	*direction
	rewriter Rewriter
}

var _ interface {
	fabric.Rewriter
	fabric.Teller
} = (*rewriting)(nil)

// Rewrite implements fabric.Rewriter.
func (r *rewriting) Rewrite(frame []byte, reach func(string) (string, bool)) []byte {
	return r.rewriter.Rewrite(frame, reach)
}
