package workload

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"

	"github.com/usurper/usurper/harness/history"
)

// groupSize is how many clients share a key. Checking a key for linearizability
// costs exponentially in the operations open on it at once.
const groupSize = 5

// bounds limit what happens to one key before its group moves on to the next.
type bounds struct {
	operations int // drawn
	unanswered int // writes that ended, or may yet end, as info; 0 for no limit
	final      int // how many keys, the newest, Final reads
}

// rotation gives every group of clients one key at a time, and a new one when
// that is used up. Keys are named after the prefix, the group and a number:
// r0-17.
type rotation struct {
	prefix string
	bounds bounds

	mu     sync.Mutex
	groups []*key          // the current key of each group
	past   []*key          // those that the groups had last, oldest first
	open   map[string]*key // keys with operations open, current or not
	used   []string        // the names of the newest keys, oldest first
	values map[int]uint64  // how many values each client has drawn
}

// key is the state of one key. The rotation's lock guards it.
type key struct {
	name       string
	number     int
	operations int
	open       int
	unanswered int

	// seen is the value that some client last learnt of; known says that one did.
	seen  string
	known bool
}

func newRotation(prefix string, b bounds) *rotation {
	return &rotation{
		prefix: prefix,
		bounds: b,
		open:   make(map[string]*key),
		values: make(map[int]uint64),
	}
}

// takeLocked returns the key of the client's group and counts an operation on
// it as begun.
func (t *rotation) takeLocked(client int) *key {
	group := client / groupSize
	for len(t.groups) <= group {
		t.groups = append(t.groups, t.makeLocked(len(t.groups), 0))
	}
	k := t.groups[group]
	if t.usedUp(k) {
		if t.past = append(t.past, k); len(t.past) > lookBack {
			t.past = slices.Delete(t.past, 0, 1)
		}
		k = t.makeLocked(group, k.number+1)
		t.groups[group] = k
	}
	k.operations++
	k.open++
	t.open[k.name] = k
	return k
}

const (
	// lookBack is how many keys that are used up may still be read.
	lookBack = 4
	// moreReads is how many operations a key has at most beyond its bound for that.
	moreReads = 50
)

// lookBackLocked returns a key that is used up and counts a read of it as begun, nil if
// there is none: a key is used up early where writes find no answer, and what was written
// there just before is what a member that missed something does not know.
func (t *rotation) lookBackLocked(r *rand.Rand) *key {
	if len(t.past) == 0 {
		return nil
	}
	k := t.past[r.IntN(len(t.past))]
	if k.open >= groupSize || k.operations >= t.bounds.operations+moreReads {
		return nil
	}
	k.operations++
	k.open++
	t.open[k.name] = k
	return k
}

// inheritedLocked returns a key that another group is at, or that is just used up, and
// counts a read of it as begun, nil if there is none or too much is open on it: what was
// acknowledged last is there.
func (t *rotation) inheritedLocked(client int, r *rand.Rand) *key {
	if r.IntN(4) == 0 {
		return t.lookBackLocked(r)
	}
	group := client / groupSize
	var keys []*key
	for i, k := range t.groups {
		if i != group && k.operations > 0 && k.operations < t.bounds.operations+moreReads && k.open < 2*groupSize {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	k := keys[r.IntN(len(keys))]
	k.operations++
	k.open++
	t.open[k.name] = k
	return k
}

func (t *rotation) usedUp(k *key) bool {
	return k.operations >= t.bounds.operations ||
		t.bounds.unanswered > 0 && k.unanswered+k.open >= t.bounds.unanswered
}

func (t *rotation) makeLocked(group, number int) *key {
	name := t.prefix + strconv.Itoa(group) + "-" + strconv.Itoa(number)
	if len(t.used) >= 2*t.bounds.final {
		t.used = append(t.used[:0], t.used[len(t.used)-t.bounds.final:]...)
	}
	t.used = append(t.used, name)
	return &key{name: name, number: number}
}

// doneLocked counts an operation as ended. It returns nil for a key that the
// rotation did not hand out.
func (t *rotation) doneLocked(op *history.Op) *key {
	k := t.open[op.Key]
	if k == nil {
		return nil
	}
	k.open--
	if k.open == 0 {
		delete(t.open, k.name)
	}
	if op.Type == history.Info && Writes(op.F) {
		k.unanswered++
	}
	return k
}

// recentLocked returns the name of the key handed out back keys before the
// newest, or of the oldest one remembered.
func (t *rotation) recentLocked(back int) (string, bool) {
	if len(t.used) == 0 {
		return "", false
	}
	return t.used[max(0, len(t.used)-1-back)], true
}

// valueLocked returns a value that no other call returns: c3-17 is the 17th of
// client 3.
func (t *rotation) valueLocked(client int) string {
	t.values[client]++
	return "c" + strconv.Itoa(client) + "-" + strconv.FormatUint(t.values[client], 10)
}

// final lists a read of each of the newest keys, in order of first use.
func (t *rotation) final(read history.F) []history.Op {
	t.mu.Lock()
	defer t.mu.Unlock()
	keys := t.used[max(0, len(t.used)-t.bounds.final):]
	ops := make([]history.Op, len(keys))
	for i, name := range keys {
		ops[i] = history.Op{F: read, Key: name}
	}
	return ops
}
