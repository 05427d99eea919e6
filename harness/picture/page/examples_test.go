package page_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/picture"
)

const ms = time.Millisecond

func span(from, to time.Duration) picture.Span { return picture.Span{From: from, To: to} }

func stay(from, to time.Duration, role picture.Role, term uint64) picture.Stay {
	return picture.Stay{Span: span(from, to), Role: role, Term: term, Inc: 1, By: "trace", Seq: uint64(from / 1000)}
}

func deed(at time.Duration, what string, term uint64, peer, text string) picture.Deed {
	return picture.Deed{At: at, Seq: uint64(at / 1000), What: what, Term: term, Peer: peer, Text: text, Granted: strings.Contains(text, "granted")}
}

// invalid is a run in which two members came to lead one term: n1 was cut off, and n2's
// vote was counted twice.
func invalid() *picture.Picture {
	const end = 12 * time.Second
	p := &picture.Picture{
		Format: picture.Format, Title: "20261130-201500-7f3a", End: end, Election: 150 * ms,
		Command:  "usurper run --seed 8123 --bug double-vote --for 10s",
		Commands: []picture.Command{{For: "Shrink its plan", Line: "usurper shrink results/20261130-201500-7f3a"}, {For: "Keep it, so that it is tried again", Line: "usurper keep results/20261130-201500-7f3a"}},
		Versions: []string{"usurper v0.9.0 (ccd7f31)", "go1.26.0", "Linux 6.18 amd64"},
		Phases:   []picture.Mark{{At: 400 * ms, Text: "ready"}, {At: 500 * ms, Text: "faults"}, {At: 9 * time.Second, Text: "healed"}, {At: 10 * time.Second, Text: "final"}},
		Plan:     "at 2s partition leader | rest for 3s\nat 6s kill n3 for 1s\nat 7.5s pause n2 for 400ms\n",
		Report: checker.Report{Verdict: checker.Invalid, Run: checker.Facts{Target: "reference", Workload: "register", Seed: 8123, Nodes: 3, Length: end, Events: 41230, Ended: true, Faults: 500 * ms},
			Results: []checker.Result{
				{Checker: "election", Verdict: checker.Invalid, Summary: "two leaders in one term"},
				{Checker: "votes", Verdict: checker.Valid, Summary: "17 votes looked at"},
				{Checker: "linearizable", Verdict: checker.Unknown, Summary: "3 keys of 20 undecided", Unknowns: []string{"r0-3: the search gave up after 10 s"}},
			}},
		Lanes: []picture.Lane{
			{Member: "n1", Stays: []picture.Stay{stay(50*ms, 210*ms, picture.Follower, 0), stay(210*ms, 240*ms, picture.Candidate, 1), stay(240*ms, 2700*ms, picture.Leader, 1), stay(2700*ms, 2950*ms, picture.Candidate, 2), stay(2950*ms, 5600*ms, picture.Leader, 2), stay(5600*ms, end, picture.Follower, 3)},
				Deeds: []picture.Deed{deed(50*ms, "start", 0, "", "process 1 starts"), deed(210*ms, "candidate", 1, "", "stands in term 1"), deed(240*ms, "leader", 1, "", "won term 1 with votes of n1, n2"), deed(2700*ms, "candidate", 2, "", "stands in term 2"), deed(2950*ms, "leader", 2, "", "won term 2 with votes of n1, n2")}},
			{Member: "n2", Stays: []picture.Stay{stay(60*ms, 7600*ms, picture.Follower, 2), stay(7600*ms, 8*time.Second, picture.Paused, 2), stay(8*time.Second, end, picture.Follower, 3)},
				Deeds: []picture.Deed{deed(60*ms, "start", 0, "", "process 1 starts"), deed(225*ms, "vote", 1, "n1", "granted n1 its vote"), deed(2850*ms, "vote", 2, "n3", "granted n3 its vote"), deed(2900*ms, "vote", 2, "n1", "granted n1 its vote in the same term")}},
			{Member: "n3", Stays: []picture.Stay{stay(60*ms, 2800*ms, picture.Follower, 1), stay(2800*ms, 2880*ms, picture.Candidate, 2), stay(2880*ms, 6*time.Second, picture.Leader, 2), stay(6*time.Second, 7*time.Second, picture.Down, 0), stay(7*time.Second, end, picture.Unknown, 0)},
				Deeds: []picture.Deed{deed(60*ms, "start", 0, "", "process 1 starts"), deed(230*ms, "vote", 1, "n1", "refused n1 its vote"), deed(2800*ms, "candidate", 2, "", "stands in term 2"), deed(2880*ms, "leader", 2, "", "won term 2 with votes of n2, n3"), deed(6*time.Second, "exit", 0, "", "killed"), deed(7*time.Second, "start", 0, "", "process 2 starts")}},
		},
		Bands: []picture.Band{
			{Span: span(2500*ms, 5500*ms), Step: 1, Text: "partition n1 | n2 n3", Kind: "partition", Members: []string{"n1", "n2", "n3"}, Outcome: "bit", Evidence: "held 214 segments on 4 links", Seq: 2500},
			{Span: span(6*time.Second, 7*time.Second), Step: 2, Text: "kill n3", Kind: "kill", Members: []string{"n3"}, Outcome: "bit", Evidence: "its process ended", Seq: 6000},
			{Span: span(7600*ms, 8*time.Second), Step: 3, Text: "pause n2", Kind: "pause", Members: []string{"n2"}, Outcome: "did not bite", Evidence: "it was not missed", Seq: 7600},
		},
		Cuts: []picture.Cut{
			{Span: span(2500*ms, 5500*ms), From: "n1", To: "n2", Kind: "cut", Step: 1}, {Span: span(2500*ms, 5500*ms), From: "n2", To: "n1", Kind: "cut", Step: 1},
			{Span: span(2500*ms, 5500*ms), From: "n1", To: "n3", Kind: "cut", Step: 1}, {Span: span(2500*ms, 5500*ms), From: "n3", To: "n1", Kind: "slow", Step: 1},
		},
		Leaderless: []picture.Span{span(0, 240*ms), span(2700*ms, 2880*ms), span(6*time.Second, 6300*ms)},
		Stalls:     []picture.Span{span(8500*ms, 8700*ms)},
	}
	p.Clients = clients(end, 50*ms, 600)
	p.Proofs = []picture.Proof{{Checker: "election", Rule: "two leaders in one term", Window: 0,
		Events: []picture.Point{
			{At: 2850 * ms, Seq: 2850, Member: "n2", Client: -1, Text: "n2 granted n3 its vote in term 2"},
			{At: 2880 * ms, Seq: 2880, Member: "n3", Client: -1, Text: "n3 became leader of term 2"},
			{At: 2900 * ms, Seq: 2900, Member: "n2", Client: -1, Text: "n2 granted n1 its vote in term 2"},
			{At: 2950 * ms, Seq: 2950, Member: "n1", Client: -1, Text: "n1 became leader of term 2"},
		},
		Sentences: []picture.Sentence{{Text: "n3 became leader of term 2 at 2.880 s, with the votes of n2 and itself.", Event: 1}, {Text: "n1 became leader of term 2 as well, at 2.950 s.", Event: 3}, {Text: "n2 voted for both.", Event: 2}, {Text: "A term has one leader at most.", Event: -1}},
	}}
	p.Windows = []picture.Window{window(880*ms, 4950*ms, "two leaders in one term", 10, 40*ms)}
	p.Windows[0].Messages = []picture.Message{
		{Sent: 2801 * ms, Delivered: 2840 * ms, From: "n3", To: "n2", Class: "vote-request", Term: 2, Fate: "delivered", Text: "n3 asks n2 for its vote in term 2", Seq: 9001},
		{Sent: 2801 * ms, Delivered: -1, From: "n3", To: "n1", Class: "vote-request", Term: 2, Fate: "dropped", Text: "n3 asks n1 for its vote in term 2", Seq: 9002},
		{Sent: 2851 * ms, Delivered: 2879 * ms, From: "n2", To: "n3", Class: "vote-reply", Term: 2, Fate: "delivered", Text: "n2 grants n3 its vote of term 2", Seq: 9003},
		{Sent: 2702 * ms, Delivered: 2899 * ms, From: "n1", To: "n2", Class: "vote-request", Term: 2, Fate: "held", Text: "n1 asks n2 for its vote in term 2", Seq: 9004},
		{Sent: 2901 * ms, Delivered: 2949 * ms, From: "n2", To: "n1", Class: "vote-reply", Term: 2, Fate: "delivered", Text: "n2 grants n1 its vote of term 2", Seq: 9005},
	}
	return p
}

// led is the same run with what led to it, up to n more events in n1's lane.
func led(n int) *picture.Picture {
	p := invalid()
	p.Title = "20261130-201500-led"
	c := picture.Causes{Left: "Left out: 9 events that can have led to it too, further away.", Unknown: []string{"The history does not tell of the disk."}}
	for i := len(p.Proofs[0].Events) - 1; i >= 0; i-- {
		c.Events = append(c.Events, picture.Cause{Point: p.Proofs[0].Events[i]})
	}
	cause := func(distance int, at time.Duration, seq uint64, member, text string, to int, how string) {
		c.Joins = append(c.Joins, picture.Join{From: len(c.Events), To: to, How: how})
		c.Events = append(c.Events, picture.Cause{Point: picture.Point{At: at, Seq: seq, Member: member, Client: -1, Text: text}, Distance: distance})
	}
	cause(1, 2800*ms, 2800, "n3", "n3 stands in term 2", 3, "it was asked")
	cause(1, 2700*ms, 2700, "n1", "n1 stands in term 2", 1, "it was asked")
	cause(2, 2500*ms, 2500, "", "fault: partition n1 | n2 n3", 5, "a fault in force")
	for i := range n {
		cause(3+i, time.Duration(2400-10*i)*ms, uint64(2400-10*i), "n1", fmt.Sprint("n1 does thing ", i), 6+i, "earlier in the same process")
	}
	p.Causes = []picture.Causes{c}
	return p
}

// stale is a run in which a read was answered with what had been overwritten.
func stale() *picture.Picture {
	p := invalid()
	p.Title, p.Report.Results[0] = "20261130-201500-stale", checker.Result{Checker: "linearizable", Verdict: checker.Invalid, Summary: "key r0-17 is not linearizable"}
	w := &p.Windows[0]
	w.Messages = nil
	op := func(from, to time.Duration, client int, node, call, answer string, seq uint64) picture.Point {
		w.Operations = append(w.Operations, picture.Operation{Span: span(from, to), Client: client, Node: node, Key: "r0-17", Call: call, Answer: answer, Outcome: "ok", Seq: seq})
		return picture.Point{At: to, Seq: seq + 1, Client: client, Text: fmt.Sprintf("client %d: %s r0-17 → %s at %s", client, call, answer, node)}
	}
	events := []picture.Point{
		op(2600*ms, 2660*ms, 41, "n2", `put "b"`, "ok", 50001),
		op(2700*ms, 2740*ms, 42, "n3", "get", `"b"`, 50003),
		op(2790*ms, 2830*ms, 43, "n1", "get", `"a"`, 50005),
	}
	op(1600*ms, 1650*ms, 41, "n1", `put "a"`, "ok", 50007)
	op(3100*ms, 3150*ms, 44, "n2", "get", `"b"`, 50009)
	p.Proofs = []picture.Proof{{Checker: "linearizable", Rule: "stale read", Window: 0, Events: events, Sentences: []picture.Sentence{
		{Text: `r0-17 held "b" since 2.660 s, when client 41's put was answered.`, Event: 0}, {Text: `Client 42 read "b" after that.`, Event: 1}, {Text: `Client 43 asked n1 later still, and read "a".`, Event: 2}}}}
	return p
}

// valid is the same run in which nothing was wrong.
func valid() *picture.Picture {
	p := invalid()
	p.Title, p.Report.Verdict, p.Proofs, p.Windows = "20261130-201500-fine", checker.Valid, nil, nil
	p.Report.Results = p.Report.Results[1:2]
	p.Clients.Shown, p.Clients.Keys = "", nil
	return p
}

func unknown() *picture.Picture {
	p := valid()
	p.Title, p.Report.Verdict = "20261130-201500-dim", checker.Unknown
	p.Report.Results = []checker.Result{{Checker: "coverage", Verdict: checker.Unknown, Summary: "no fault bit", Unknowns: []string{"none of 3 faults bit: nothing was tried", "the harness stalled for 2.1 s"}}}
	return p
}

func cutShort() *picture.Picture {
	p := unknown()
	p.Title = "20261130-201500-cut"
	p.Report.Run.Ended = false
	p.Report.Problem = "the history ends in the middle of line 8123"
	p.Missing = []string{"history.jsonl ends in the middle of line 8123: what came after 12 s is not here", "messages of elections: this history is of an older format that has none"}
	p.Bands[2].Open, p.Bands[2].To, p.Bands[2].Outcome = true, p.End, "not healed"
	return p
}

// quiet is a run of a system that tells nothing of its elections.
func quiet() *picture.Picture {
	p := valid()
	p.Title = "20261130-201500-black-box"
	p.Missing = []string{"elections: neither traces nor a tap tell of them"}
	p.Leaderless, p.Cuts, p.Election = nil, nil, 0
	for i := range p.Lanes {
		p.Lanes[i].Stays = []picture.Stay{{Span: span(50*ms, p.End), Role: picture.Unknown, Seq: 1}}
		p.Lanes[i].Deeds = nil
	}
	return p
}

// empty is what is made of a run that came to nothing.
func empty() *picture.Picture {
	return &picture.Picture{Format: picture.Format, Title: "nothing", Report: checker.Report{Problem: "the history is empty"}, Missing: []string{"the history is empty"}}
}

const hostile = "</script><script>window.pwned=1</script><img src=x onerror=window.pwned=1>'\"`${window.pwned=1}\u2028\u202e\x00\x1b[31m\xff"

// evil has a hostile string wherever a picture has text.
func evil() *picture.Picture {
	p := stale()
	long, huge := hostile+strings.Repeat("x", 1<<14), hostile+strings.Repeat("x", 1<<20)
	p.Title, p.Command, p.Plan = hostile, hostile, huge
	p.Commands[0] = picture.Command{For: hostile, Line: hostile}
	p.Versions = append(p.Versions, long)
	p.Missing = []string{hostile, huge}
	p.Report.Run.Target, p.Report.Run.Workload, p.Report.Run.Themes = hostile, hostile, []string{hostile}
	p.Report.Results[0] = checker.Result{Checker: hostile, Verdict: checker.Invalid, Summary: long, Told: hostile, Unknowns: []string{hostile}}
	p.Report.Problem = hostile
	p.Phases[1].Text = hostile
	for i := range p.Lanes {
		p.Lanes[i].Member = fmt.Sprint(hostile, i)
		for j := range p.Lanes[i].Deeds {
			d := &p.Lanes[i].Deeds[j]
			d.Text, d.Reason, d.Peer = long, hostile, hostile
		}
		p.Lanes[i].Stays[0].By = hostile
	}
	for i := range p.Bands {
		b := &p.Bands[i]
		b.Text, b.Kind, b.Evidence, b.Members = hostile, hostile, long, []string{p.Lanes[i].Member}
	}
	for i := range p.Cuts {
		p.Cuts[i].From, p.Cuts[i].To, p.Cuts[i].Kind = p.Lanes[i%2].Member, p.Lanes[2].Member, hostile
	}
	ops := p.Windows[0].Operations
	for i := range ops {
		ops[i].Call, ops[i].Answer, ops[i].Node = hostile, hostile, p.Lanes[0].Member
		if ops[i].Key == "r0-17" {
			ops[i].Key = hostile
		}
	}
	ops[0].Outcome, ops[1].Answer = hostile, huge
	p.Windows[0].Messages = []picture.Message{{Sent: 2700 * ms, Delivered: 2800 * ms, From: p.Lanes[0].Member, To: p.Lanes[1].Member, Class: hostile, Fate: hostile, Text: hostile, Seq: 90}}
	p.Clients.Shown, p.Clients.Keys = hostile, []string{hostile}
	p.Causes = []picture.Causes{{Left: hostile, Unknown: []string{long}, Joins: []picture.Join{{From: 1, To: 0, How: hostile}}, Events: []picture.Cause{
		{Point: p.Proofs[0].Events[2]}, {Point: picture.Point{At: 2700 * ms, Seq: 7, Member: p.Lanes[1].Member, Client: -1, Text: long}, Distance: 1}}}}
	proof := &p.Proofs[0]
	proof.Rule, proof.Checker = hostile, hostile
	for i := range proof.Events {
		proof.Events[i].Text, proof.Sentences[i].Text = long, hostile
	}
	return p
}

// clients are steady but for a dip in each tenth.
func clients(end, width time.Duration, rate int) picture.Clients {
	c := picture.Clients{Width: width, Shown: "every operation of ±2 s around the first violation of each rule", Keys: []string{"r0-17", "r0-3"}, Others: 18}
	for i := range int(end / width) {
		ok, slow := rate*int(width/ms)/1000, int64(2*ms)+int64(i*7919%900)*1000
		if i%100 > 40 && i%100 < 55 {
			ok, slow = ok/6, slow*40
		}
		c.OK, c.Fail, c.Info = append(c.OK, ok), append(c.Fail, i%11/8), append(c.Info, i%37/36)
		c.P50, c.P95, c.Max, c.Least = append(c.P50, slow), append(c.P95, slow*3), append(c.Max, slow*9), append(c.Least, slow/3)
		c.Total[0] += ok
	}
	return c
}

// window is one with operations of so many clients, one after the other.
func window(from, to time.Duration, rule string, clients int, lasts time.Duration) picture.Window {
	w := picture.Window{Span: span(from, to), Rule: rule}
	for c := range clients {
		seq := uint64(from/1000) + uint64(c)*100000
		for at := from + time.Duration(c)*3*ms; at < to-lasts; at += lasts + 5*ms {
			seq += 2
			op := picture.Operation{Span: span(at, at+lasts-time.Duration(c)*ms), Client: c, Node: fmt.Sprintf("n%d", c%3+1), Key: fmt.Sprintf("r0-%d", seq/2%20), Call: fmt.Sprintf(`put "%d"`, seq), Answer: "ok", Outcome: "ok", Seq: seq}
			switch seq / 2 % 13 {
			case 3:
				op.Outcome, op.Answer = "fail", "failed: not the leader"
			case 7:
				op.Outcome, op.Answer = "info", "no answer"
			case 1, 5, 9:
				op.Call, op.Answer = "get", fmt.Sprintf(`"%d"`, seq-40)
			}
			w.Operations = append(w.Operations, op)
		}
	}
	return w
}

// long is what is left of ten minutes and 350,000 operations: a new leader every
// second or so, 490 faults, ten windows.
func long() *picture.Picture {
	p := invalid()
	const end = 10 * time.Minute
	p.Title, p.End, p.Report.Run.Length, p.Report.Run.Events = "20261130-210000-ten-minutes", end, end, 2_800_000
	p.Lanes, p.Bands, p.Cuts, p.Leaderless, p.Proofs, p.Windows = nil, nil, nil, nil, nil, nil
	const members = 5
	for m := range members {
		lane := picture.Lane{Member: fmt.Sprintf("n%d", m+1), Folded: 900}
		for term := range uint64(700) {
			at := time.Duration(term) * 857 * ms
			leads := int(term*7%members) == m
			switch {
			case leads:
				lane.Stays = append(lane.Stays, stay(at, at+120*ms, picture.Candidate, term+1), stay(at+120*ms, at+857*ms, picture.Leader, term+1))
				lane.Deeds = append(lane.Deeds, deed(at, "candidate", term+1, "", "stands"), deed(at+120*ms, "leader", term+1, "", "won"))
			case term%17 == 3 && m == 2:
				lane.Stays = append(lane.Stays, stay(at, at+857*ms, picture.Down, 0))
			default:
				lane.Stays = append(lane.Stays, stay(at, at+857*ms, picture.Follower, term+1))
				lane.Deeds = append(lane.Deeds, deed(at+60*ms, "vote", term+1, "n1", "granted its vote"))
			}
		}
		p.Lanes = append(p.Lanes, lane)
	}
	for i := range 490 {
		at := time.Duration(i) * 1200 * ms
		who := fmt.Sprintf("n%d", i%members+1)
		p.Bands = append(p.Bands, picture.Band{Span: span(at, at+2*time.Second), Step: i + 1, Text: "partition " + who + " | rest", Kind: "partition", Members: []string{who}, Outcome: "bit", Evidence: "held 12 segments", Seq: uint64(i)})
		p.Cuts = append(p.Cuts, picture.Cut{Span: span(at, at+2*time.Second), From: who, To: fmt.Sprintf("n%d", (i+1)%members+1), Kind: "cut", Step: i + 1})
		p.Leaderless = append(p.Leaderless, span(at, at+120*ms))
	}
	p.Clients = clients(end, 300*ms, 583)
	for i := range 10 {
		at := time.Duration(30+i*55) * time.Second
		p.Windows = append(p.Windows, window(at-2*time.Second, at+2*time.Second, fmt.Sprint("rule ", i), 10, 17*ms))
		p.Proofs = append(p.Proofs, picture.Proof{Checker: "election", Rule: fmt.Sprint("rule ", i), Window: i,
			Events: []picture.Point{{At: at, Seq: uint64(i), Member: "n2", Client: -1, Text: "first"}, {At: at + 300*ms, Seq: uint64(i) + 1, Member: "n4", Client: -1, Text: "second"}}, Sentences: []picture.Sentence{{Text: "Two events.", Event: 0}}})
	}
	return p
}

// examples are pictures of every kind.
func examples() map[string]*picture.Picture {
	return map[string]*picture.Picture{"invalid": invalid(), "led": led(12), "stale": stale(), "valid": valid(), "unknown": unknown(), "cut-short": cutShort(), "quiet": quiet(), "empty": empty(), "hostile": evil(), "long": long(), "strained": strained()}
}
