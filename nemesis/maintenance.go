package nemesis

import "time"

// maintenance lists the acts of administrators, see [Operation]. Where they take
// part, every fourth act is theirs.
func maintenance() []act {
	return []act{
		{members: 1, out: 1, write: maintain},
		{members: 3, out: 1, write: handOver},
		{members: 3, out: minority, write: changeMembers},
	}
}

// returning is about how long a member takes to come back as a new one: etcd lets
// it in once the others have been in touch for five seconds.
const returning = 9 * time.Second

// maintain has a member rewrite or copy its data, and may kill that very member in
// the midst of it.
func maintain(g *generator) {
	some := []Fault{Operation{OpDefragment, "leader"}, Operation{OpCompact, "one"}, Operation{OpSnapshot, "leader"}, Operation{OpSnapshot, "one"}}
	if len(g.Nodes) > 1 {
		some = append(some, Operation{OpDefragment, "follower"})
	}
	who := g.pick(some...).(Operation)
	g.rare(0, 0, who)
	if g.random.IntN(2) == 0 {
		g.rare(g.moment(), g.span(3, 5), Kill{Same}) // it may have refused
	}
}

// handOver lets the leader pass the lead on, and may strike it as it does.
func handOver(g *generator) {
	g.rare(0, 0, MoveLeader{To: "follower"})
	if g.random.IntN(2) == 0 {
		g.rare(g.moment(), g.span(3, 5), g.pick(Kill{Same}, Pause{Same})) // it may have refused
	}
}

// changeMembers lets a new member take the place of one that was lost, or taken
// out.
func changeMembers(g *generator) {
	g.rare(0, 0, g.pick(Replace{"follower"}, Replace{"leader"}, Replace{"one"}))
	if g.random.IntN(2) == 0 {
		g.steps[len(g.steps)-1].Fault = g.pick(Remove{"follower"}, Remove{"leader"})
		g.steps[len(g.steps)-1].For = g.span(3, 8)
	}
	g.end = max(g.end, g.start+returning)
}

// moment is the time that an operation has been going on for when it is struck.
func (g *generator) moment() time.Duration {
	return time.Duration(1+g.random.IntN(40)) * time.Millisecond
}
