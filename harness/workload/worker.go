package workload

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/usurper/usurper/harness/history"
)

const (
	// follow is the chance that a client goes where a hint sends it. Those that
	// stay keep asking a member that says it is not the leader.
	follow = 0.9
	// stray is the chance that a single operation goes to a random other member,
	// strayRead that of a read: whoever thinks it leads still should be asked by
	// somebody just then, and reads cost nothing.
	stray     = 1.0 / 32
	strayRead = 1.0 / 10
	// ackedShare is the part of Options.Resend that applies to acknowledged
	// writes.
	ackedShare = 1.0 / 8
	// firstPause and longestPause bound how long a client waits after an operation
	// that got it nowhere; each in a row doubles the wait.
	firstPause   = time.Millisecond
	longestPause = 64 * time.Millisecond
	// firstShun and longestShun bound how long a member that did not answer is
	// left alone, if there is another; each time in a row doubles it.
	firstShun   = 250 * time.Millisecond
	longestShun = 4 * time.Second
	// longestFinal is how long a final read waits for its answer at most, unless
	// Options.Timeout is longer; each that got nowhere doubles it. That a system answers
	// later than a client cares to wait is no reason to say that it lost anything.
	longestFinal = 4 * time.Second
	// errorLength bounds the error texts in a history.
	errorLength = 120
)

// worker is one client: it carries out one operation at a time, under one
// process number after another.
type worker struct {
	o       *Options
	client  int
	process int
	request []byte // "c3-13/", what the process's request ids begin with
	seq     uint64

	members  []member
	locks    lockBook
	at       int // the member it is pinned to
	failures int // operations in a row that got it nowhere
	stats    Stats
	patience patience

	late *late // nil: nothing is sent again after a while

	draws *rand.Rand // the workload's
	moves *rand.Rand // the worker's own: where to ask, what to resend
}

// member is a worker's view of one member of the system.
type member struct {
	client  Client // nil until dialled
	strikes int    // unanswered requests in a row
	shunned time.Time
}

func newWorker(o *Options, client, process int) *worker {
	k := &worker{
		o:        o,
		client:   client,
		members:  make([]member, len(o.Nodes)),
		locks:    make(lockBook),
		at:       client % len(o.Nodes),
		patience: newPatience(o, client),
		draws:    stream(o.Seed, fmt.Sprintf("client %d", client)),
		moves:    stream(o.Seed, fmt.Sprintf("client %d moves", client)),
	}
	k.become(process)
	return k
}

func (k *worker) close() {
	for i := range k.members {
		k.hangUp(i)
	}
}

// become goes on under another process number.
func (k *worker) become(process int) {
	k.process, k.seq = process, 0
	if k.late != nil {
		k.late.began()
	}
	k.request = fmt.Appendf(k.request[:0], "c%d-%d/", k.client, process)
}

// run carries out the workload's operations until ctx is done.
func (k *worker) run(ctx context.Context, pace *pacer, w Workload) {
	for pace.wait(ctx) {
		if !pause(ctx, k.operate(w)) {
			return
		}
	}
}

// operate carries out the workload's next operation, and returns how long the client
// had better wait after it.
func (k *worker) operate(w Workload) time.Duration {
	op := w.Next(k.client, k.draws)
	node := k.choose(op.F)
	done, hint, over := k.perform(node, op)
	if over {
		w.Done(k.client, done)
	}
	return k.settle(node, &done, hint, follow)
}

// readFinally tries a read as one new operation after another until it succeeds
// or ctx is done; it reports whether it did.
func (k *worker) readFinally(ctx context.Context, read history.Op) bool {
	read.Final = true
	for ctx.Err() == nil {
		node := k.at
		done, hint, _ := k.perform(node, read)
		if done.Type == history.OK {
			return true
		}
		pause(ctx, k.settle(node, &done, hint, 1))
	}
	return false
}

// perform carries out one operation against a member and records both its ends. It
// is not over if its request is to be sent once more later, whatever was answered.
func (k *worker) perform(node int, op history.Op) (done history.Op, hint string, over bool) {
	op.Process, op.Type, op.Node = k.process, history.Invoke, k.o.Nodes[node]
	if Writes(op.F) {
		k.seq++
		op.Request = string(strconv.AppendUint(k.request[:len(k.request):len(k.request)], k.seq, 10))
	}
	k.o.Lull.begin()
	defer k.o.Lull.end()
	k.record(op)
	sent := time.Now()
	done, hint = k.send(node, op)
	second, ok := k.second(node, &done)
	if ok && k.late != nil && k.late.take(k.client, op, done, sent) {
		k.become(k.process + k.o.numbers())
		return done, hint, false
	}
	if ok {
		again, h := k.send(second, op)
		if done.Type == history.Info {
			hint = h
		}
		if counts(&done, &again) {
			done = again
		}
		done.Sends = 2 // or one, if there was no connection for the second
	}
	k.record(done)
	k.stats.count(&done)
	if done.Type == history.Info {
		k.become(k.process + k.o.numbers())
	}
	return done, hint, true
}

// counts tells whether the answer to a request's second sending is what is known of the
// operation. A definite no to it says nothing of an unanswered first one, which may still
// take effect; and one that was refused, though nobody may do it now, may have been done.
func counts(first, again *history.Op) bool {
	return first.Type == history.Info && again.Type == history.OK || first.Type == history.Fail && again.Type != history.Fail
}

// second decides whether a request is sent once more, and to which member: one that was
// not answered, that was done, or that was refused for what its key holds.
func (k *worker) second(node int, done *history.Op) (int, bool) {
	if !Writes(done.F) || ofLock(done.F) || k.o.Resend == 0 {
		return 0, false
	}
	switch {
	case done.Type == history.Info:
		if k.moves.IntN(2) == 0 {
			node = k.next(node)
		}
		return node, k.moves.Float64() < k.o.Resend
	case done.Type == history.OK:
		return node, k.moves.Float64() < k.o.Resend*ackedShare
	case done.Type == history.Fail && done.Saw:
		return node, k.moves.Float64() < k.o.Resend
	}
	return 0, false
}

// send makes one request and returns the operation's completion, of which only
// the outcome is the client's word: a client's mistake cannot alter what was
// asked.
func (k *worker) send(node int, op history.Op) (done history.Op, hint string) {
	m := &k.members[node]
	done = op
	if m.client == nil {
		c, err := k.o.Dial(k.o.Nodes[node])
		if err != nil {
			done.Type, done.Error = history.Fail, shorten("dial: "+err.Error())
			k.strike(m)
			return done, ""
		}
		m.client = locking{c, k.locks}
	}
	limit, asked := k.patience.now, time.Now()
	if op.Final {
		limit = max(k.o.Timeout, min(k.o.Timeout<<min(k.failures, 10), longestFinal))
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	answer, hint := m.client.Do(ctx, op)
	cancel()
	switch took := time.Since(asked); {
	case answer.Type == history.OK:
		k.patience.answered(took)
	case took >= limit:
		k.patience.unanswered()
	}
	done.Error = shorten(answer.Error)
	switch answer.Type {
	case history.OK, history.Fail:
		done.Type, done.Got, done.Saw, done.List = answer.Type, answer.Got, answer.Saw, answer.List
		done.Txn = readBy(op.Txn, &answer)
		m.strikes = 0
		if answer.Type == history.Fail && !answer.Saw && hint == "" {
			m.shunned = time.Now().Add(firstShun) // it cannot be reached, or knows no leader
		}
	default:
		done.Type = history.Info
		k.strike(m)
		k.hangUp(node)
	}
	return done, hint
}

// readBy returns a transaction with what it read by the client's word.
func readBy(asked []history.Micro, answer *history.Op) []history.Micro {
	if answer.Type != history.OK || len(answer.Txn) != len(asked) {
		return asked
	}
	out := slices.Clone(asked)
	for i := range out {
		out[i].Got, out[i].Saw, out[i].List = answer.Txn[i].Got, answer.Txn[i].Saw, answer.Txn[i].List
	}
	return out
}

func (k *worker) record(op history.Op) { k.o.Record(history.Event{Op: &op}) }

func (k *worker) hangUp(node int) {
	if m := &k.members[node]; m.client != nil {
		m.client.Close() // there is nobody to tell of an error
		m.client = nil
	}
}

// strike shuns a member that did not answer.
func (k *worker) strike(m *member) {
	m.shunned = time.Now().Add(min(firstShun<<min(m.strikes, 8), longestShun))
	m.strikes++
}

// choose returns the member to ask for the next operation.
func (k *worker) choose(f history.F) int {
	chance := strayRead
	if Writes(f) {
		chance = stray
	}
	if len(k.members) > 1 && k.moves.Float64() < chance {
		other := (k.at + 1 + k.moves.IntN(len(k.members)-1)) % len(k.members)
		if time.Now().After(k.members[other].shunned) {
			return other
		}
	}
	return k.at
}

// next returns the member after node that is not shunned, or the one after node
// if all are.
func (k *worker) next(node int) int {
	n := len(k.members)
	now := time.Now()
	for i := 1; i < n; i++ {
		if other := (node + i) % n; now.After(k.members[other].shunned) {
			return other
		}
	}
	return (node + 1) % n
}

// settle decides what an operation's end means for where the client asks next,
// and how long it waits before it does. It takes a hint with the given chance.
func (k *worker) settle(node int, done *history.Op, hint string, chance float64) time.Duration {
	if done.Type == history.OK || done.Type == history.Fail && done.Saw {
		k.failures = 0
		return 0
	}
	if node != k.at {
		return 0 // it only strayed
	}
	if to := slices.Index(k.o.Nodes, hint); to >= 0 && to != node {
		if k.moves.Float64() < chance {
			k.at = to
		}
	} else {
		k.at = k.next(node)
	}
	k.failures++
	longest := min(firstPause<<min(k.failures-1, 16), longestPause)
	return longest/2 + time.Duration(k.moves.Int64N(int64(longest/2)))
}

// shorten bounds an error text.
func shorten(text string) string {
	if len(text) <= errorLength {
		return text
	}
	return text[:errorLength] + "…"
}
