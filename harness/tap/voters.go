package tap

import (
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// maxUnnamed bounds the configurations of one cluster that wait for the names of voters.
const maxUnnamed = 64

// unnamed is a configuration of which not all voters have introduced themselves yet.
type unnamed struct {
	group string // as events name it
	at    history.Pos
	ids   []string
}

// Voters says who votes in a group from now on, by the names of the members: see
// Assembler. Where it is never said, whether a winner had a majority is not judged,
// except in the main group.
func (c *Cluster) Voters(group string, members []string) {
	if c.tap != nil {
		c.tap.Voters(c.group(group), members)
	}
}

// Reconfigured says that the voters of a group are about to change, and that it is not
// known to whom: see Assembler.
func (c *Cluster) Reconfigured(group string) {
	if c.tap != nil {
		c.tap.Reconfigured(c.group(group))
	}
}

// VotersByID says whom an entry of a group's log makes its voters, by the ids under which
// they introduce themselves, be that before (Meet) or later. It is for systems in which such
// an entry counts from where it stands in a log on, committed or not: each member follows
// the last one of its own log. So it is told of every one that is sent, also of those that
// a snapshot holds (with a term of 0, if that is not told), and never taken back: a winner
// needs a majority of the voters of one of them. While somebody has not introduced himself
// it is not known who votes, but for an entry at index 1, with which a log begins, and
// which members need not have sent each other.
func (c *Cluster) VotersByID(group string, at history.Pos, ids []string) {
	if c.tap == nil {
		return
	}
	w := unnamed{group: c.group(group), at: at, ids: ids}
	c.mu.Lock()
	defer c.mu.Unlock()
	if names, ok := c.namesLocked(ids); ok {
		c.tap.Configured(w.group, at, names)
		return
	}
	if slices.ContainsFunc(c.unnamed, func(o unnamed) bool { return o.group == w.group && o.at == at }) {
		return
	}
	if at.Index > 1 {
		c.tap.Configured(w.group, at, nil)
	}
	if len(c.unnamed) < maxUnnamed {
		c.unnamed = append(c.unnamed, w)
	}
}

// namesLocked returns the names of those who introduced themselves as ids, if all have, and
// no two go by one name.
func (c *Cluster) namesLocked(ids []string) (names []string, ok bool) {
	for _, id := range ids {
		who, known := c.known[id]
		if !known || slices.Contains(names, who.name) {
			return nil, false
		}
		names = append(names, who.name)
	}
	return names, len(names) > 0
}

// nameLocked tells of the configurations of which all voters have names by now.
func (c *Cluster) nameLocked() {
	c.unnamed = slices.DeleteFunc(c.unnamed, func(w unnamed) bool {
		names, ok := c.namesLocked(w.ids)
		if ok {
			c.tap.Configured(w.group, w.at, names)
		}
		return ok
	})
}
