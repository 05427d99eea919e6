package coverage

import (
	"time"

	"github.com/usurper/usurper/harness/history"
)

// role returns what a member is just now.
func (w *watch) role(i int) Role {
	m := &w.members[i]
	switch {
	case m.gone:
		return Down
	case m.leads > 0 && m.leads >= w.led:
		return Leader
	case m.leads > 0:
		return Deposed
	case m.fresh || m.learner:
		return Joining
	case m.stands > 0:
		return Candidate
	case m.voted > w.led:
		return Voter
	case w.lags(m):
		return Lagging
	case m.told:
		return Follower
	}
	return UnknownRole
}

// lags tells whether a member that runs lacks what was known committed a while ago.
func (w *watch) lags(m *member) bool {
	return m.placed && !m.gone && m.leads == 0 && m.last < w.past()
}

// leader returns the number of who leads the latest term that was led; -1 for nobody.
func (w *watch) leader() int {
	for i := range w.members {
		if m := &w.members[i]; m.leads > 0 && m.leads >= w.led {
			return i
		}
	}
	return -1
}

// phase returns what the cluster is at.
func (w *watch) phase() Phase {
	if w.healed {
		return Final
	}
	if w.changing() {
		return Membership
	}
	lead := w.leader()
	lagging := false
	for i := range w.members {
		m := &w.members[i]
		if w.lags(m) {
			lagging = true
			if w.unhelped(m, lead) {
				return Snapshot
			}
		}
	}
	switch {
	case w.tells&tellLeaders == 0:
		return UnknownPhase
	case lead < 0 || w.electing():
		return Election
	case lagging:
		return CatchingUp
	}
	return Steady
}

// changing tells whether the membership is about to change.
func (w *watch) changing() bool {
	if w.joint {
		return true
	}
	for i := range w.members {
		if w.members[i].fresh || w.members[i].learner {
			return true
		}
	}
	for _, s := range w.open {
		if changesMembers(s.kind) {
			return true
		}
	}
	return false
}

// electing tells whether somebody stands, or has voted, for a term later than any led.
func (w *watch) electing() bool {
	for i := range w.members {
		if m := &w.members[i]; !m.gone && max(m.stands, m.voted) > w.led {
			return true
		}
	}
	return false
}

// unhelped tells whether only a snapshot helps a member that lags.
func (w *watch) unhelped(m *member, lead int) bool {
	return lead >= 0 && w.lags(m) && m.last < w.members[lead].compacted
}

// front is how far the log was known committed at a time.
type front struct {
	at    time.Duration
	index uint64
}

// committed notes how far the log is known committed.
func (w *watch) committed(r *history.Raft) {
	w.known = max(w.known, r.Index)
	w.inherits(r)
}

// past returns how far the log was known committed at least a lag ago.
func (w *watch) past() uint64 { return w.fronts[w.at].index }

// clock notes the time, which never goes back.
func (w *watch) clock(at time.Duration) {
	newest := (w.at + len(w.fronts) - 1) % len(w.fronts)
	if at-w.fronts[newest].at < w.lag/8 {
		return
	}
	w.fronts[w.at] = front{at, w.known}
	w.at = (w.at + 1) % len(w.fronts)
	w.dirty = true
}
