package nemesis

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/text"
)

// Theme is what a random plan is about: acts that bring about scenes of one kind, and
// what is in the air meanwhile.
type Theme struct {
	Name  string // one word
	Short string // one line of help

	acts func() []act
	// power says that it is about power failures, where there are any; medium that nobody
	// plays it without certain disks or machines.
	power, medium bool
	// weather adds what lasts for a stretch of the plan, while its acts go on; nil for
	// nothing.
	weather func(*generator, time.Duration)
}

// Usual tells whether the theme needs no certain disks or machines.
func (t Theme) Usual() bool { return !t.medium }

// Themes lists all themes, in the order in which help shows them.
func Themes() []Theme {
	return []Theme{
		{Name: "late-elections", Short: "votes, and who asks for them, come late, twice, in another order, or never", acts: electionActs, weather: lateMessages},
		{Name: "restarts-in-vote", Short: "members are restarted while they stand, vote and write", acts: voteActs},
		{Name: "deposed-leaders", Short: "leaders are cut off, stopped or held back, and let back in while they still lead in their own eyes", acts: deposedActs},
		{Name: "short-reigns", Short: "leaders are struck early in their terms, one after the other, with entries on few members", acts: reignActs},
		{Name: "stragglers", Short: "followers are far behind, with snapshots under way, late and overtaken", acts: stragglerActs, weather: lateSnapshots},
		{Name: "late-appends", Short: "what leaders send comes late, twice and overtaken, some of it after they are gone", acts: appendActs, weather: appendsInDisorder},
		{Name: "late-answers", Short: "answers come later than what they answer, some of them to who no longer leads", acts: answerActs, weather: answersLate},
		{Name: "even-quorums", Short: "nobody has a majority, or just one, as in clusters of even size", acts: quorumActs},
		{Name: "power-loss", Short: "all or most members are killed at once, or one after the other; if their disks can, they lose power", acts: powerActs, power: true},
		{Name: "weak-links", Short: "links are slow, one-way, refused, reset, or missing between some", acts: linkActs},
		{Name: "slow-machines", Short: "members and their disks are slow, stand still, are full or deaf, and have wrong clocks; it needs such faults", acts: mediumActs, medium: true},
	}
}

// themes are those that are not for other disks and machines.
func (g *generator) themes() []Theme {
	return slices.DeleteFunc(Themes(), func(t Theme) bool { return t.medium && !g.plays(t) })
}

// electionActs needs a cluster whose elections are attacked again and again.
func electionActs() []act {
	return []act{
		{members: 3, out: everybody, write: splitVote},
		{members: 3, out: 1, classes: []string{"vote-response"}, write: meddleWithVotes},
		{members: 3, out: 1, classes: []string{"vote-response"}, write: votesAtOnce},
		{members: 3, out: 1, write: killLeader},
		{members: 3, out: 1, write: isolateLeader},
		{members: 3, out: minority, write: attackCandidates},
	}
}

func voteActs() []act {
	return []act{
		{members: 3, out: minority, write: restartVoters},
		{members: 3, out: 1, write: restartStraggler},
		{members: 3, out: everybody, write: powerLossInVote},
		{members: 3, out: everybody, write: splitVote},
		{members: 3, out: minority, write: attackCandidates},
		{members: 3, out: everybody, write: restartInTurn},
		{members: 3, out: minority, write: attackOnLogEvent},
	}
}

func deposedActs() []act {
	return []act{
		{members: 3, out: minority, write: deposeLeaders},
		{members: 3, out: 1, classes: []string{"append"}, write: heldBack},
		{members: 3, out: 1, write: pauseLeaders},
		{members: 3, out: 1, write: backAmongLate},
		{members: 3, out: 1, classes: []string{"heartbeat-response"}, write: oldAnswers},
		{members: 3, out: 1, classes: []string{"append"}, write: appendsOfTheDeposed},
		{members: 3, out: minority, write: partlySeen},
		{members: 3, out: 1, clients: true, write: clientsOfTheDeposed},
	}
}

func reignActs() []act {
	return []act{
		{members: 3, out: minority, write: chaseLeaders},
		{members: 3, out: 1, classes: []string{"append"}, write: starveThenKill},
		{members: 3, out: 1, classes: []string{"append"}, write: lateNoOp},
		{members: 3, out: minority, write: killTwice},
		{members: 1, out: 1, write: restartLeaders},
		{members: 3, out: 1, write: backAmongLate},
	}
}

func stragglerActs() []act {
	return []act{
		{members: 3, out: 1, write: fallBehind},
		{members: 3, out: everybody, classes: []string{"snapshot"}, write: lateSnapshot},
		{members: 3, out: 1, write: restartStraggler},
		{members: 3, out: 1, write: isolateFollower},
		{members: 3, out: 1, write: isolateLeader},
		{members: 3, out: 1, write: attackOnLogEvent},
	}
}

func appendActs() []act {
	return []act{
		{members: 3, out: 0, classes: []string{"append"}, write: lateAppends},
		{members: 3, out: 1, classes: []string{"append"}, write: heldBack},
		{members: 3, out: 1, classes: []string{"append"}, write: appendsOfTheDeposed},
		{members: 3, out: 1, classes: []string{"append"}, write: lateNoOp},
		{members: 3, out: everybody, classes: []string{"snapshot"}, write: lateSnapshot},
		{members: 3, out: 1, write: backAmongLate},
		{members: 3, out: minority, write: deposeLeaders},
		{members: 2, out: 0, classes: []string{"append"}, write: loseFrames},
	}
}

func answerActs() []act {
	return []act{
		{members: 3, out: everybody, classes: []string{"snapshot"}, write: lateSnapshot},
		{members: 3, out: 1, classes: []string{"append-response"}, write: lateAnswers},
		{members: 3, out: 1, classes: []string{"heartbeat-response"}, write: oldAnswers},
		{members: 3, out: minority, write: deposeLeaders},
		{members: 3, out: 1, classes: []string{"vote-response"}, write: meddleWithVotes},
		{members: 2, out: 1, write: oneWay},
		{members: 1, out: 0, clients: true, write: loseAnswers},
	}
}

func quorumActs() []act {
	return []act{
		{members: 3, out: everybody, write: evenHalves},
		{members: 3, out: minority, write: exactMajority},
		{members: 3, out: everybody, write: splitVote},
		{members: 3, out: everybody, write: oneTooFew},
		{members: 3, out: minority, write: partitionAtRandom},
		{members: 3, out: minority, write: killMinority},
	}
}

func powerActs() []act {
	return append([]act{
		{members: 1, out: everybody, write: powerLoss},
		{members: 1, out: everybody, write: killsAtAnswers},
		{members: 1, out: everybody, write: restartSome},
		{members: 3, out: everybody, write: powerLossInVote},
		{members: 1, out: 1, write: restartLeaders},
		{members: 3, out: 1, write: restartStraggler},
		{members: 1, out: 1, write: roll},
		{members: 1, out: 1, write: storm},
		{members: 3, out: everybody, write: restartInTurn},
		{members: 3, out: 1, write: attackOnLogEvent},
	}, outageActs()...)
}

func linkActs() []act {
	return []act{
		{members: 3, out: everybody, classes: []string{"snapshot"}, write: lateSnapshot},
		{members: 3, out: minority, write: partlySeen},
		{members: 3, out: 1, write: oneWay},
		{members: 3, out: 1, classes: []string{"heartbeat-response"}, write: oldAnswers},
		{members: 2, out: 0, write: resetAll},
		{members: 3, out: 0, write: refuseSome},
		{members: 2, out: 0, write: slow},
		{members: 2, out: 0, write: throttle},
		{members: 2, out: 0, classes: []string{"heartbeat"}, write: loseHeartbeats},
		{members: 2, out: 0, classes: []string{"append"}, write: loseFrames},
		{members: 3, out: minority, write: partitionAtRandom},
		{members: 1, out: 0, clients: true, write: farClients},
	}
}

// themeNames lists the names of all themes.
func themeNames() []string {
	var names []string
	for _, t := range Themes() {
		names = append(names, t.Name)
	}
	return names
}

func themed(name string) (Theme, bool) {
	all := Themes()
	i := slices.IndexFunc(all, func(t Theme) bool { return t.Name == name })
	if i < 0 {
		return Theme{}, false
	}
	return all[i], true
}

// CheckThemes tells why random plans with these options cannot be about their Themes:
// one is unknown, named twice, or needs more than there is; or that Favour is unknown.
func (o GenerateOptions) CheckThemes() error {
	g := &generator{GenerateOptions: o}
	for i, name := range o.Themes {
		t, ok := themed(name)
		switch {
		case !ok:
			return fmt.Errorf("unknown theme %q%s: use some of %s", name, text.DidYouMean(name, themeNames()), strings.Join(themeNames(), ", "))
		case slices.Contains(o.Themes[:i], name):
			return fmt.Errorf("theme %s is named twice", name)
		case t.medium && !g.plays(t):
			return fmt.Errorf("theme %s: its scenes need faults of files (--disk fuse) or of the machine, which this run does not have", name)
		case !g.plays(t):
			return fmt.Errorf("theme %s: a cluster of %d whose messages are %s has none of its scenes: use some of %s",
				name, len(o.Nodes), map[bool]string{true: "told apart", false: "not told apart"}[len(o.Classes) > 0], strings.Join(g.playable(), ", "))
		}
	}
	if _, ok := themed(o.Favour); !ok && o.Favour != "" {
		return fmt.Errorf("unknown theme %q to favour%s: use one of %s", o.Favour, text.DidYouMean(o.Favour, themeNames()), strings.Join(themeNames(), ", "))
	}
	return nil
}

// plays tells whether two acts of a theme are possible, or all that it has.
func (g *generator) plays(t Theme) bool {
	possible := 0
	for _, a := range t.acts() {
		if g.possible(a) {
			possible++
		}
	}
	return possible >= 2
}

func (g *generator) playable() []string {
	var names []string
	for _, t := range Themes() {
		if g.plays(t) {
			names = append(names, t.Name)
		}
	}
	return names
}

// favour puts the favoured theme into the place of the first.
func (g *generator) favour(drawn []string) []string {
	if t, ok := themed(g.Favour); ok && g.plays(t) && len(drawn) > 0 && !slices.Contains(drawn, t.Name) {
		drawn[0] = t.Name
	}
	return drawn
}

// themeLength is how long, in election timeouts, a plan is at least for each of its
// themes: with less nothing of a theme has its chance.
const themeLength = 65

// maxThemes bounds how many a drawn plan has.
const maxThemes = 3

// drawThemes chooses what the plan is about, up to three themes if it is long enough.
// Seeds that follow each other have others, until all had their turn.
func (g *generator) drawThemes(seed uint64) []string {
	names := g.playable()
	if len(names) == 0 {
		return nil
	}
	most := min(max(1, int(g.Duration/(themeLength*g.Election))), maxThemes, len(names))
	turns := uint64((len(names) + most - 1) / most)
	of := rand.New(source(seed/turns, "themes"))
	of.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	first := int(seed%turns) * most
	own := rand.New(source(seed, "number of themes"))
	n := 1 + max(own.IntN(most), own.IntN(most))
	var drawn []string
	for i := range n {
		drawn = append(drawn, names[(first+i)%len(names)])
	}
	return drawn
}

// weather lets what a theme has in the air begin with its first act, most times, and
// what another has every now and then; and since whoever comes back may need a snapshot,
// snapshots come again late for half of the time, and for the other half the first who
// installs one is restarted.
func (g *generator) weather(t Theme) {
	length, weather := g.span(12, 20), t.weather
	if all := g.themes(); weather == nil || g.random.IntN(3) == 0 {
		weather = all[g.random.IntN(len(all))].weather
	}
	if length = min(length, g.limit-g.end); length < 6*g.Election {
		return
	}
	start := g.start
	g.start = g.end
	if weather != nil {
		weather(g, length)
	}
	if g.random.IntN(2) == 0 {
		g.lateCopies(length)
	} else {
		after := g.round(time.Duration(g.random.IntN(40)) * time.Millisecond)
		g.on(Trigger{On: "install", After: after}, length-2*g.Election, 0, Restart{"it"})
	}
	g.start, g.end = start, g.start
}
