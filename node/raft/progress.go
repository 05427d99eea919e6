package raft

// progress is what a leader knows of one follower, and how it talks to it.
type progress struct {
	id    ID
	state progressState
	match uint64 // highest index known to equal the leader's log
	next  uint64 // next index to send, match < next <= last+1
	// inflight holds the last index of each append that is sent and not
	// acknowledged, ascending. Only in stateReplicate.
	inflight []uint64
	paused   bool // stateProbe: the probe is on its way

	waited int    // ticks without an answer to what is on its way
	silent int    // ticks since the follower was last heard in this term
	round  uint64 // highest read round that it acknowledged
}

// progressState is how a leader sends to a follower.
type progressState uint8

const (
	// stateProbe: one append at a time, until one is accepted.
	stateProbe progressState = iota
	// stateReplicate: appends are pipelined, up to Config.MaxInflight.
	stateReplicate
	// stateSnapshot: a snapshot is on its way, nothing else is sent.
	stateSnapshot
)

// lead prepares p for a leader whose log ends at last.
func (p *progress) lead(last uint64) {
	*p = progress{id: p.id, next: last + 1, inflight: p.inflight[:0]}
}

// probe makes the next append one that starts at next.
func (p *progress) probe(next uint64) {
	p.state, p.paused, p.waited = stateProbe, false, 0
	p.next, p.inflight = max(next, p.match+1), p.inflight[:0]
}

// retry sends again what is overdue. What was pipelined begins again after the
// last match. A probe is repeated; so it is asked, too, whether a snapshot has
// arrived after all.
func (p *progress) retry() {
	if p.state == stateReplicate {
		p.probe(p.match + 1)
	} else {
		p.probe(p.next)
	}
}

// wants tells whether the follower lacks something of a log that ends at last,
// or may lack it: a probe is worth sending even if it carries no entry.
func (p *progress) wants(last uint64) bool {
	return p.next <= last || p.state == stateProbe && p.match < last
}

// sent notes that an append that ends at last is on its way.
func (p *progress) sent(last uint64) {
	if p.state == stateProbe {
		p.paused, p.waited = true, 0
		return
	}
	if len(p.inflight) == 0 {
		p.waited = 0
	}
	p.inflight = append(p.inflight, last)
	p.next = last + 1
}

// acked notes that the follower's log matches up to index.
func (p *progress) acked(index uint64) {
	if index > p.match {
		p.match, p.waited = index, 0
	}
	if p.state != stateReplicate {
		if p.state == stateSnapshot && p.match+1 < p.next {
			return // a late answer to an earlier append
		}
		p.state, p.paused, p.inflight = stateReplicate, false, p.inflight[:0]
		p.next = p.match + 1
		return
	}
	p.next = max(p.next, p.match+1)
	n := 0
	for n < len(p.inflight) && p.inflight[n] <= p.match {
		n++
	}
	p.inflight = append(p.inflight[:0], p.inflight[n:]...)
}

// full tells whether nothing may be sent now.
func (p *progress) full(maxInflight int) bool {
	switch p.state {
	case stateProbe:
		return p.paused
	case stateReplicate:
		return len(p.inflight) >= maxInflight
	}
	return true
}

// overdue tells whether what is on its way must be taken for lost, given that
// the follower is alive: it has just answered a heartbeat.
func (p *progress) overdue(cfg *Config) bool {
	switch p.state {
	case stateProbe:
		return p.paused && p.waited >= cfg.HeartbeatTicks
	case stateReplicate:
		return len(p.inflight) > 0 && p.waited >= 2*cfg.HeartbeatTicks
	}
	return p.waited >= 2*cfg.ElectionTicks
}
