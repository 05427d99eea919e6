package zookeeper

import (
	"encoding/binary"
	"fmt"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// followerSays decodes what passes from a follower to the leader.
func (c *conn) followerSays(b []byte, m *tap.Message) (int, string, error) {
	p, n, err := parse(b)
	if n == 0 || err != nil {
		return n, "", err
	}
	if c.observer && (p.kind == ack || p.kind == ping) {
		return n, classRequest, nil // it has no say
	}
	switch p.kind {
	case followerInfo, observerInfo:
		if len(p.data) < 8 {
			return n, classFollower, nil
		}
		return n, classFollower, c.meet(int64(binary.BigEndian.Uint64(p.data)), c.follower)
	case ackEpoch:
		return n, c.promises(&p, m), nil
	case ack:
		m.Kind, m.Term = tap.AppendResponse, c.epoch
		if counted(p.zxid) {
			m.Log = place(p.zxid)
		}
		return n, "", nil
	case ping:
		m.Kind, m.Term = tap.HeartbeatResponse, c.epoch
		return n, "", nil
	case request, revalidate, syncLeader:
		return n, classRequest, nil
	}
	return n, c.strange(&p, "follower"), nil
}

// leaderSays decodes what passes from the leader to a follower.
func (c *conn) leaderSays(b []byte, m *tap.Message) (int, string, error) {
	if c.snapshot.inside() {
		n, err := c.snapshot.next(b)
		return n, string(tap.Snapshot), err
	}
	p, n, err := parse(b)
	if n == 0 || err != nil {
		return n, "", err
	}
	switch p.kind {
	case ping:
		if c.reigns {
			m.Kind, m.Term = tap.Heartbeat, c.epoch
		}
		return n, string(tap.Heartbeat), nil
	case proposal, commit, commitAndActivate:
		return n, c.appends(&p, m), nil
	case leaderInfo:
		c.epoch = p.zxid >> 32
		if c.observer {
			return n, classFollower, nil
		}
		return n, c.proposes(m), nil
	case newLeader:
		// Whoever follows without an epoch of its own was not asked for one.
		c.epoch, c.reigns = p.zxid>>32, true
		c.crown(c.leader, c.epoch)
		m.Kind, m.Term = tap.Append, c.epoch
		return n, "", nil
	case upToDate:
		m.Kind, m.Term = tap.Append, c.epoch
		return n, "", nil
	case diff, trunc:
		return n, classSync, nil
	case snap:
		c.snapshot.begin()
		return n, string(tap.Snapshot), nil
	case inform, informAndActivate, revalidate, syncLeader:
		return n, classRequest, nil
	}
	return n, c.strange(&p, "leader"), nil
}

// proposes takes LEADERINFO: a vote request, unless the leader leads already.
func (c *conn) proposes(m *tap.Message) (class string) {
	s, first := c.stand(c.leader, c.epoch)
	if !first {
		return classFollower
	}
	m.Kind, m.Term, m.Log = tap.Vote, c.epoch, place(s.zxid)
	return ""
}

// promises takes ACKEPOCH: a vote, unless the leader has gone on without it.
func (c *conn) promises(p *packet, m *tap.Message) (class string) {
	s, ok := c.stands(c.leader, c.epoch)
	if c.observer || !ok || s.reigns {
		return classPromise
	}
	if len(p.data) < 4 {
		c.cluster.Strange("a promise without the epoch of the one who gives it")
		return classPromise
	}
	own := state{epoch: uint64(binary.BigEndian.Uint32(p.data)), zxid: p.zxid}
	m.Kind, m.Term = tap.VoteResponse, c.epoch
	switch {
	case uint32(own.epoch) == refused:
		m.Reject = true
	case s.known:
		m.Reject = s.state.less(own)
		m.Last, m.LastKnown = place(own.zxid), own.epoch == s.epoch
	}
	return ""
}

// appends takes a PROPOSAL or COMMIT. Those of epochs that are over bring a follower up
// to date, before NEWLEADER.
func (c *conn) appends(p *packet, m *tap.Message) (class string) {
	if p.zxid>>32 != c.epoch || !c.reigns && !c.crowned(c.leader, c.epoch) {
		return classSync
	}
	m.Kind, m.Term = tap.Append, c.epoch
	switch p.kind {
	case proposal:
		m.Last = place(p.zxid)
	case commitAndActivate:
		c.cluster.Reconfigured("")
		m.Commit = p.zxid
	default:
		m.Commit = p.zxid
	}
	return ""
}

func (c *conn) strange(p *packet, who string) (class string) {
	c.cluster.Strange(fmt.Sprintf("a packet of type %d from a %s", p.kind, who))
	return classUnknown
}

// place is the position of a transaction.
func place(zxid uint64) history.Pos { return history.Pos{Term: zxid >> 32, Index: zxid} }

// counted tells whether a zxid is that of a transaction: the first of an epoch is 1, and
// 0 stands for its beginning.
func counted(zxid uint64) bool { return uint32(zxid) != 0 }
