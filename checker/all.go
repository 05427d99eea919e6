package checker

import (
	"slices"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/lock"
	"github.com/usurper/usurper/checker/object"
	"github.com/usurper/usurper/checker/raft"
	"github.com/usurper/usurper/checker/register"
	"github.com/usurper/usurper/checker/set"
	"github.com/usurper/usurper/checker/txn"
	"github.com/usurper/usurper/checker/verdict"
)

// Prefix returns new checkers of the kinds that cannot tell as events come, but
// of which what they find broken in the first part of a history is broken in
// the whole of it.
func Prefix(o Options) []Checker {
	return early(verdict.OfPrefix, All(o))
}

// early keeps the checkers that can be asked then.
func early(when verdict.Early, cs []Checker) []Checker {
	return slices.DeleteFunc(cs, func(c Checker) bool { return verdict.EarlyOf(c) != when })
}

// Clients returns new checkers that judge what clients saw and nothing else, for
// the histories of other tools, which tell of no members, no phases and no faults
// that usurper could judge: those of the given names, or all if there are none.
func Clients(o Options, names ...string) []Checker {
	all := []Checker{
		verdict.PerKey(register.New(o)),
		register.NewMulti(o),
		set.NewOfClients(),
		txn.New(),
		evidence.NewAnswers(),
	}
	if len(names) == 0 {
		return all
	}
	return slices.DeleteFunc(all, func(c Checker) bool { return !slices.Contains(names, c.Name()) })
}

// Mutex returns a new checker of locks that do not say who has them. If it is guessed that
// they are mutexes, what a lock that its holder may take again would allow is unknown.
func Mutex(guessed bool) Checker { return object.NewMutex(guessed) }

// Queue returns a new checker of queues of a discipline: "queue" (any order),
// "fifo-queue", "total-queue" (at least once), or "guessed": what is wrong with some only is unknown then.
func Queue(discipline string, o Options) Checker { return object.NewQueue(discipline, o) }

// Counter returns a new checker of counters.
func Counter(o Options) Checker { return object.NewCounter(o) }

// Bank returns a new checker of accounts, whose total is known or is not (nil), and
// whose balances may be below zero or not.
func Bank(total *int64, negative bool) Checker {
	return object.NewBank(object.BankRules{Total: total, Negative: negative})
}

// All returns a new checker of every kind, in the order of reports.
func All(o Options) []Checker {
	return []Checker{
		verdict.PerGroup(func() Checker { return raft.NewElection() }),
		raft.NewClaims(),
		verdict.PerGroup(func() Checker { return raft.NewVotes() }),
		verdict.PerGroup(func() Checker { return raft.NewStaleLog() }),
		verdict.PerGroup(func() Checker { return raft.NewLogs() }),
		raft.NewTimers(),
		verdict.PerGroup(func() Checker { return raft.NewPreVotes() }),
		verdict.PerKey(register.New(o)),
		verdict.PerKey(set.New()),
		lock.New(),
		txn.New(),
		evidence.NewLost(),
		evidence.NewDivergence(),
		evidence.NewAvailability(),
		evidence.NewNodeLogs(),
		evidence.NewAutopsy(),
		evidence.NewAssertions(),
		evidence.NewCoverage(),
	}
}

// Online returns new checkers of the kinds that find violations as events come,
// in memory that does not grow with the operations of clients.
func Online() []Checker {
	return early(verdict.AsEventsCome, All(Options{}))
}
