package raft_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/bug"
	"github.com/usurper/usurper/node/raft"
)

var update = flag.Bool("update", false, "rewrite the expected output of testdata/*.txt")

// TestScripts runs testdata/*.txt. A script is blocks separated by blank lines;
// a block is comments, commands, a line "----", and what the commands print:
// the events of all members, then what show, flight and errors say.
//
//	members 5 [prevote] [batch=1] [bug=no-truncate]   start over with 5 members
//	timeout 1             let the election timer of 1 fire; messages stay in flight
//	elect 1               the same, then deliver everything
//	tick 1 10             move the time of 1 by 10 ticks
//	beat 1 [5]            let leader 1 send heartbeats and deliver everything, 5 times
//	propose 1 x y         propose two entries
//	read 1 7              ask for linearizable read 7
//	deliver [vote] [1>2]  deliver what is in flight, of that kind, on that link
//	drop [vote] [1>2]     lose it
//	repeat [vote] [1>2]   double it
//	cut 1 2 | 3           lose what is sent between the groups
//	heal                  end all cuts
//	crash 1, start 1      stop a member, bring it back
//	compact 1             take a snapshot of what 1 has applied
//	flight                print the messages in flight
//	show                  print every member's role, log and commit index
//
// With nothing but deliver, commands leave messages in flight; elect and beat
// end with none.
func TestScripts(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	require.NotEmpty(t, paths)
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			b, err := os.ReadFile(path)
			require.NoError(t, err)
			got := runScript(t, string(b))
			if *update {
				require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
				return
			}
			require.Equal(t, string(b), got, "run go test -run TestScripts -update and read the difference")
		})
	}
}

// runScript returns the script with the output that it really has.
func runScript(t *testing.T, text string) string {
	s := &script{t: t}
	var blocks []string
	for block := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		commands, _, _ := strings.Cut(block, "----")
		s.out.Reset()
		for line := range strings.SplitSeq(strings.TrimSpace(commands), "\n") {
			if line != "" && !strings.HasPrefix(line, "#") {
				s.run(strings.Fields(line))
			}
		}
		blocks = append(blocks, strings.TrimSpace(commands)+"\n----\n"+s.out.String())
	}
	return strings.Join(blocks, "\n")
}

// script interprets commands and is the watcher that prints events.
type script struct {
	t *testing.T
	c *cluster

	out strings.Builder
}

func (s *script) printf(format string, args ...any) {
	s.out.WriteString(strings.TrimRight(fmt.Sprintf(format, args...), " ") + "\n")
}

func (s *script) run(f []string) {
	verb, args := f[0], f[1:]
	switch verb {
	case "members":
		s.members(args)
	case "cut":
		s.cut(args)
	case "heal":
		s.c.heal()
	case "deliver", "drop", "repeat":
		s.move(verb, args)
	case "flight":
		for _, m := range s.c.flight {
			s.printf("%s", describe(m))
		}
	case "show":
		for _, id := range s.c.voters {
			s.show(id)
		}
	default:
		s.act(verb, s.id(args[0]), args[1:])
	}
}

// act runs the commands that name one member.
func (s *script) act(verb string, id raft.ID, args []string) {
	var err error
	switch verb {
	case "timeout":
		s.c.expire(id)
	case "elect":
		s.c.expire(id)
		s.c.settle()
	case "tick":
		s.c.tick(id, int(s.number(args[0])))
	case "beat":
		n := uint64(1)
		if len(args) > 0 {
			n = s.number(args[0])
		}
		for range n {
			s.c.beat(id)
		}
	case "propose":
		_, err = s.c.propose(id, args...)
	case "read":
		err = s.c.read(id, s.number(args[0]))
	case "crash":
		s.c.crash(id)
	case "start":
		s.c.start(id)
	case "compact":
		s.c.compact(id)
	default:
		s.t.Fatalf("unknown command %q", verb)
	}
	if err != nil {
		s.printf("%d: error: %v", id, err)
	}
}

func (s *script) members(args []string) {
	set := setup{n: int(s.number(args[0]))}
	for _, a := range args[1:] {
		name, value, _ := strings.Cut(a, "=")
		switch name {
		case "prevote":
			set.preVote = true
		case "batch":
			set.batch = int(s.number(value))
		case "bug":
			set.bug = bug.Name(value)
		default:
			s.t.Fatalf("unknown option %q", a)
		}
	}
	s.c = newCluster(s.t, set, nil)
	s.c.watch = s
}

func (s *script) cut(args []string) {
	side, n := map[raft.ID]int{}, 0
	for _, a := range args {
		if a == "|" {
			n++
		} else {
			side[s.id(a)] = n
		}
	}
	s.c.cut = func(from, to raft.ID) bool { return side[from] != side[to] }
}

// move delivers, drops or repeats messages in flight, not those that follow
// from them unless it delivers everything.
func (s *script) move(verb string, args []string) {
	if verb == "deliver" && len(args) == 0 {
		s.c.settle()
		return
	}
	meant := func(m raft.Message) bool {
		for _, a := range args {
			if a != kindName(m.Kind) && a != fmt.Sprintf("%d>%d", m.From, m.To) {
				return false
			}
		}
		return true
	}
	var chosen, rest []raft.Message
	for _, m := range s.c.flight {
		if meant(m) {
			chosen = append(chosen, m)
		}
		if !meant(m) || verb == "repeat" {
			rest = append(rest, m)
		}
	}
	require.NotEmpty(s.t, chosen, "%s %v: nothing like that in flight", verb, args)
	s.c.flight = rest
	switch verb {
	case "repeat":
		s.c.flight = append(s.c.flight, chosen...)
	case "deliver":
		for _, m := range chosen {
			s.c.give(m)
		}
	}
}

func (s *script) show(id raft.ID) {
	if s.c.up(id) == nil {
		s.printf("%d: down", id)
		return
	}
	st := s.c.up(id).Status()
	log := strings.Join(s.c.members[id].log(), " ")
	if st.Snapshot.Index > 0 {
		log = fmt.Sprintf("[snapshot %s] %s", pos(st.Snapshot), log)
	}
	s.printf("%d: %s of term %d, commit %d: %s", id, st.Role, st.Term, st.Commit, log)
}

func (s *script) id(word string) raft.ID { return raft.ID(s.number(word)) }

func (s *script) number(word string) uint64 {
	n, err := strconv.ParseUint(word, 10, 64)
	require.NoError(s.t, err)
	return n
}

func (s *script) event(id raft.ID, e raft.Event) {
	var text string
	switch e.What {
	case raft.EventFollower:
		text = fmt.Sprintf("of %d", e.Peer)
	case raft.EventCandidate:
		text = "with log " + pos(e.Last)
	case raft.EventVote, raft.EventPreVote:
		verdict := "refused"
		if e.Granted {
			verdict = "granted"
		}
		text = fmt.Sprintf("for %d in term %d: %s (%s), own log %s, theirs %s", e.Peer, e.PeerTerm, verdict, e.Reason, pos(e.Last), pos(e.PeerLast))
	case raft.EventLeader:
		text = "with log " + pos(e.Last)
	case raft.EventAppend:
		text = fmt.Sprintf("%d..%d of term %d from %d", e.From, e.To, e.EntryTerm, e.Peer)
	case raft.EventTruncate:
		text = fmt.Sprintf("from %d on, by %d", e.Index, e.Peer)
	case raft.EventCommit, raft.EventInstall:
		text = pos(raft.Pos{Term: e.EntryTerm, Index: e.Index})
	}
	s.printf("%d: term %d: %s %s", id, e.Term, e.What, text)
}

func (s *script) output(id raft.ID, out *raft.Output) {
	for _, r := range out.Reads {
		if r.OK {
			s.printf("%d: read %d at %d", id, r.ID, r.Index)
		} else {
			s.printf("%d: read %d failed", id, r.ID)
		}
	}
	if out.Deposed {
		s.printf("%d: deposed", id)
	}
}

// pos prints a position as term/index.
func pos(p raft.Pos) string { return fmt.Sprintf("%d/%d", p.Term, p.Index) }

// word prints an entry as term:data; a no-op has no data.
func word(e raft.Entry) string { return fmt.Sprintf("%d:%s", e.Term, e.Data) }

func describe(m raft.Message) string {
	text := fmt.Sprintf("%d>%d %s term %d log %s last %s", m.From, m.To, kindName(m.Kind), m.Term, pos(m.Log), pos(m.Last))
	if m.Reject {
		text += " refused"
	}
	if m.Commit > 0 {
		text += fmt.Sprintf(" commit %d", m.Commit)
	}
	return text
}

// kindName is the word of scripts for a kind of message.
func kindName(k raft.Kind) string {
	names := []string{
		"", "append", "ack", "heartbeat", "heartbeat-answer", "vote", "vote-answer",
		"prevote", "prevote-answer", "snapshot", "snapshot-answer",
	}
	if int(k) >= len(names) || !slices.Contains(names, names[k]) {
		return "?"
	}
	return names[k]
}
