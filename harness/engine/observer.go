package engine

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/capture"
	"github.com/usurper/usurper/harness/dialect"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target"
)

// observer joins the target's tap to the fabric and the history.
type observer struct {
	tap      target.Tap
	messages *history.Messages
	record   func(history.Event)
}

// Frame shows the tap a frame, and follows those that it told of.
func (o observer) Frame(stage fabric.Stage, f fabric.Frame) {
	o.tap.Frame(stage, f)
	if stage != fabric.Sent {
		o.messages.Reached(history.Stage(stage), f.ID)
	}
}

// observer returns what watches the frames of decoded links, and settles by which
// protocol they are decoded; nil when the target's traffic
// cannot be, or does not pass the fabric.
func (r *run) observer() fabric.Observer {
	if r.cfg.Direct {
		return nil
	}
	r.protocol = r.cfg.Target.Protocol()
	messages := history.NewMessages(r.rec)
	r.tap = r.cfg.Target.Tap(r.cfg.Names(), func(e history.Raft) {
		if e.What == history.RaftMessage {
			messages.Sent(e)
			return
		}
		r.rec.Record(history.Event{Raft: &e})
	})
	if r.tap == nil {
		return nil
	}
	if p, ok := r.tap.(fabric.Protocol); ok {
		r.protocol = p
	}
	r.messages = messages
	return observer{r.tap, messages, r.rec.Record}
}

// wire returns what is to be known of how the traffic is read, nil if no dialect does.
func (c *Config) wire() *history.Wire {
	if p, ok := c.Target.Protocol().(target.Spoken); ok && c.tapped() {
		return p.Wire()
	}
	return nil
}

// rules returns what the system keeps beside Raft's own rules, by its target's word and by
// that of what its members speak.
func (c *Config) rules() []history.Rule {
	rules := slices.Clone(target.Rules(c.Target))
	if p, ok := c.Target.Protocol().(target.Spoken); ok && c.tapped() {
		rules = append(rules, p.Rules()...)
	}
	return rules
}

// Undecodable records a connection that the tap cannot follow: what is concluded
// from the other frames stays true, but evidence may be missing.
func (o observer) Undecodable(link fabric.Link, err error) {
	if !errors.Is(err, fabric.ErrAside) {
		o.record(untap(link.From, fmt.Sprintf("the tap lost a connection %s: %v%s", link, err, dialect.Explain(err))))
	}
}

func untap(node, text string) history.Event {
	return history.Event{Run: &history.Run{What: history.RunUntap, Node: node, Text: text}}
}

// keep begins the capture of a run that is to have one.
func (r *run) keep(o *fabric.Options) error {
	if r.cfg.Capture == 0 {
		return nil
	}
	about := fmt.Sprintf("seed %d, target %s: %s", r.cfg.Seed, r.cfg.TargetName, strings.Join(r.cfg.Command, " "))
	w, err := capture.Create(r.dir.Path(results.CaptureFile), capture.Options{Nodes: r.cfg.Names(), About: about, Limit: r.cfg.Capture})
	if err != nil {
		return err
	}
	r.capture, r.unfollow = w, w.Follow(r.rec, verdict.Describe)
	o.Capture = w
	return nil
}

// closeCapture ends the capture, and notes what it lacks.
func (r *run) closeCapture() {
	if r.capture == nil {
		return
	}
	r.unfollow()
	if err := r.capture.Close(); err != nil {
		r.note("", err.Error()+": the capture is not whole")
	} else if r.capture.Full() {
		r.note("", fmt.Sprintf("the capture reached its limit of %s, and lacks what came then (--capture=SIZE lets it grow)", humanize.IBytes(uint64(r.cfg.Capture))))
	}
}

// flush lets the tap tell the last it knows, and what it did not understand.
func (r *run) flush() {
	if r.tap == nil {
		return
	}
	r.tap.Flush()
	if d, ok := r.tap.(target.Doubtful); ok {
		for _, doubt := range d.Doubts() {
			r.rec.Record(untap(doubt.Link.From, fmt.Sprintf("the tap could not follow %s: %v%s", doubt.About(), doubt.Err, dialect.Explain(doubt.Err))))
		}
	}
	if h, ok := r.tap.(target.Heard); ok && r.fabric != nil {
		heard := h.Heard()
		heard.Undecoded = r.fabric.Undecoded()
		r.rec.Record(history.Event{Run: &history.Run{What: history.RunHeard, Heard: &heard}})
	}
}

// leadersSize is how many changes of leaders may wait for whom they are told to.
const leadersSize = 16

// leaders tells who leads, each time that it is somebody new or in a later term, until
// the returned function is called.
func (r *run) leaders() (<-chan string, func()) {
	events, cancel := r.rec.Watch(observeSize, func(e *history.Event) bool {
		return e.Raft != nil && e.Raft.What == history.RaftLeader && e.Raft.Group == "" || e.Claim != nil && e.Claim.Leads()
	})
	out := make(chan string, leadersSize)
	done := make(chan struct{})
	go func() {
		defer close(done)
		var last string
		var term uint64
		for e := range events {
			node, of := leaderOf(&e)
			if of < term || of == term && node == last {
				continue
			}
			last, term = node, of
			select {
			case out <- node:
			default: // nobody keeps up
			}
		}
	}()
	return out, func() { cancel(); <-done }
}

// leaderOf returns who leads in which term by an event, 0 if that is not told.
func leaderOf(e *history.Event) (node string, term uint64) {
	if e.Raft != nil {
		return e.Raft.Node, e.Raft.Term
	}
	return e.Claim.Node, e.Claim.Term
}
