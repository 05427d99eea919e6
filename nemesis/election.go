package nemesis

import "time"

// restartVoters makes members forget what they did not write down, half of the time
// while requests for their votes are late.
func restartVoters(g *generator) {
	length := g.span(3, 5)
	g.process(0, length, Kill{"leader"})
	t := Trigger{On: "vote-granted", Times: (len(g.Nodes) + 1) / 2}
	if g.random.IntN(4) == 0 { // mostly at once, before it is written down
		t.After = g.round(time.Duration(g.random.IntN(20)) * time.Millisecond)
	}
	g.on(t, length, 0, Restart{"voter"})
	if g.has("vote") && g.random.IntN(2) == 0 { // another candidate of that term asks those who are back
		mean := g.span(0.4, 1)
		g.rare(0, length, Traffic{Action: "delay", Class: "vote", Delay: mean, Jitter: mean / 2, From: "*", To: "*"})
	}
}

// splitVote makes requests arrive so late that others stand meanwhile, some of them
// with less than others, and half of the time restarts who has voted while that term
// goes on.
func splitVote(g *generator) {
	before, length := g.span(0.5, 1.5), g.span(4, 6)
	if g.has("append") {
		g.rare(0, before+g.span(0, 0.3), Traffic{Action: "drop", Class: "append", From: "leader", To: "minority"})
	}
	g.network(before, length, Isolate{"leader"})
	mean := g.span(0.2, 1)
	late := Traffic{Action: "delay", Delay: mean, Jitter: mean / 2, From: "*", To: "*"}
	if g.has("vote") {
		late.Class = "vote"
	}
	g.rare(before, length, late)
	if g.random.IntN(2) == 0 {
		after := g.round(time.Duration(g.random.IntN(40)) * time.Millisecond)
		g.on(Trigger{On: "leader", After: after}, before+length, 0, g.pick(Restart{"followers"}, Restart{"minority"}, Restart{"voter"}))
	}
}

// meddleWithVotes makes votes arrive late, twice or never.
func meddleWithVotes(g *generator) {
	length := g.span(4, 6)
	g.process(0, length, g.pick(Kill{"leader"}, Pause{"leader"}))
	class := "vote-response"
	if g.has("vote") && g.random.IntN(3) == 0 {
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
	if g.has("vote") {
		g.rare(0, length, Traffic{Action: "delay", Class: "vote", Delay: g.span(0.2, 0.5), From: "*", To: "*"})
	}
	if g.has("prevote-response") && g.random.IntN(2) == 0 {
		g.rare(0, length, Traffic{Action: "delay", Class: "prevote-response", Delay: g.span(0.9, 1.4), Jitter: g.span(0.3, 0.6), From: "*", To: "*"})
	}
}

// doubledVotes delivers every vote twice while candidates reach only some voters:
// two copies of one vote are not two votes.
func (g *generator) doubledVotes(length time.Duration) {
	g.rare(0, length, Traffic{Action: "duplicate", Class: "vote-response", From: "*", To: "*"})
	if g.has("vote") {
		g.rare(0, length, Traffic{Action: "drop", Class: "vote", Percent: g.percent(40, 70), From: "*", To: "*"})
	}
}

// attackCandidates strikes those who stand while they do.
func attackCandidates(g *generator) {
	length := g.span(4, 6)
	g.process(0, length, Kill{"leader"})
	t := Trigger{On: "candidate", After: g.round(time.Duration(g.random.IntN(30)) * time.Millisecond)}
	g.on(t, length, g.span(2, 4), g.pick(Kill{"candidate"}, Pause{"candidate"}, Isolate{"candidate"}))
}

// votesAtOnce keeps votes back until more than one member has stood, in one term or in
// several, and lets all of them come at once.
func votesAtOnce(g *generator) {
	length := g.span(2.5, 4)
	g.process(0, length+g.span(1, 2), g.pick(Kill{"leader"}, Pause{"leader"}))
	g.rare(0, length, Traffic{Action: "hold", Class: "vote-response", From: "*", To: "*"})
	if g.random.IntN(2) == 0 {
		g.rare(length, g.span(1, 2), Traffic{Action: "delay", Class: "vote", Delay: g.span(0.3, 0.8), Jitter: g.span(0.1, 0.3), From: "*", To: "*"})
	}
}

// restartInTurn restarts, as soon as an election is under way, whoever stands or has
// voted, so that it is asked again for the same term.
func restartInTurn(g *generator) {
	length := g.span(4, 6)
	g.process(0, length, g.pick(Kill{"leader"}, Pause{"leader"}))
	g.on(Trigger{On: "vote-granted", Times: 1 + g.random.IntN(3)}, length, 0, Restart{"it"})
	g.on(Trigger{On: "candidate", After: g.round(time.Duration(g.random.IntN(30)) * time.Millisecond)}, length, 0,
		g.pick(Restart{"it"}, Restart{"followers"}, Restart{"minority"}))
	g.recover()
}

// powerLossInVote takes everybody down at the first vote of an election: those who come
// back are asked anew, for the same term or one that they have seen.
func powerLossInVote(g *generator) {
	length := g.span(3, 4)
	g.process(0, length, g.pick(Kill{"leader"}, Pause{"leader"}))
	t := Trigger{On: "vote-granted", Times: 1 + g.random.IntN(2)}
	if g.random.IntN(2) == 0 {
		t.After = g.round(time.Duration(g.random.IntN(20)) * time.Millisecond)
	}
	g.on(t, length, 0, g.pick(Restart{"all"}, Restart{"majority"}, Restart{"all"}))
	g.recover()
}

// lateMessages lets elections have it hard for a while.
func lateMessages(g *generator, length time.Duration) {
	for _, class := range []string{"vote", "vote-response", "prevote-response"} {
		if mean := g.span(0.15, 0.6); g.has(class) && g.random.IntN(3) > 0 {
			g.rare(0, length, Traffic{Action: "delay", Class: class, Delay: mean, Jitter: mean, From: "*", To: "*"})
		}
	}
	if g.has("vote-response") && g.random.IntN(2) == 0 {
		g.rare(0, length, Traffic{Action: "duplicate", Class: "vote-response", Percent: g.percent(30, 90), From: "*", To: "*"})
	}
}

// evenHalves leaves two halves of the same size, neither of which may elect: in a
// cluster of odd size beside one who is down.
func evenHalves(g *generator) {
	length := g.span(4, 6)
	if len(g.Nodes)%2 == 0 {
		g.network(0, length, g.pick(Halves{}, Partition{[]Target{"leader", "rest"}}, Halves{}))
	} else {
		g.process(0, length+g.span(0.3, 1), g.pick(Kill{"leader"}, Kill{"one"}, Pause{"leader"}))
		g.rare(g.span(0.2, 0.5), length, Partition{[]Target{Same + " minority", "rest"}})
	}
	g.recover()
}

// exactMajority leaves a majority without one to spare, of which messages are late:
// nobody may win without each of its votes.
func exactMajority(g *generator) {
	length := g.span(5, 7)
	g.process(0, length, g.pick(Kill{"minority"}, Pause{"minority"}))
	mean := g.span(0.2, 0.8)
	late := Traffic{Action: "delay", Delay: mean, Jitter: mean, From: "*", To: "*"}
	if g.has("vote-response") {
		late.Class = "vote-response"
	}
	g.rare(0, length, late)
	if g.random.IntN(2) == 0 {
		g.process(g.span(2, 3), g.span(2, 3), g.pick(Pause{"leader"}, Kill{"leader"}))
	}
}

// oneTooFew leaves members one short of a majority, who stand term after term.
func oneTooFew(g *generator) {
	g.process(0, g.span(4, 6), g.pick(Kill{"majority"}, Pause{"majority"}))
	g.recover()
}

// darkVoters takes the power from voters while nobody hears of their votes: who has won
// writes at once, and what is synced for that brings the vote to the disk as well.
func darkVoters(g *generator) {
	length := g.span(3, 5)
	g.process(0, length, Kill{"leader"})
	if g.has("vote-response") {
		g.rare(0, length, Traffic{Action: "hold", Class: "vote-response", From: "*", To: "*"})
	}
	keep := g.Keeps[0]
	t := Trigger{On: "vote-granted", Times: (len(g.Nodes) + 1) / 2}
	g.on(t, length, g.span(0.2, 0.6), PowerFailure{Who: "voter", Keep: g.seeded(keep)})
	g.recover()
}

// darkInElection takes the power away while members stand and vote.
func darkInElection(g *generator) {
	length := g.span(4, 6)
	g.process(0, length, g.outage("leader"))
	t := Trigger{On: []string{"vote-granted", "candidate"}[g.random.IntN(2)], Times: 1 + g.random.IntN(2)}
	switch {
	case t.On == "candidate": // who is asked writes down what he answers within a few of these
		t.After = time.Duration(g.random.IntN(12)) * 250 * time.Microsecond
	case g.random.IntN(2) == 0:
		t.After = g.round(time.Duration(g.random.IntN(20)) * time.Millisecond)
	}
	g.on(t, length, g.span(0.3, 1), g.outage([]Target{"it", "it", "all", "majority"}[g.random.IntN(4)]))
	g.recover()
}
