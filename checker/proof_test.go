package checker_test

import (
	"flag"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/lock"
	"github.com/usurper/usurper/checker/model"
	"github.com/usurper/usurper/checker/object"
	"github.com/usurper/usurper/checker/register"
	"github.com/usurper/usurper/checker/set"
	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/checker/txn"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// proofs is how many histories TestProofsProve draws, over all checkers.
var proofs = flag.Int("proofs", 22_000, "histories whose explanations must prove themselves")

// client is a checker of what clients saw, and histories for it.
type client struct {
	name      string
	construct func() verdict.Checker
	draw      func(next tape.Choices, seed int) *tape.Tape
	grows     history.F
	whole     bool // an explanation shows all who wrote anything
}

func clientCheckers() []client {
	linearizable := func() verdict.Checker { return verdict.PerKey(register.New(verdict.Options{})) }
	sets := func() verdict.Checker { return verdict.PerKey(set.New()) }
	registers := func(s tape.RegisterShape) func(next tape.Choices, seed int) *tape.Tape {
		return func(next tape.Choices, seed int) *tape.Tape {
			s := s
			s.Steps, s.Open, s.Lies = 8+next(24), 2+next(3), 1+seed%4
			return tape.DrawRegister(next, s)
		}
	}
	growing := func(f history.F, few int) func(next tape.Choices, seed int) *tape.Tape {
		return func(next tape.Choices, seed int) *tape.Tape {
			return tape.Growth{F: f, Steps: 8 + next(14), Lies: 1 + seed%4, Few: few, Copies: seed%3 == 0}.Draw(next)
		}
	}
	return []client{
		{"registers", linearizable, registers(tape.RegisterShape{Plain: true}), "", false},
		{"registers of few values", linearizable, registers(tape.RegisterShape{}), "", false},
		{"sets", sets, growing(history.FAdd, 0), history.FAdd, false},
		{"sets of few values", sets, growing(history.FAdd, 3), history.FAdd, false},
		{"lists", sets, growing(history.FAppend, 0), history.FAppend, false},
		{"lists of few values", sets, growing(history.FAppend, 2), history.FAppend, false},
		{"lists of some values", sets, func(next tape.Choices, seed int) *tape.Tape {
			return tape.Growth{F: history.FAppend, Steps: 30 + next(60), Lies: 1, Few: 4, Copies: seed%3 == 0}.Draw(next)
		}, history.FAppend, false},
		{"transactions", func() verdict.Checker { return txn.New() }, func(next tape.Choices, seed int) *tape.Tape {
			return tape.DrawTxns(next, 2+seed%4, seed%3 == 1, seed%4)
		}, "", false},
		{"groups of registers", func() verdict.Checker { return register.NewMulti(verdict.Options{}) }, func(next tape.Choices, seed int) *tape.Tape {
			return tape.DrawGroup(next, 3+seed%6)
		}, "", false},
		{"models", func() verdict.Checker { return cell().Checker(verdict.Options{}) }, func(next tape.Choices, seed int) *tape.Tape {
			return tape.DrawRegister(next, tape.RegisterShape{Steps: 8 + next(16), Open: 3, Lies: 1 + seed%4, Plain: true})
		}, "", true},
		{"locks without names", func() verdict.Checker { return object.NewMutex(false) }, func(next tape.Choices, seed int) *tape.Tape {
			return tape.DrawMutex(next, 8+next(24), 1+seed%4, seed%2 == 0)
		}, "", false},
		{"queues", func() verdict.Checker { return object.NewQueue(object.AnyOrder, verdict.Options{}) }, func(next tape.Choices, seed int) *tape.Tape {
			return tape.DrawQueue(next, 8+next(24), 1+seed%4, seed%3, false)
		}, "", true},
		{"queues in order", func() verdict.Checker { return object.NewQueue(object.FirstInFirstOut, verdict.Options{}) }, func(next tape.Choices, seed int) *tape.Tape {
			return tape.DrawQueue(next, 8+next(24), 1+seed%4, seed%3, true)
		}, "", true},
		{"counters", func() verdict.Checker { return object.NewCounter(verdict.Options{}) }, func(next tape.Choices, seed int) *tape.Tape {
			return tape.DrawCounter(next, 8+next(24), 1+seed%4, 2)
		}, "", true},
		{"counters of any", func() verdict.Checker { return object.NewCounter(verdict.Options{}) }, func(next tape.Choices, seed int) *tape.Tape {
			return tape.DrawCounter(next, 8+next(12), 1+seed%4, 1, 3, -1)
		}, "", true},
		{"locks", func() verdict.Checker { return lock.New() }, func(next tape.Choices, seed int) *tape.Tape {
			return tape.DrawLock(next, 8+next(24), 1+seed%4)
		}, "", false},
	}
}

// cell is a register as a model of a user's.
func cell() model.Model[string] {
	return model.Model[string]{
		Name: "cell", Ops: []history.F{history.FGet, history.FPut, history.FCas},
		Init: func(string) string { return "" },
		Step: func(s string, op *history.Op) []string {
			switch {
			case op.F == history.FPut:
				return []string{op.Arg}
			case op.F == history.FGet && (op.Type != history.OK || op.Got == s):
				return []string{s}
			case op.F == history.FCas && op.Old == s:
				return []string{op.Arg}
			}
			return nil
		},
	}
}

// byAbsence are the rules whose proof may be that nobody wrote what was read.
var byAbsence = []string{"a value that nobody wrote", "a value that nobody added", "garbage-read", "not strictly serializable"}

// proves tells why an explanation proves nothing, or too much.
func (c *client) proves(v *checker.Violation) (flaw string) {
	u := verdict.Unshown{Grows: c.grows}
	judge := func(ops []verdict.Shown, loose []history.Op) verdict.Result {
		judge := c.construct()
		u.Loose = loose
		for _, e := range verdict.Alone(ops, u) {
			judge.Event(&e)
		}
		return judge.Finish()
	}
	ops := verdict.ShownIn(v.Events)
	alone := judge(ops, nil)
	if alone.Verdict != verdict.Invalid && (c.whole || slices.Contains(byAbsence, v.Rule)) {
		u.Nobody = true
		alone = judge(ops, nil)
	}
	switch {
	case alone.Verdict != verdict.Invalid:
		return "proves nothing"
	case !alone.Breaks(verdict.BreachOf(alone.Checker, v.Rule)):
		return "proves another rule: " + alone.Violations[0].Rule
	case strings.Contains(v.Text, "not minimal"):
		return ""
	}
	for i := range ops {
		if !ops[i].Answered() {
			continue // its outcome is unknown as it is
		}
		without := slices.Delete(slices.Clone(ops), i, i+1)
		if r := judge(without, ops[i].Loose()); r.Verdict == verdict.Invalid {
			return fmt.Sprintf("does not need operation %d", i+1)
		}
	}
	return ""
}

// What is shown as a proof is one, and no more than that.
func TestProofsProve(t *testing.T) {
	t.Parallel()
	all := clientCheckers()
	for _, c := range all {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			histories := *proofs / len(all)
			var mu sync.Mutex
			rules := make(map[string]int)
			flaws := make(map[string]int)
			var gone sync.WaitGroup
			shards := runtime.GOMAXPROCS(0)
			for shard := range shards {
				gone.Go(func() {
					for seed := shard; seed < histories; seed += shards {
						h := c.draw(tape.Seeded(uint64(seed)), seed)
						for _, v := range h.Judge(c.construct()).Violations {
							flaw := c.proves(&v)
							mu.Lock()
							rules[v.Rule]++
							if strings.Contains(v.Text, "not minimal") {
								rules[v.Rule+", not minimal"]++
							}
							if flaw != "" {
								k := v.Rule + ": " + flaw
								if flaws[k]++; flaws[k] <= 2 {
									t.Logf("seed %d: %s: %s\n%s", seed, k, v.Text, texts(v.Events))
								}
							}
							mu.Unlock()
						}
					}
				})
			}
			gone.Wait()
			t.Logf("%d histories, explanations by rule: %v", histories, rules)
			require.Empty(t, flaws)
			require.NotEmpty(t, rules)
		})
	}
}

func texts(events []history.Event) string {
	var b strings.Builder
	for i := range events {
		fmt.Fprintln(&b, "  ", events[i].Seq, verdict.Describe(&events[i]))
	}
	return b.String()
}
