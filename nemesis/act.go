package nemesis

import (
	"slices"
	"time"
)

// act is a few steps that belong together: what the generator composes plans
// of. Times are in election timeouts, T. A follower stands T to 2T after the
// last heartbeat, so that a leader that is away for 4T is replaced.
type act struct {
	members int      // needs this many
	out     int      // takes away as many at most, or minority or everybody
	classes []string // needs these classes of messages
	clients bool     // needs clients behind the proxy layer
	needs   string   // a fault that the disk or the machine must be able to do, by its first word
	due     bool     // the plan must have it
	write   func(*generator)
}

// What an act may take away beside a number: the largest minority, or everybody, so
// that nothing else goes on beside it.
const (
	minority  = -1
	everybody = -2
)

// essentialActs are those without which a plan is not worth much: each of them has
// brought out mistakes of many kinds.
func essentialActs() []act {
	return []act{
		{members: 1, out: 1, write: killLeader},
		{members: 1, out: 1, write: pauseLeaders},
		{members: 3, out: 1, write: isolateLeader},
		{members: 3, out: minority, write: deposeLeaders},
		{members: 3, out: minority, write: restartVoters},
		{members: 3, out: minority, write: partitionAtRandom},
		{members: 3, out: everybody, write: splitVote},
		{members: 3, out: 1, classes: []string{"vote-response"}, write: meddleWithVotes},
		{members: 3, out: 0, classes: []string{"append"}, write: lateAppends},
		{members: 3, out: minority, write: chaseLeaders},
		{members: 3, out: 1, classes: []string{"append"}, write: starveThenKill},
		{members: 3, out: 1, classes: []string{"append"}, write: lateNoOp},
		{members: 3, out: 1, classes: []string{"append"}, write: heldBack},
		{members: 3, out: 1, classes: []string{"append-response"}, write: lateAnswers},
		{members: 3, out: 1, classes: []string{"heartbeat-response"}, write: oldAnswers},
		{members: 3, out: 1, write: oneWay},
		{members: 3, out: everybody, classes: []string{"snapshot"}, write: lateSnapshot},
		{members: 1, out: everybody, write: powerLoss},
		{members: 1, out: 0, clients: true, write: loseAnswers},
		{members: 3, out: 1, clients: true, write: clientsOfTheDeposed},
	}
}

// overture is what a plan begins with: the few scenes that most mistakes show in, so
// that those which any attack would find are found within seconds; then those without
// which some hardly ever show.
func overture() [][]act {
	return [][]act{{
		{members: 3, out: everybody, write: splitVote},
		{members: 3, out: minority, write: deposeLeaders},
		{members: 3, out: minority, write: restartVoters},
		{members: 3, out: 0, classes: []string{"append"}, write: lateAppends},
	}, {
		{members: 3, out: 1, write: backAmongLate},
		{members: 3, out: 1, classes: []string{"append"}, write: lateNoOp},
	}, {
		{members: 3, out: 1, classes: []string{"heartbeat-response"}, write: oldAnswers},
		{members: 3, out: everybody, classes: []string{"snapshot"}, write: lateSnapshot},
		{members: 1, out: everybody, write: killsAtAnswers},
		{members: 3, out: minority, write: partlySeen},
		{members: 1, out: 0, clients: true, write: loseAnswers},
	}}
}

// overtureShare is how much of a plan the acts that it begins with may take: where
// elections are slow, its themes matter more. It is darkShare where power failures come on top
// of them, so that those have their turn, too. overtureScene is how long, in election timeouts,
// its first act may be.
const (
	overtureShare = 0.35
	darkShare     = 0.6
	overtureScene = 10
)

func (g *generator) overtureShare() float64 {
	if len(g.Keeps) > 0 && !g.tears() { // torn writes need as many failures as there can be
		return darkShare
	}
	return overtureShare
}

// open deals the acts that every plan begins with, each once, and those that are due.
func (g *generator) open(d *decks) (act, bool) {
	if !d.opened {
		d.opened = true
		parts := overture()
		if g.overtureShare() > overtureShare {
			parts = [][]act{parts[0], slices.Concat(parts[1:]...)}
		}
		for _, part := range parts {
			d.overture = append(d.overture, g.shuffled(part)...)
		}
		g.darken(d)
		g.oblige(d)
	}
	next := min(0, len(d.overture)-1)
	if g.end.Seconds() > g.overtureShare()*g.limit.Seconds() {
		next = slices.IndexFunc(d.overture, func(a act) bool { return a.due })
	}
	if next < 0 {
		return act{}, false
	}
	a := d.overture[next]
	d.overture = slices.Delete(d.overture, next, next+1)
	return a, true
}

// begin puts the i-th act of a kind into the overture: behind its first scene, if elections are quick
// enough for that to leave time.
func (g *generator) begin(d *decks, i int, a act) {
	at := 2 * i
	if overtureScene*g.Election.Seconds() < overtureShare*g.limit.Seconds() {
		at++
	}
	d.overture = slices.Insert(d.overture, min(at, len(d.overture)), a)
}

// extraActs are the rest.
func extraActs() []act {
	return []act{
		{members: 3, out: 1, write: isolateFollower},
		{members: 3, out: 1, write: restartStraggler},
		{members: 3, out: minority, write: killMinority},
		{members: 1, out: 1, write: restartOne},
		{members: 3, out: 1, write: pauseFollower},
		{members: 3, out: 1, write: fallBehind},
		{members: 1, out: 1, write: storm},
		{members: 1, out: 1, write: roll},
		{members: 3, out: minority, write: attackCandidates},
		{members: 2, out: 0, write: resetAll},
		{members: 3, out: 0, write: refuseSome},
		{members: 2, out: 0, write: slow},
		{members: 2, out: 0, write: throttle},
		{members: 2, out: 0, classes: []string{"heartbeat"}, write: loseHeartbeats},
		{members: 2, out: 0, classes: []string{"append"}, write: loseFrames},
		{members: 3, out: 1, write: attackOnLogEvent},
		{members: 3, out: minority, write: killTwice},
		{members: 3, out: minority, write: partlySeen},
		{members: 3, out: 1, classes: []string{"append"}, write: appendsOfTheDeposed},
		{members: 3, out: everybody, write: evenHalves},
		{members: 1, out: 0, clients: true, write: farClients},
	}
}

func killLeader(g *generator) { g.process(0, g.span(2.5, 5), Kill{"leader"}) }

// isolateFollower makes a member fall behind and stand term after term; once
// it is back it must not win while others have more.
func isolateFollower(g *generator) { g.network(0, g.span(4, 7), Isolate{"follower"}) }

func partitionAtRandom(g *generator) {
	shapes := []Fault{
		Halves{},
		Partition{[]Target{"leader", "rest"}},
		Partition{[]Target{"majority", "minority"}},
		Bridge{},
	}
	if len(g.Nodes) >= 4 {
		shapes = append(shapes, Ring{})
	}
	if len(g.Nodes) >= 5 {
		shapes = append(shapes, Partition{[]Target{"leader follower", "rest"}})
	}
	shape, length := g.pick(shapes...), g.span(3, 6)
	if _, bridge := shape.(Bridge); bridge {
		g.rare(0, length, shape) // a leader on the bridge misses nobody
		return
	}
	before := time.Duration(0)
	if g.random.IntN(2) == 0 {
		before = g.span(0.7, 1.5)
		g.lag(before + length)
	}
	g.network(before, length, shape)
}

// partlySeen takes away some links so that everybody still sees a majority, or
// somebody does who does not see the leader: an old leader then hears of a new
// one only from those whom both reach, while it goes on serving its clients.
func partlySeen(g *generator) {
	length := g.span(4, 7)
	if len(g.Nodes) >= 4 {
		g.network(0, length, Ring{})
		return
	}
	g.rare(0, length, Bridge{Over: "follower"})
}

func killMinority(g *generator) {
	g.process(0, g.span(3, 6), g.pick(Kill{"minority"}, Staggered{Of: Kill{"minority"}}, Staggered{Of: Pause{"minority"}}))
}

func restartOne(g *generator) { g.process(0, 0, g.pick(Restart{"leader"}, Restart{"one"})) }

func pauseFollower(g *generator) { g.process(0, g.span(3, 6), g.pick(Pause{"follower"}, Pause{"one"})) }

func storm(g *generator) {
	g.process(0, g.span(6, 9), RestartStorm{Who: "one", Every: g.span(2, 3)})
}

func roll(g *generator) { g.process(0, 0, RollingRestart{Every: g.span(3, 5)}) }

// oneWay lets a leader speak and not hear, or hear and not speak.
func oneWay(g *generator) {
	g.network(0, g.span(3, 6), g.pick(
		Traffic{Action: "cut", From: "leader", To: "rest"},
		Traffic{Action: "cut", From: "rest", To: "leader"},
	))
}

// resetAll finds no connection among members that have just come up.
func resetAll(g *generator) {
	g.rare(0, 0, g.pick(
		Traffic{Action: "reset", From: "*", To: "*"},
		Traffic{Action: "reset", From: "leader", To: "rest"},
	))
}

func refuseSome(g *generator) {
	g.rare(0, g.span(4, 8), g.pick(
		Traffic{Action: "refuse", From: "leader", To: "follower", Both: true},
		Traffic{Action: "refuse", From: "*", To: "one"},
	))
}

func slow(g *generator) {
	mean := g.span(0.1, 0.5)
	g.network(0, g.span(4, 8), Traffic{Action: "delay", Delay: mean, Jitter: mean, From: "*", To: "*"})
}

func throttle(g *generator) {
	g.rare(0, g.span(5, 10), Traffic{Action: "throttle", Rate: int64(2+g.random.IntN(20)) * 1000, From: "leader", To: "*"})
}

// loseHeartbeats makes followers stand though the leader is well.
func loseHeartbeats(g *generator) {
	g.rare(0, g.span(4, 8), Traffic{Action: "drop", Class: "heartbeat", From: "leader", To: "*"})
	if slices.Contains(g.Classes, "append") {
		g.rare(0, g.span(4, 8), Traffic{Action: "drop", Class: "append", Percent: g.percent(50, 90), From: "leader", To: "*"})
	}
}

func loseFrames(g *generator) {
	g.network(0, g.span(4, 8), g.pick(
		Traffic{Action: "drop", Percent: g.percent(10, 40), From: "*", To: "*"},
		Traffic{Action: "drop", Percent: g.percent(30, 60), From: "leader", To: "rest"},
		Traffic{Action: "duplicate", Percent: g.percent(20, 60), From: "*", To: "*"},
	))
}

// loseAnswers leaves clients without the answers to what was done for them: what
// they do not know may have happened.
func loseAnswers(g *generator) {
	f := g.pick(
		Traffic{Action: "cut", From: "leader", To: Clients},
		Traffic{Action: "cut", From: Clients, To: "leader", Both: true},
		Traffic{Action: "reset", From: "leader", To: Clients},
	)
	length := g.span(3, 6)
	if f.Span() == Instant {
		length = 0
	}
	g.network(0, length, f)
}

// clientsOfTheDeposed leaves clients alone with a leader that is replaced behind
// their back.
func clientsOfTheDeposed(g *generator) {
	g.network(0, g.span(4, 8), Partition{[]Target{"leader " + Clients, "rest"}})
}

// farClients makes what clients ask and are told late, so that it comes from
// before a fault that follows.
func farClients(g *generator) {
	length, mean := g.span(4, 8), g.span(0.2, 0.6)
	g.network(0, length, Traffic{Action: "delay", Delay: mean, Jitter: mean, From: Clients, To: "*", Both: g.random.IntN(2) == 0})
	if g.random.IntN(2) == 0 {
		g.process(length/2, 0, Restart{"leader"})
	}
}

// powerLoss takes away more members at once than a cluster can spare: what it has
// acknowledged is on disk, or lost.
func powerLoss(g *generator) {
	first := g.pick(Restart{"all"}, Restart{"majority"})
	if g.sees(Acknowledged) && g.random.IntN(2) == 0 {
		g.on(Trigger{On: Acknowledged}, g.span(1, 2), 0, first)
	} else {
		g.process(g.span(0, 1), 0, first)
	}
	at := g.span(3, 5)
	switch g.random.IntN(3) {
	case 0:
		g.process(at, 0, Restart{"all"})
	case 1:
		g.process(at, g.span(0.2, 1.5), g.pick(Kill{"all"}, Kill{"majority"}))
	default: // those who come back first begin without the others
		g.process(at, g.span(1.5, 4), g.pick(Staggered{Of: Kill{"all"}}, Staggered{Of: Kill{"majority"}}, Staggered{Of: Kill{"several"}}))
	}
	g.recover()
}

// killsAtAnswers restarts members again and again, just when a client was told that its
// write is done: it is where it has to be by then, or lost.
func killsAtAnswers(g *generator) {
	every, length := g.span(2.5, 4), g.span(9, 12)
	if !g.sees(Acknowledged) {
		return
	}
	g.add(Step{
		Trigger:  Trigger{On: Acknowledged, From: g.start, Until: g.start + length},
		Repeat:   Repeat{Every: every, Jitter: every / 2},
		Fault:    g.pick(Restart{"it"}, Restart{"all"}, Restart{"all"}, Restart{"majority"}),
		Optional: true,
	})
	g.recover()
}

// restartSome restarts some members, others each time.
func restartSome(g *generator) {
	every := g.span(2, 3)
	g.again(every, 3*every, Restart{"several"})
	g.recover()
}

// restartLeaders restarts one leader after the other as soon as it is at work.
func restartLeaders(g *generator) {
	for i := range 3 {
		g.process(time.Duration(i)*3*g.Election+g.span(0, 1), 0, g.pick(Restart{"leader"}, Restart{"leader"}, Restart{"one"}))
	}
	g.recover()
}

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
