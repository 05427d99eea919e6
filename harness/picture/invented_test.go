package picture_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// invented returns the lines of a history of which nothing holds together but that its
// processes are numbered: members come, go, stand still, leave and are told of.
func invented(r *rand.Rand) []byte {
	var b bytes.Buffer
	n, now := 0, 0
	pace := []int{2_000_000, 2_000_000, 100_000_000}[r.IntN(3)]
	add := func(kind string, payload line) {
		now += 1 + r.IntN(pace)
		text, err := json.Marshal(line{"n": n, "t": now, kind: payload})
		if err != nil {
			panic(err)
		}
		b.Write(append(text, '\n'))
		n++
	}
	members := []string{"n1", "n2", "n3", "n4"}[:1+r.IntN(4)]
	sources := [][]string{{"trace", "tap", "claim"}, {"tap", "claim"}, {"claim"}, {}}[r.IntN(4)]
	add("run", line{"what": "begin", "format": 1, "nodes": members, "election": 1e8})
	inc, up, open := make(map[string]int), make(map[string]bool), make(map[int]bool)
	step, told := 0, 0
	around := surroundings{asks: make(map[int]bool)}
	for range 20 + r.IntN(400) {
		m := members[r.IntN(len(members))]
		other := members[r.IntN(len(members))]
		for range r.IntN(3) {
			around.add(r, add, members)
		}
		switch k := r.IntN(20); {
		case k == 0 && !up[m]:
			inc[m]++
			up[m] = true
			add("proc", line{"node": m, "what": "start", "inc": inc[m], "pid": 1000 + n})
		case k == 1 && up[m]:
			up[m] = false
			add("proc", line{"node": m, "what": "exit", "inc": inc[m], "signal": "killed", "expected": true})
		case k == 2 && up[m]:
			add("proc", line{"node": m, "what": "signal", "signal": []string{"stopped (signal)", "continued", "terminated"}[r.IntN(3)]})
		case k == 3 && r.IntN(3) == 0:
			told++
			add("raft", line{"src": "harness", "node": m, "seq": told, "what": "config", "inc": r.IntN(2) * (inc[m] + 1), "voters": []string{other}})
		case k == 4:
			what := []string{"inject", "heal", "skipped", "not-fired", "no-target", "not-started"}[r.IntN(6)]
			if what == "inject" {
				step++
			}
			if which := max(step-r.IntN(3), 1); what == "inject" && !open[step] || what != "inject" {
				if what == "inject" {
					which = step
				}
				open[which] = what == "inject"
				add("fault", line{"step": which, "what": what, "bit": what == "heal" && r.IntN(2) == 0, "nodes": []string{m},
					"text": "at 1s remove one", "resolved": "at 1s " + []string{"remove " + m, "for 1s kill " + m, "for 1s isolate " + m, "for 1s drop append 50% " + m + " > " + other, "for 1s refuse n1 <> n2", "for 1s partition n1 n3 | n2 n4"}[r.IntN(6)]})
			}
		case k < 15 && len(sources) > 0:
			saying(r, add, sources[r.IntN(len(sources))], m, other, inc[m])
		}
	}
	add("run", line{"what": "end"})
	return b.Bytes()
}

// saying adds what somebody tells of a member: sometimes of a process before, or the one
// to come.
func saying(r *rand.Rand, add func(string, line), source, m, other string, inc int) {
	which := max(inc-r.IntN(2)*r.IntN(2), 1)
	if r.IntN(30) == 0 {
		which = inc + 1
	}
	term := 1 + r.IntN(6)
	switch source {
	case "claim":
		add("claim", line{"node": m, "inc": which, "role": []string{"", "follower", "candidate", "leader"}[r.IntN(4)], "term": term})
	case "tap":
		what := []string{"candidate", "leader", "ack", "vote", "prevote", "commit"}[r.IntN(6)]
		raft := line{"src": "tap", "node": m, "seq": term, "what": what, "stage": []string{"sent", "sent", "delivered", "dropped"}[r.IntN(4)],
			"term": term, "peer": other, "granted": r.IntN(2) == 0}
		if r.IntN(8) == 0 {
			raft["group"] = "another"
		}
		add("raft", raft)
	case "trace":
		what := []string{"start", "follower", "follower", "candidate", "leader", "vote", "append", "commit", "config"}[r.IntN(9)]
		raft := line{"src": "trace", "node": m, "inc": which, "seq": term, "what": what, "term": term, "peer": other}
		if what == "config" {
			raft[[]string{"voters", "outgoing", "learners"}[r.IntN(3)]] = []string{other, fmt.Sprint("n", 1+r.IntN(4))}
		}
		add("raft", raft)
	}
}

// surroundings are what goes on beside the members: clients, messages, the harness itself.
type surroundings struct {
	asks  map[int]bool // processes of clients
	under []int        // messages on their way
	sent  int
}

func (s *surroundings) add(r *rand.Rand, add func(string, line), members []string) {
	member := func() string { return members[r.IntN(len(members))] }
	switch r.IntN(12) {
	case 0:
		add("run", line{"what": "stall", "stall": r.IntN(300_000_000)})
	case 1:
		add("run", line{"what": "phase", "phase": []string{"faults", "heal", "final"}[r.IntN(3)]})
	case 2, 3, 4:
		s.sent++
		s.under = append(s.under, s.sent)
		add("raft", line{"src": "fabric", "node": member(), "peer": member(), "what": "message", "stage": "sent", "id": s.sent, "class": "vote", "term": 1 + r.IntN(9)})
	case 5, 6:
		if len(s.under) == 0 {
			return
		}
		i, stage := r.IntN(len(s.under)), []string{"held", "delivered", "delivered", "dropped"}[r.IntN(4)]
		add("raft", line{"src": "fabric", "node": member(), "peer": member(), "what": "message", "stage": stage, "id": s.under[i], "class": "vote"})
		if stage != "held" {
			s.under = append(s.under[:i], s.under[i+1:]...)
		}
	default:
		p := r.IntN(8)
		kind := "invoke"
		if s.asks[p] {
			kind = []string{"ok", "ok", "ok", "fail", "info"}[r.IntN(5)]
		}
		s.asks[p] = kind == "invoke"
		add("op", line{"process": p, "type": kind, "f": "get", "key": fmt.Sprint("k", p%3), "node": "n1"})
	}
}
