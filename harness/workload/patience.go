package workload

import "time"

// patience is how long a client waits for an answer. Clients that wait long see
// what comes late; with all of them stuck at a member that cannot answer, nobody
// would ask it while it does harm. So every other client learns how long answers
// take, and waits little longer.
type patience struct {
	least, most time.Duration
	now         time.Duration
}

// usual is how many times the usual time of an answer the impatient wait.
const usual = 8

// newPatience is that of the client with this number, who knows nothing yet.
func newPatience(o *Options, client int) patience {
	p := patience{least: o.Timeout, most: o.Timeout, now: o.Timeout}
	if o.Hurry > 0 && client%2 == 1 {
		p.least = min(o.Hurry, o.Timeout)
	}
	return p
}

// answered learns from an operation that succeeded.
func (p *patience) answered(took time.Duration) { p.set(p.now + (usual*took-p.now)/8) }

// unanswered is more patient the next time: the system may have become slow.
func (p *patience) unanswered() { p.set(2 * p.now) }

func (p *patience) set(d time.Duration) { p.now = max(p.least, min(d, p.most)) }
