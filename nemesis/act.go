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
	out     int      // takes away as many at most, or minority
	classes []string // needs these classes of messages
	clients bool     // needs clients behind the proxy layer
	write   func(*generator)
}

// minority, as the out of an act, is the largest minority.
const minority = -1

// essentialActs are those without which a plan is not worth much.
func essentialActs() []act {
	return []act{
		{members: 1, out: 1, write: killLeader},
		{members: 1, out: 1, write: pauseLeaders},
		{members: 3, out: 1, write: isolateLeader},
		{members: 3, out: minority, write: deposeLeaders},
		{members: 3, out: 1, write: isolateFollower},
		{members: 3, out: minority, write: restartVoters},
		{members: 3, out: minority, write: partitionAtRandom},
		{members: 3, out: 1, write: splitVote},
		{members: 3, out: 1, classes: []string{"vote-response"}, write: meddleWithVotes},
		{members: 3, out: 0, classes: []string{"append"}, write: lateAppends},
		{members: 3, out: minority, write: chaseLeaders},
		{members: 3, out: 1, classes: []string{"heartbeat-response"}, write: oldAnswers},
		{members: 1, out: 0, clients: true, write: loseAnswers},
		{members: 3, out: 1, clients: true, write: clientsOfTheDeposed},
	}
}

// extraActs are the rest.
func extraActs() []act {
	return []act{
		{members: 3, out: minority, write: killMinority},
		{members: 1, out: 1, write: restartOne},
		{members: 3, out: 1, write: pauseFollower},
		{members: 3, out: 1, write: fallBehind},
		{members: 1, out: 1, write: storm},
		{members: 1, out: 1, write: roll},
		{members: 3, out: minority, write: attackCandidates},
		{members: 3, out: 1, write: oneWay},
		{members: 2, out: 0, write: resetAll},
		{members: 3, out: 0, write: refuseSome},
		{members: 2, out: 0, write: slow},
		{members: 2, out: 0, write: throttle},
		{members: 2, out: 0, classes: []string{"heartbeat"}, write: loseHeartbeats},
		{members: 2, out: 0, classes: []string{"append"}, write: loseFrames},
		{members: 3, out: 1, classes: []string{"append"}, write: starveThenKill},
		{members: 3, out: 1, write: attackOnLogEvent},
		{members: 3, out: minority, write: killTwice},
		{members: 3, out: minority, write: partlySeen},
		{members: 3, out: 1, classes: []string{"append"}, write: appendsOfTheDeposed},
		{members: 3, out: 1, classes: []string{"append"}, write: lateNoOp},
		{members: 1, out: 0, clients: true, write: farClients},
	}
}

func killLeader(g *generator) { g.process(0, g.span(3, 7), Kill{"leader"}) }

// pauseLeaders lets one leader after the other sleep while it is replaced. It
// wakes with questions of clients before it and the old answers of followers.
func pauseLeaders(g *generator) {
	for i := range 2 {
		g.process(time.Duration(i)*6*g.Election+g.span(0, 0.5), g.span(4, 5), Pause{"leader"})
	}
}

// isolateLeader leaves a leader alone with its clients: what it appends must
// go, and what it reads may be old.
func isolateLeader(g *generator) {
	length := g.span(4, 9)
	g.network(0, length, Isolate{"leader"})
	if g.random.IntN(3) == 0 {
		g.process(length/2, 0, Restart{"one"})
	}
}

// deposeLeaders isolates one leader after the other, each for about as long as it
// takes to replace it: for a moment there are two, and the old one has clients.
func deposeLeaders(g *generator) {
	for i := range 3 {
		g.network(time.Duration(i)*4*g.Election+g.span(0, 0.5), g.span(2.2, 3), Isolate{"leader"})
	}
}

// isolateFollower makes a member fall behind and stand term after term; once
// it is back it must not win while others have more.
func isolateFollower(g *generator) { g.network(0, g.span(4, 9), Isolate{"follower"}) }

// restartVoters makes members forget what they did not write down.
func restartVoters(g *generator) {
	length := g.span(4, 6)
	g.process(0, length, Kill{"leader"})
	t := Trigger{On: "vote-granted", Times: (len(g.Nodes) + 1) / 2}
	if g.random.IntN(4) == 0 { // mostly at once, before it is written down
		t.After = g.round(time.Duration(g.random.IntN(20)) * time.Millisecond)
	}
	g.on(t, length, 0, Restart{"voter"})
}

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
	shape, length := g.pick(shapes...), g.span(4, 9)
	if _, bridge := shape.(Bridge); bridge {
		g.rare(0, length, shape) // a leader on the bridge misses nobody
		return
	}
	g.network(0, length, shape)
}

// partlySeen takes away some links so that everybody still sees a majority, or
// somebody does who does not see the leader: an old leader then hears of a new
// one only from those whom both reach, while it goes on serving its clients.
func partlySeen(g *generator) {
	length := g.span(6, 10)
	if len(g.Nodes) >= 4 {
		g.network(0, length, Ring{})
		return
	}
	g.rare(0, length, Bridge{Over: "follower"})
}

// splitVote makes requests arrive so late that others stand meanwhile.
func splitVote(g *generator) {
	length := g.span(6, 8)
	g.network(0, length, Isolate{"leader"})
	mean := g.span(0.4, 1)
	late := Traffic{Action: "delay", Delay: mean, Jitter: mean / 2, From: "*", To: "*"}
	if slices.Contains(g.Classes, "vote") {
		late.Class = "vote"
	}
	g.rare(0, length, late)
}

// meddleWithVotes makes votes arrive late, twice or never.
func meddleWithVotes(g *generator) {
	length := g.span(5, 8)
	g.process(0, length, g.pick(Kill{"leader"}, Pause{"leader"}))
	class := "vote-response"
	if slices.Contains(g.Classes, "vote") && g.random.IntN(3) == 0 {
		class = "vote"
	}
	switch g.random.IntN(6) {
	case 0, 1, 2:
		g.lateVotes(length + g.span(1, 3))
		return
	case 3:
		g.doubledVotes(length)
		return
	}
	g.rare(0, g.span(2, 4), g.pick(
		Traffic{Action: "hold", Class: class, From: "*", To: "*"},
		Traffic{Action: "hold", Class: class, From: "*", To: "one"},
		Traffic{Action: "duplicate", Class: class, From: "*", To: "*"},
		Traffic{Action: "reorder", Class: class, Percent: g.percent(30, 80), From: "*", To: "*"},
		Traffic{Action: "drop", Class: class, Percent: g.percent(30, 70), From: "*", To: "*"},
	))
}

// lateVotes makes votes come when their candidate stands in the next term
// already, and has not been heard of there.
func (g *generator) lateVotes(length time.Duration) {
	g.rare(0, length, Traffic{Action: "delay", Class: "vote-response", Delay: g.span(0.9, 1.4), Jitter: g.span(0.3, 0.6), From: "*", To: "*"})
	if slices.Contains(g.Classes, "vote") {
		g.rare(0, length, Traffic{Action: "delay", Class: "vote", Delay: g.span(0.2, 0.5), From: "*", To: "*"})
	}
}

// doubledVotes delivers every vote twice while candidates reach only some voters:
// two copies of one vote are not two votes.
func (g *generator) doubledVotes(length time.Duration) {
	g.rare(0, length, Traffic{Action: "duplicate", Class: "vote-response", From: "*", To: "*"})
	if slices.Contains(g.Classes, "vote") {
		g.rare(0, length, Traffic{Action: "drop", Class: "vote", Percent: g.percent(40, 70), From: "*", To: "*"})
	}
}

// lateAppends makes appends arrive after newer ones, and twice.
func lateAppends(g *generator) {
	length, mean := g.span(4, 7), g.span(0.2, 1)
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
// its term reaches them; until then it does not know what was committed.
func lateNoOp(g *generator) {
	length := g.span(7, 9)
	behind := Traffic{Action: "delay", Delay: g.span(0.2, 0.4), From: "leader", To: "*"}
	g.rare(0, length, Traffic{Action: "delay", Class: "append", Delay: g.span(0.3, 0.6), From: "*", To: "*"})
	g.rare(0, length, behind)
	g.process(g.span(1, 2), g.span(4, 5), g.pick(Kill{Same}, Pause{Same}))
}

// oldAnswers lets a leader that can no longer speak go on hearing answers to what
// it said before, and nothing of the next one. They tell that it led then, not that
// it still does.
func oldAnswers(g *generator) {
	speaks, mute := g.span(2.5, 3.5), g.span(3, 5)
	g.rare(0, speaks+mute, Traffic{Action: "delay", Class: "heartbeat-response", Delay: g.span(2, 3), From: "*", To: "leader"})
	g.network(speaks, mute, Traffic{Action: "cut", From: Same, To: "rest"})
	for _, class := range []string{"vote", "append", "heartbeat"} {
		if slices.Contains(g.Classes, class) {
			g.rare(speaks, mute, Traffic{Action: "hold", Class: class, From: "rest", To: Same})
		}
	}
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
	g.on(t, g.span(7, 10), g.span(3, 5), g.pick(Kill{"it"}, Kill{"it"}, Pause{"it"}, Isolate{"it"}))
}

func killMinority(g *generator) { g.process(0, g.span(4, 8), Kill{"minority"}) }

func restartOne(g *generator) { g.process(0, 0, g.pick(Restart{"leader"}, Restart{"one"})) }

func pauseFollower(g *generator) { g.process(0, g.span(4, 8), g.pick(Pause{"follower"}, Pause{"one"})) }

// fallBehind keeps a member away for so long that only a snapshot helps.
func fallBehind(g *generator) {
	length := g.span(12, 18)
	if g.random.IntN(2) == 0 {
		g.process(0, length, Kill{"follower"})
	} else {
		g.network(0, length, Isolate{"follower"})
	}
	if g.random.IntN(2) == 0 {
		g.on(Trigger{On: "install"}, length+g.span(4, 8), 0, Restart{"it"})
	}
}

func storm(g *generator) {
	g.process(0, g.span(6, 9), RestartStorm{Who: "one", Every: g.span(2, 3)})
}

func roll(g *generator) { g.process(0, 0, RollingRestart{Every: g.span(3, 5)}) }

// attackCandidates strikes those who stand while they do.
func attackCandidates(g *generator) {
	length := g.span(4, 6)
	g.process(0, length, Kill{"leader"})
	t := Trigger{On: "candidate", After: g.round(time.Duration(g.random.IntN(30)) * time.Millisecond)}
	g.on(t, length, g.span(2, 4), g.pick(Kill{"candidate"}, Pause{"candidate"}, Isolate{"candidate"}))
}

// oneWay lets a leader speak and not hear, or hear and not speak.
func oneWay(g *generator) {
	g.network(0, g.span(4, 8), g.pick(
		Traffic{Action: "cut", From: "leader", To: "rest"},
		Traffic{Action: "cut", From: "rest", To: "leader"},
	))
}

func resetAll(g *generator) {
	g.network(0, 0, g.pick(
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
