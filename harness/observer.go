package harness

import (
	"fmt"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// observer joins the target's tap to the fabric and the history.
type observer struct {
	target.Tap
	record func(history.Event)
}

// observer returns what watches the frames of decoded links, and settles by which
// protocol they are decoded; nil when the target's traffic
// cannot be, or does not pass the fabric.
func (r *run) observer() fabric.Observer {
	if r.cfg.Direct {
		return nil
	}
	r.protocol = r.cfg.Target.Protocol()
	r.tap = r.cfg.Target.Tap(r.cfg.Names(), func(e history.Raft) {
		r.rec.Record(history.Event{Raft: &e})
	})
	if r.tap == nil {
		return nil
	}
	if p, ok := r.tap.(fabric.Protocol); ok {
		r.protocol = p
	}
	return observer{r.tap, r.rec.Record}
}

// Undecodable records a connection that the tap cannot follow: what is concluded
// from the other frames stays true, but evidence may be missing.
func (o observer) Undecodable(link fabric.Link, err error) {
	o.record(history.Event{Run: &history.Run{
		What: history.RunUntap,
		Node: link.From,
		Text: fmt.Sprintf("the tap lost a connection %s: %v", link, err),
	}})
}
