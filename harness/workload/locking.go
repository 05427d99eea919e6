package workload

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// locking is a client that knows locks, for a system that has get and cas. A lock
// is a key with the last token and the name that has it, "7:c3-12", or no name when
// it is free, "7:"; no value is a free lock that nobody has had. What it guards is
// another key, with the token and the value of the last write.
//
// Each operation changes at most one key, by one cas, of which the outcome is its
// own. Where it is not known what the key holds, a get comes before, of which the
// outcome decides nothing but whether there is a cas. A cas compares, so that a get
// that shows something old makes it fail and nothing worse.
type locking struct {
	Client
	known lockBook
}

// lockBook is what a worker last learnt of keys, from any member.
type lockBook map[string]string

// bookSize bounds a lockBook.
const bookSize = 1000

// Do carries out op.
func (l locking) Do(ctx context.Context, op history.Op) (done history.Op, hint string) {
	if !ofLock(op.F) {
		return l.Client.Do(ctx, op)
	}
	done = op
	key := op.Key
	if op.F == history.FFenced {
		key += "/guarded"
	}
	before, known := l.known[key]
	if known {
		_, _, err := lockStep(&op, before)
		known = err == nil // else it may have changed since
	}
	if !known {
		got, hint := l.Client.Do(ctx, history.Op{F: history.FGet, Key: key, Process: op.Process, Type: history.Invoke, Node: op.Node})
		if got.Type != history.OK {
			done.Type, done.Error = history.Fail, "get before "+string(op.F)+": "+got.Error
			return done, hint
		}
		before = got.Got
	}
	token, after, err := lockStep(&op, before)
	done.Got, done.Saw = strconv.FormatUint(token, 10), true
	if err != nil {
		l.learn(key, before)
		done.Type, done.Error = history.Fail, err.Error()
		return done, ""
	}
	return l.swap(ctx, done, key, [2]string{before, after})
}

// swap sends the cas and completes done, which has the token that it is given.
func (l locking) swap(ctx context.Context, done history.Op, key string, values [2]string) (history.Op, string) {
	cas := done
	cas.F, cas.Key, cas.Old, cas.Arg, cas.Got, cas.Saw = history.FCas, key, values[0], values[1], "", false
	answer, hint := l.Client.Do(ctx, cas)
	done.Type, done.Error = answer.Type, answer.Error
	delete(l.known, key)
	switch {
	case answer.Type == history.OK:
		l.learn(key, values[1])
	case answer.Type == history.Fail && answer.Saw:
		l.learn(key, answer.Got)
		if last, _, err := parseLock(answer.Got); err == nil {
			done.Got = strconv.FormatUint(last, 10)
		}
	default:
		done.Got, done.Saw = "", false
	}
	return done, hint
}

func (l locking) learn(key, value string) {
	if len(l.known) >= bookSize {
		clear(l.known)
	}
	l.known[key] = value
}

// lockStep says what an operation does to its key: what the key is to hold, and the
// token that the operation then has. An error says why it does nothing, and the
// token is that of the key.
func lockStep(op *history.Op, value string) (token uint64, after string, err error) {
	last, name, err := parseLock(value)
	if err != nil {
		return 0, "", err
	}
	switch op.F {
	case history.FAcquire:
		if name != "" {
			return last, "", fmt.Errorf("%s has it", name)
		}
		return last + 1, lockValue(last+1, op.Arg), nil
	case history.FRelease:
		if name != op.Arg {
			return last, "", fmt.Errorf("%s does not have it", op.Arg)
		}
		return last, lockValue(last, ""), nil
	}
	own, err := strconv.ParseUint(op.Old, 10, 64)
	switch {
	case err != nil:
		return last, "", fmt.Errorf("a token %q", op.Old)
	case own < last:
		return last, "", fmt.Errorf("a write with token %d came before", last)
	}
	return own, lockValue(own, op.Arg), nil
}

func lockValue(token uint64, rest string) string {
	return strconv.FormatUint(token, 10) + ":" + rest
}

func parseLock(value string) (token uint64, rest string, err error) {
	if value == "" {
		return 0, "", nil
	}
	number, rest, _ := strings.Cut(value, ":")
	token, err = strconv.ParseUint(number, 10, 64)
	if err != nil {
		return 0, "", fmt.Errorf("the key holds %q, which is no lock", value)
	}
	return token, rest, nil
}

// ofLock tells whether f is an operation on a lock. It may take two requests, of
// which the second depends on the answer to the first: so it is never sent again.
func ofLock(f history.F) bool {
	return f == history.FAcquire || f == history.FRelease || f == history.FFenced
}
