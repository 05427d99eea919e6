package nemesis

import "time"

// pauseLeaders lets one leader after the other sleep while it is replaced. It
// wakes with questions of clients before it and the old answers of followers.
func pauseLeaders(g *generator) {
	for i := range 2 {
		g.process(time.Duration(i)*4*g.Election+g.span(0, 0.5), g.span(2.5, 3.5), Pause{"leader"})
	}
}

// isolateLeader leaves a leader alone with its clients: what it appends must
// go, and what it reads may be old.
func isolateLeader(g *generator) {
	before, length := time.Duration(0), g.span(3, 6)
	if g.random.IntN(3) > 0 {
		before = g.span(0.7, 1.5)
		g.lag(before + length)
	}
	g.network(before, length, Isolate{"leader"})
	if g.random.IntN(3) == 0 {
		g.process(before+length/2, 0, Restart{"one"})
	}
}

// lag lets followers hear late of what their leaders append, and later still of what
// is committed: whoever is elected meanwhile does not know all of that, and its own
// first entry takes its time.
func (g *generator) lag(length time.Duration) {
	for _, class := range []string{"append", "heartbeat"} {
		if g.has(class) {
			g.rare(0, length, Traffic{Action: "delay", Class: class, Delay: g.span(0.3, 0.6), From: "*", To: "*"})
		}
	}
}

// deposeLeaders isolates one leader after the other, each for about as long as it
// takes to replace it: for a moment there are two, and the old one has clients.
func deposeLeaders(g *generator) {
	if g.random.IntN(3) > 0 {
		g.lag(11 * g.Election)
	}
	for i := range 3 {
		g.network(time.Duration(i)*4*g.Election+g.span(0, 0.5), g.span(2.2, 3), Isolate{"leader"})
	}
}

// lateAppends makes appends arrive after newer ones, and twice.
func lateAppends(g *generator) {
	length, mean := g.span(3, 5), g.span(0.2, 1)
	g.rare(0, length, Traffic{Action: "delay", Class: "append", Delay: mean, Jitter: mean, Percent: g.percent(20, 60), From: "*", To: "*"})
	g.rare(g.span(0, 1), length, g.pick(
		Traffic{Action: "duplicate", Class: "append", Percent: g.percent(30, 80), From: "*", To: "*"},
		Traffic{Action: "reorder", Class: "append", Percent: g.percent(20, 60), From: "*", To: "*"},
	))
}

// appendsOfTheDeposed keeps back what a leader sends while another one is
// elected. It comes when its receivers hold other entries in its place.
func appendsOfTheDeposed(g *generator) {
	before := g.span(0.3, 1)
	g.rare(0, before+g.span(4, 6), Traffic{Action: "hold", Class: "append", From: "leader", To: "*"})
	g.process(before, g.span(6, 8), Pause{Same})
}

// lateNoOp leaves followers behind in what is committed, and then takes their
// leader away. The next one hears its followers long before the first entry of
// its term reaches them; until then it does not know what was committed. What a dying
// leader has sent arrives all the same, so that mostly it is cut off.
func lateNoOp(g *generator) {
	length := g.span(5, 7)
	behind := Traffic{Action: "delay", Delay: g.span(0.2, 0.4), From: "leader", To: "*"}
	g.rare(0, length, Traffic{Action: "delay", Class: "append", Delay: g.span(0.3, 0.6), From: "*", To: "*"})
	g.rare(0, length, behind)
	if g.random.IntN(4) == 0 {
		g.process(g.span(0.7, 1.5), g.span(3, 4), g.pick(Kill{Same}, Pause{Same}))
		return
	}
	g.network(g.span(0.7, 1.5), g.span(3, 4), Isolate{Same})
}

// oldAnswers lets a leader that can no longer speak go on hearing answers to what
// it said before, and nothing of the next one. They tell that it led then, not that
// it still does.
func oldAnswers(g *generator) {
	late := g.span(2.5, 4)
	speaks, mute := late+g.span(0.5, 1), g.span(4, 6)
	g.rare(0, speaks+mute, Traffic{Action: "delay", Class: "heartbeat-response", Delay: late, From: "*", To: "leader"})
	g.network(speaks, mute, Traffic{Action: "cut", From: Same, To: "rest"})
	for _, class := range []string{"vote", "append", "heartbeat"} {
		if g.has(class) {
			g.rare(speaks, mute, Traffic{Action: "hold", Class: class, From: "rest", To: Same})
		}
	}
}

// turnedBack puts back the clock of a leader that is cut off: who counts a lease by it has
// it again.
func turnedBack(g *generator) {
	length := g.span(4, 6)
	g.rare(0, length, Isolate{"leader"})
	g.rare(g.span(0.05, 0.5), length, Constrained{Same, Constraint{Clock: &Clock{Offset: -time.Minute}}})
}

// chaseLeaders strikes each new leader early in its term, with entries on few
// members: the figure 8 of Raft needs three leaders in a row.
func chaseLeaders(g *generator) {
	if g.random.IntN(2) == 0 {
		g.process(0, g.span(2, 4), Kill{"leader"})
	} else { // cut off, it goes on appending what the next two leaders lack
		g.network(0, g.span(5, 8), Isolate{"leader"})
	}
	t := Trigger{On: "leader", Times: 2 + g.random.IntN(2), After: g.span(0.05, 0.6)}
	g.on(t, g.span(6, 8), g.span(2.5, 4), g.pick(Kill{"it"}, Kill{"it"}, Pause{"it"}, Isolate{"it"}))
}

// fallBehind keeps a member away for so long that only a snapshot helps.
func fallBehind(g *generator) {
	length := g.span(8, 14)
	if g.random.IntN(2) == 0 {
		g.process(0, length, Kill{"follower"})
	} else {
		g.network(0, length, Isolate{"follower"})
	}
	switch {
	case g.random.IntN(2) == 0:
		g.on(Trigger{On: "install"}, length+g.span(4, 8), 0, Restart{"it"})
	case g.has("snapshot"):
		g.rare(length-g.span(0.2, 0.5), g.span(6, 8), Traffic{Action: "hold", Class: "snapshot", First: 1, From: "*", To: Same})
	}
}

// starveThenKill leaves entries on few members and takes their leader away.
func starveThenKill(g *generator) {
	g.rare(0, g.span(3, 4), Traffic{Action: "drop", Class: "append", Percent: g.percent(70, 95), From: "leader", To: "*"})
	g.process(g.span(1, 2.5), g.span(3, 5), Kill{Same})
}

// attackOnLogEvent strikes a member in the midst of what it does to its log.
func attackOnLogEvent(g *generator) {
	events := []Trigger{{On: "append", By: "followers"}, {On: "commit", By: "followers"}, {On: "append", By: "leader"}, {On: "truncate"}, {On: "snapshot"}, {On: "stepdown"}}
	t := events[g.random.IntN(len(events))]
	if g.random.IntN(2) == 0 {
		g.on(t, g.span(4, 8), 0, Restart{"it"})
		return
	}
	g.on(t, g.span(4, 8), g.span(3, 5), g.pick(Kill{"it"}, Pause{"it"}))
}

// killTwice does not wait until the cluster has got over the first one.
func killTwice(g *generator) {
	g.process(0, g.span(3, 5), Kill{"leader"})
	g.process(g.span(2, 3), g.span(3, 5), g.pick(Kill{"leader"}, Pause{"leader"}, Kill{"one"}))
}

// heldBack keeps back what a leader sends while it goes on, and another is elected; then
// all of it comes at once, from a term that is over. Half of the time it also hears
// nobody until then, so that it has not stepped down by itself.
func heldBack(g *generator) {
	length := g.span(2.5, 5)
	f := Traffic{Action: "hold", From: "leader", To: "*"}
	if g.random.IntN(2) == 0 {
		f.Class = "append"
	}
	g.rare(0, length, f)
	if g.random.IntN(2) == 0 {
		g.rare(g.span(0, 0.5), length, Traffic{Action: "cut", From: "rest", To: Same})
	}
}

// backAmongLate lets a leader that was replaced back in while what the next one appends
// comes late: it hears of the new term, and what was committed in it, before it has
// lost the entries that it was left with.
func backAmongLate(g *generator) {
	away := g.span(2.5, 4)
	late := Traffic{Action: "delay", Delay: g.span(0.3, 0.9), Jitter: g.span(0.1, 0.3), From: "rest", To: Same}
	if g.has("append") {
		late.Class = "append"
	}
	g.network(0, away, g.pick(Isolate{"leader"}, Isolate{"leader"}, Traffic{Action: "cut", From: "leader", To: "rest"}))
	g.rare(away-g.span(0.1, 0.5), g.span(2.5, 4), late)
}

// lateAnswers lets what followers answer come when their leader has been replaced, or
// leads again in a later term.
func lateAnswers(g *generator) {
	length := g.span(6, 8)
	for _, class := range []string{"append-response", "heartbeat-response", "snapshot-response"} {
		if g.has(class) && (class == "append-response" || g.random.IntN(2) == 0) {
			g.rare(0, length, Traffic{Action: "delay", Class: class, Delay: g.span(0.8, 2), Jitter: g.span(0.2, 0.8), From: "*", To: "*"})
		}
	}
	g.process(g.span(1, 2), g.span(2, 3), g.pick(Pause{"leader"}, Pause{"leader"}, Kill{"leader"}))
	if g.random.IntN(2) == 0 {
		g.rare(g.span(0, 1), g.span(3, 4), Traffic{Action: "hold", Class: "append-response", From: "one", To: "*"})
	}
}

// lateSnapshot lets a member fall behind for so long that a snapshot is on its way to
// it, and the snapshot come late, twice, or when the log has caught up, or its sender is
// no leader any more. Mostly only the first one is kept back, until the member, which was
// sent another, has taken snapshots of its own.
func lateSnapshot(g *generator) {
	away, late := g.span(8, 11), g.span(3, 5)
	g.process(0, away, g.pick(Kill{"follower"}, Pause{"follower"}))
	f := Traffic{Action: "hold", Class: "snapshot", First: 1, From: "*", To: Same}
	switch g.random.IntN(6) {
	case 0:
		f = Traffic{Action: "hold", Class: "snapshot", From: "*", To: Same}
	case 1:
		f = Traffic{Action: "delay", Class: "snapshot", Delay: g.span(1, 2.5), Jitter: g.span(0.5, 1), From: "*", To: Same}
	default:
		g.rare(away-g.span(0.2, 0.5), g.span(6, 8), f)
		g.recover()
		return
	}
	g.rare(away-g.span(0.2, 0.5), late, f)
	switch g.random.IntN(3) {
	case 0:
		g.rare(away, late, Traffic{Action: "duplicate", Class: "snapshot", From: "*", To: "*"})
	case 1:
		g.process(away+g.span(0.3, 1.5), g.span(2, 3), g.pick(Kill{"leader"}, Pause{"leader"}))
	}
	g.recover()
}

// restartStraggler strikes who has just come back from far behind, and who helps it. One
// that was cut off comes back with a later term, and votes before it is helped.
func restartStraggler(g *generator) {
	away := g.span(6, 10)
	if g.random.IntN(3) == 0 {
		g.process(0, away, g.pick(Kill{"follower"}, Pause{"follower"}))
	} else {
		g.network(0, away, Isolate{"follower"})
	}
	after := g.round(time.Duration(g.random.IntN(40)) * time.Millisecond)
	g.on(Trigger{On: "install", After: after}, away+g.span(3, 5), 0,
		g.pick(Restart{"it"}, Restart{"it"}, Restart{"leader"}, Restart{"all"}))
	if g.random.IntN(2) == 0 {
		g.process(away+g.span(0.1, 1), 0, g.pick(Restart{"follower"}, Restart{"leader"}))
	}
	g.recover()
}

// lateSnapshots is snapshots that are slow, and answered late, or come again late, for a
// while.
func lateSnapshots(g *generator, length time.Duration) {
	if g.random.IntN(2) == 0 {
		g.lateCopies(length)
		return
	}
	for _, class := range []string{"snapshot", "snapshot-response"} {
		if g.has(class) {
			g.rare(0, length, Traffic{Action: "delay", Class: class, Delay: g.span(0.3, 1.5), Jitter: g.span(0.1, 0.3), From: "*", To: "*"})
		}
	}
}

// lateCopies lets every snapshot come twice for a while, mostly one of them so late that
// its receiver has applied more since, and perhaps taken a snapshot of its own.
func (g *generator) lateCopies(length time.Duration) {
	if g.has("snapshot") {
		g.rare(0, length, Traffic{Action: "duplicate", Class: "snapshot", From: "*", To: "*"})
		g.rare(0, length, Traffic{Action: "delay", Class: "snapshot", Delay: g.span(3, 5), Jitter: g.span(1, 2), Percent: 50, From: "*", To: "*"})
	}
}

// appendsInDisorder lets some of what leaders send be late and come twice for a while.
func appendsInDisorder(g *generator, length time.Duration) {
	if !g.has("append") {
		return
	}
	mean := g.span(0.3, 0.9)
	g.rare(0, length, Traffic{Action: "delay", Class: "append", Delay: mean, Jitter: mean, Percent: g.percent(10, 40), From: "*", To: "*"})
	g.rare(0, length, Traffic{Action: "duplicate", Class: "append", Percent: g.percent(15, 50), From: "*", To: "*"})
}

// answersLate lets answers take longer than questions for a while.
func answersLate(g *generator, length time.Duration) {
	for _, class := range []string{"append-response", "heartbeat-response", "vote-response"} {
		if g.has(class) && g.random.IntN(3) > 0 {
			g.rare(0, length, Traffic{Action: "delay", Class: class, Delay: g.span(0.3, 0.9), Jitter: g.span(0.1, 0.3), From: "*", To: "*"})
		}
	}
}
