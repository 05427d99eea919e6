package tap

import (
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// GathersByID says that an entry of the main group's log makes these its voters, by the ids
// under which they introduced themselves, where the group began without knowing all of its
// members, who are to follow one by one; first, that no such entry came before this one. The
// leader of the entry's term counts by it, committed or not. It is told of once, and nothing
// else that is known of who votes changes.
func (c *Cluster) GathersByID(group string, at history.Pos, ids []string, first bool) {
	if c.tap == nil {
		return
	}
	c.mu.Lock()
	names, ok := c.namesLocked(ids)
	c.mu.Unlock()
	if !ok {
		c.tap.Reconfigured(c.group(group))
		return
	}
	c.tap.Gathers(c.group(group), at, names, first)
}

// Gathers says that the entry at a position makes these the voters, in a group that began
// without knowing those of its start; first, that before it any of them counted. Of a group
// of which it is not known who those are, nothing is told.
func (a *Assembler) Gathers(group string, at history.Pos, voters []string, first bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.groupLocked(group)
	if g == nil || g.voters == nil || g.changed || len(g.configs) >= maxConfigs {
		return
	}
	if _, seen := g.configs[at]; seen {
		return
	}
	g.configs[at] = true
	e := history.Raft{Voters: slices.Clone(voters), Index: at.Index, EntryTerm: at.Term}
	for _, name := range g.voters {
		if !slices.Contains(voters, name) {
			e.Learners = append(e.Learners, name)
		}
	}
	if first {
		e.Outgoing = slices.Clone(g.voters)
	}
	a.tellConfigLocked(group, e)
}
