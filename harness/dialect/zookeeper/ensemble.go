package zookeeper

import (
	"strconv"
	"sync"

	"github.com/usurper/usurper/harness/tap"
)

// state is how far a member has come: the epoch of the last leader that it followed, and
// its last transaction.
type state struct{ epoch, zxid uint64 }

// less is the order in which ZooKeeper compares them.
func (s state) less(o state) bool {
	if s.epoch != o.epoch {
		return s.epoch < o.epoch
	}
	return s.zxid < o.zxid
}

// claim is a proposal that a member made on a link: of itself or of another.
type claim struct {
	from, to string
	leader   int64 // by number
}

// standing is a member that proposed an epoch.
type standing struct {
	epoch  uint64
	reigns bool // it sent NEWLEADER
	// state is the member's own as it was elected with, if that is known: never behind
	// that, see ensemble.
	state
	known bool
}

// maxClaims bounds what is remembered of notifications, and maxMembers of members.
const (
	maxClaims  = 1 << 12
	maxMembers = 1 << 9
)

// ensemble is what the connections of one cluster know in common.
//
// With which log a member stands it says in LOOKING, where it proposes itself before it
// knows of anybody better. Whoever is elected has said so to one other member at least,
// which has it from its own mouth or from somebody's who has. But it may have told others
// so in an earlier round only, and a new connection repeats what was said last on the old
// one. So of each link the last counts, and of all links the furthest: it is never behind
// the log with which it was elected, and hardly ever ahead (a member that was told to
// truncate and then lost its leader has less than it once said). What is judged by it is who
// is ahead of the leader, and what the leader lacks: neither is made up by a log too long. But
// nothing is taken to be committed because such a leader had it.
type ensemble struct {
	cluster *tap.Cluster

	mu       sync.Mutex
	numbers  map[string]int64 // of members
	claims   map[claim]state
	standing map[string]*standing // the last of each member
}

func newEnsemble(c *tap.Cluster) *ensemble {
	return &ensemble{
		cluster: c, numbers: make(map[string]int64),
		claims: make(map[claim]state), standing: make(map[string]*standing),
	}
}

// meet takes a member's own number. Observers may have none.
func (e *ensemble) meet(number int64, name string) error {
	if number < 0 {
		return nil
	}
	e.mu.Lock()
	known, ok := e.numbers[name]
	if !ok && len(e.numbers) < maxMembers {
		e.numbers[name] = number
	}
	e.mu.Unlock()
	if ok && known == number {
		return nil
	}
	return e.cluster.Meet(strconv.FormatInt(number, 10), name)
}

// claim takes a proposal.
func (e *ensemble) claim(c claim, s state) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if _, ok := e.claims[c]; !ok && len(e.claims) >= maxClaims {
		e.cluster.Strange("with which log a member stands, of more members than are kept apart")
		return
	}
	e.claims[c] = s
}

// stand notes that a member proposes an epoch, and returns with what it stands. It reports
// false if it leads in that epoch, or a later one, already.
func (e *ensemble) stand(name string, epoch uint64) (standing, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	s := e.standing[name]
	switch {
	case s == nil && len(e.standing) >= maxMembers:
		e.cluster.Strange("an epoch that is proposed by more members than are kept apart")
		return standing{}, false
	case s == nil || s.epoch < epoch:
		s = e.standsLocked(name, epoch)
		e.standing[name] = s
	}
	return *s, s.epoch == epoch && !s.reigns
}

func (e *ensemble) standsLocked(name string, epoch uint64) *standing {
	s := &standing{epoch: epoch}
	number, ok := e.numbers[name]
	if !ok {
		return s
	}
	for c, at := range e.claims {
		if c.from != name || c.leader != number {
			continue
		}
		if !s.known || s.state.less(at) {
			s.state, s.known = at, true
		}
	}
	return s
}

// stands returns with what a member proposed an epoch, if that is its last.
func (e *ensemble) stands(name string, epoch uint64) (standing, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.standing[name]; s != nil && s.epoch == epoch {
		return *s, true
	}
	return standing{}, false
}

// crown notes that a member sent NEWLEADER.
func (e *ensemble) crown(name string, epoch uint64) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if s := e.standing[name]; s != nil && s.epoch == epoch {
		s.reigns = true
	}
}

// crowned tells whether a member was seen to send NEWLEADER of the epoch.
func (e *ensemble) crowned(name string, epoch uint64) bool {
	s, ok := e.stands(name, epoch)
	return ok && s.reigns
}
