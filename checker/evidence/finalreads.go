package evidence

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

const (
	serveTimeouts = 10              // election timeouts that ready members may refuse final reads for
	serveLeast    = 8 * time.Second // … and at least so long
	// recentKeys is how many keys are followed, the newest: workloads read fewer of
	// them finally.
	recentKeys = 4096
)

// finalReads follows the reads that are made once everything is healed. Each is
// asked for again and again until it is served.
//
// What a client calls a failure is believed, so a store that has lost a key, and a
// client that says "not found, hence failed", would leave no trace in what was read.
// But a read that is owed must be served: the key was written, the write was
// acknowledged, and nothing that was ever asked for may have removed it. A client
// that takes "there is nothing" for a failure is no fault of the system; so reads of
// that kind must have succeeded before, with the same client, and of single keys that
// are refused while others are served, a read of that key, and the one who refuses must
// be one who serves.
type finalReads struct {
	kinds   map[history.F]bool    // kinds of operation that succeeded before
	keys    map[string]*keyRecord // the newest
	order   []string              // of keys, the oldest first
	removed map[uint64]bool       // by hash, keys that something may have removed

	reads    []*finalRead
	byText   map[string]*finalRead
	open     verdict.Inflight[*finalRead]
	answered int
	servers  map[string]bool // members that served one

	ready map[string][2]time.Duration // by member, first and last word after healing that it is
}

// keyRecord is what is known of a key.
type keyRecord struct {
	wrote, read *history.Event // the first acknowledged write, the first read that was served
}

// finalRead is one of the reads, and how it went.
type finalRead struct {
	text              string // get r1-0
	f                 history.F
	keys              []string
	asked             history.Event // the first time
	last              history.Event // the newest answer
	tries             int64
	refused           int64    // of them certainly not served
	by                []string // who refused it
	served, unanswers bool
}

func newFinalReads() finalReads {
	return finalReads{
		kinds: make(map[history.F]bool), keys: make(map[string]*keyRecord), removed: make(map[uint64]bool),
		byText: make(map[string]*finalRead), servers: make(map[string]bool), ready: make(map[string][2]time.Duration),
	}
}

// op takes an operation's beginning or end.
func (r *finalReads) op(e *history.Event) {
	op := e.Op
	switch {
	case op.Final:
		r.final(e)
	case op.Type == history.Invoke:
		r.asks(op)
	case op.Type == history.OK:
		r.succeeded(e)
	}
}

// asks notes which keys an operation may remove something from: whatever is not
// known to leave a value.
func (r *finalReads) asks(op *history.Op) {
	switch op.F {
	case history.FGet, history.FRead, history.FPut, history.FCas, history.FAppend, history.FAdd:
	case history.FTxn:
		for i := range op.Txn {
			switch op.Txn[i].F {
			case history.FGet, history.FRead, history.FPut, history.FAppend:
			default:
				r.removed[xxhash.Sum64String(op.Txn[i].Key)] = true
			}
		}
	default:
		r.removed[xxhash.Sum64String(op.Key)] = true
	}
}

func (r *finalReads) succeeded(e *history.Event) {
	op := e.Op
	if !r.kinds[op.F] {
		r.kinds[history.F(strings.Clone(string(op.F)))] = true
	}
	switch op.F {
	case history.FTxn:
		for i := range op.Txn {
			r.touched(e, op.Txn[i].F, op.Txn[i].Key)
		}
	default:
		r.touched(e, op.F, op.Key)
	}
}

func (r *finalReads) touched(e *history.Event, f history.F, key string) {
	reads := f == history.FGet || f == history.FRead
	if !reads && f != history.FPut && f != history.FCas && f != history.FAppend && f != history.FAdd {
		return
	}
	k := r.keys[key]
	if k == nil {
		key = strings.Clone(key)
		k = &keyRecord{}
		r.keys[key] = k
		if r.order = append(r.order, key); len(r.order) >= 2*recentKeys {
			for _, old := range r.order[:recentKeys] {
				delete(r.keys, old)
			}
			r.order = append(r.order[:0], r.order[recentKeys:]...)
		}
	}
	slot := &k.wrote
	if reads {
		slot = &k.read
	}
	if *slot == nil {
		kept := verdict.Keep(e)
		*slot = &kept
	}
}

func (r *finalReads) final(e *history.Event) {
	op := e.Op
	if op.Type == history.Invoke {
		text := verdict.Call(op)
		f := r.byText[text]
		if f == nil {
			f = &finalRead{text: text, f: op.F, keys: keysOf(op), asked: verdict.Keep(e)}
			r.byText[text] = f
			r.reads = append(r.reads, f)
		}
		f.tries++
		r.open.Set(op.Process, f)
		return
	}
	f, ok := r.open.Take(op.Process)
	if !ok || f.served {
		return
	}
	switch op.Type {
	case history.OK:
		f.served = true
		r.answered++
		r.servers[strings.Clone(op.Node)] = true
		return
	case history.Fail:
		f.refused++
		if !slices.Contains(f.by, op.Node) {
			f.by = append(f.by, strings.Clone(op.Node))
		}
	default:
		f.unanswers = true
	}
	f.last = verdict.Keep(e)
}

func keysOf(op *history.Op) []string {
	if op.F != history.FTxn {
		return []string{op.Key}
	}
	keys := make([]string, len(op.Txn))
	for i := range op.Txn {
		keys[i] = op.Txn[i].Key
	}
	return keys
}

// claimed notes that a member said, after healing, that it is ready.
func (r *finalReads) claimed(e *history.Event) {
	span, ok := r.ready[e.Claim.Node]
	if !ok {
		span[0] = e.At
	}
	span[1] = e.At
	r.ready[strings.Clone(e.Claim.Node)] = span
}

// owed tells whether the read must be served: it is of a kind that was, and
// something that nobody may have removed is there. It returns what proves that.
func (r *finalReads) owed(f *finalRead) ([]history.Event, bool) {
	if !r.kinds[f.f] {
		return nil, false
	}
	for _, key := range f.keys {
		k := r.keys[key]
		if k == nil || k.wrote == nil || r.removed[xxhash.Sum64String(key)] {
			continue
		}
		proof := []history.Event{*k.wrote}
		if k.read != nil {
			proof = append(proof, *k.read)
		}
		return proof, true
	}
	return nil, false
}

// serves is how long members that say they are ready may go without serving a
// final read.
func (c *Availability) serves() time.Duration {
	return max(serveLeast, serveTimeouts*c.election)
}

// willing tells whether a majority said that it was ready before a read was asked
// for, and said so still when the time to serve it was over.
func (c *Availability) willing(f *finalRead) bool {
	count := 0
	for _, name := range c.nodes {
		span, ok := c.final.ready[name]
		if ok && span[0] <= f.asked.At && span[1] >= f.asked.At+c.serves() {
			count++
		}
	}
	return count > len(c.nodes)/2
}

// refuses finds final reads that were owed and never served. The history must be
// whole, the machine healthy, and a majority must have said, before and after, that
// it was ready: else it is unknown.
func (c *Availability) refuses() {
	r := &c.final
	var missing []*finalRead
	for _, f := range r.reads {
		if !f.served {
			missing = append(missing, f)
		}
	}
	if len(missing) == 0 || !c.whole {
		return
	}
	first := missing[0]
	if !slices.ContainsFunc(missing, func(f *finalRead) bool { return r.kinds[f.f] }) {
		c.Unknown("%d of %s never succeeded, nor did any %s before: does the client take an answer such as \"not found\" for a failure?",
			len(missing), count.Many(len(r.reads), "final read"), first.f)
		return
	}
	for _, f := range missing {
		if c.broken(f, len(missing)) {
			return
		}
	}
	c.Unknown("%d of %s never succeeded, as %s: %s", len(missing), count.Many(len(r.reads), "final read"), first.text, c.excuse(first))
}

// broken notes the violation, if not serving f is one.
func (c *Availability) broken(f *finalRead, missing int) bool {
	proof, owed := c.final.owed(f)
	if !owed || c.excuse(f) != "" {
		return false
	}
	waited := f.last.At - f.asked.At
	proof = slices.Concat(proof, []history.Event{f.asked, f.last}, c.evidence)
	bound := fmt.Sprintf("members that said they were ready have %d election timeouts, at least %v: %v", serveTimeouts, serveLeast, c.serves())
	if c.final.answered == 0 {
		c.Violate("does not serve what was written", fmt.Sprintf("none of %s succeeded in %s after everything was healed, as %s, which was written; %s",
			count.Many(len(c.final.reads), "final read"), verdict.Seconds(waited), f.text, bound), proof...)
		return true
	}
	c.Violate("does not serve what was written", fmt.Sprintf("%s, which was written and read before, was refused %s in %s after everything was healed, while others were served (%d of %d never were); %s",
		f.text, count.Times(f.refused), verdict.Seconds(waited), missing, len(c.final.reads), bound), proof...)
	return true
}

// undisturbed is for how long f was not served on a healthy machine. That it was
// refused each time is no matter of timing, so that its times are taken together.
func (c *Availability) undisturbed(f *finalRead) time.Duration {
	if f.unanswers {
		return c.calm.longest(f.asked.At, f.last.At)
	}
	return c.calm.all(f.asked.At, f.last.At)
}

// excuse says why not serving f proves nothing; "" if it does prove something.
func (c *Availability) excuse(f *finalRead) string {
	single := len(f.keys) == 1 && c.final.keys[f.keys[0]] != nil && c.final.keys[f.keys[0]].read != nil
	_, owed := c.final.owed(f)
	switch {
	case !owed:
		return "perhaps nothing is there, and the client takes that for a failure"
	case c.down || len(c.faults) > 0:
		return "less than a majority of the members ran, or a fault had not ended"
	case c.disks.Spared(verdict.Forever) != "":
		return c.disks.Spared(verdict.Forever)
	case f.last.Op == nil || f.last.At-f.asked.At < c.serves():
		return fmt.Sprintf("too short a time to judge, which takes %d election timeouts and at least %v: %v", serveTimeouts, serveLeast, c.serves())
	case c.apart:
		return "the harness itself kept members apart"
	case c.undisturbed(f) < c.serves():
		return "the harness itself was stalled"
	case !c.willing(f):
		return "no majority said that it was ready"
	case c.final.answered > 0 && (f.unanswers || !single):
		return "others were served, and this one was not refused each time, or not read before"
	case c.final.answered > 0 && !slices.ContainsFunc(f.by, func(name string) bool { return c.final.servers[name] }):
		return "others were served, but by none that refused this one"
	}
	return ""
}
