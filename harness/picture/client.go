package picture

import (
	"hash/maphash"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/history"
)

const (
	// columns is about how many a run has: more than a wide screen has pixels.
	columns = 2400
	// narrowest is how wide a column is at least.
	narrowest = 10 * time.Millisecond
	// maxColumns is how many a run has that takes longer than it was thought to.
	maxColumns = 20 * columns
	// unknownWidth is that of the columns of a run of unknown length.
	unknownWidth = time.Second
	// maxKeys is how many keys a picture names, countedKeys how many it tells apart.
	maxKeys     = 200
	countedKeys = 1 << 16
)

// clients follows what clients do.
type clients struct {
	c       Clients
	now     int     // the column that completions are in
	took    []int64 // … their latencies, if they succeeded
	widened bool    // columns are wider than they were
	open    map[int]*open
	free    []*open
	windows []*window

	seed maphash.Seed
	keys map[uint64]struct{}
}

// open is an operation that has no answer yet.
type open struct {
	at  time.Duration
	seq uint64
	op  history.Op // Txn is its own
}

func newClients(length time.Duration, windows []*window) clients {
	width := unknownWidth
	if length > 0 {
		width = max(narrowest, (length+columns-1)/columns)
	}
	return clients{
		c:    Clients{Width: width, OK: []int{}, Fail: []int{}, Info: []int{}, P50: []int64{}, P95: []int64{}, Max: []int64{}, Least: []int64{}},
		now:  -1,
		open: make(map[int]*open), windows: windows,
		seed: maphash.MakeSeed(), keys: make(map[uint64]struct{}),
	}
}

func (c *clients) op(e *history.Event) {
	op := e.Op
	if op.Type == history.Invoke {
		c.key(op)
		c.asks(e)
		return
	}
	o := c.open[op.Process]
	c.reach(e.At)
	switch op.Type {
	case history.OK:
		c.c.OK[c.now]++
		c.c.Total[0]++
		if o != nil {
			c.took = append(c.took, int64(max(0, e.At-o.at)))
		}
	case history.Fail:
		c.c.Fail[c.now]++
		c.c.Total[1]++
	case history.Info:
		c.c.Info[c.now]++
		c.c.Total[2]++
	}
	if o == nil {
		return
	}
	for _, w := range c.windows {
		w.operation(o, e)
	}
	delete(c.open, op.Process)
	c.free = append(c.free, o)
}

// asks takes an invocation.
func (c *clients) asks(e *history.Event) {
	var o *open
	if n := len(c.free); n > 0 {
		o, c.free = c.free[n-1], c.free[:n-1]
	} else {
		o = &open{}
	}
	txn := o.op.Txn[:0]
	o.at, o.seq, o.op = e.At, e.Seq, *e.Op
	o.op.Txn = append(txn, e.Op.Txn...)
	c.open[e.Op.Process] = o
}

// reach goes on to the column of a moment. Those that are passed are done.
func (c *clients) reach(at time.Duration) {
	for at/c.c.Width >= maxColumns {
		c.widen()
	}
	for column := int(at / c.c.Width); c.now < column; {
		c.close()
		c.now++
		c.c.OK, c.c.Fail, c.c.Info = append(c.c.OK, 0), append(c.c.Fail, 0), append(c.c.Info, 0)
	}
}

// widen makes one column of every two, of which the quantiles are the greater. Nothing
// more comes for the last of them: what widens is far behind it.
func (c *clients) widen() {
	if c.now >= 0 {
		c.close()
		c.now /= 2
	}
	c.c.Width, c.widened = 2*c.c.Width, true
	for _, counts := range []*[]int{&c.c.OK, &c.c.Fail, &c.c.Info} {
		*counts = halved(*counts, func(a, b int) int { return a + b })
	}
	for _, most := range []*[]int64{&c.c.P50, &c.c.P95, &c.c.Max} {
		*most = halved(*most, func(a, b int64) int64 { return max(a, b) })
	}
	c.c.Least = halved(c.c.Least, func(a, b int64) int64 {
		if a < 0 || b < 0 {
			return max(a, b)
		}
		return min(a, b)
	})
}

// halved joins every two.
func halved[T any](all []T, join func(a, b T) T) []T {
	out := all[:0]
	for i := 0; i < len(all); i += 2 {
		if i+1 == len(all) {
			out = append(out, all[i])
			break
		}
		out = append(out, join(all[i], all[i+1]))
	}
	return out
}

// close adds up the latencies of the column. Of a quantile that lies between two of
// them it is the greater.
func (c *clients) close() {
	if len(c.c.P50) > c.now { // it was, or there is none
		return
	}
	p50, p95, most, least := int64(-1), int64(-1), int64(-1), int64(-1)
	if n := len(c.took); n > 0 {
		slices.Sort(c.took)
		p50, p95, most, least = c.took[n/2], c.took[min(n-1, n*95/100)], c.took[n-1], c.took[0]
	}
	c.c.P50, c.c.P95 = append(c.c.P50, p50), append(c.c.P95, p95)
	c.c.Max, c.c.Least = append(c.c.Max, most), append(c.c.Least, least)
	c.took = c.took[:0]
}

// key counts the keys of an operation.
func (c *clients) key(op *history.Op) {
	if len(c.keys) >= countedKeys {
		return
	}
	if op.Key != "" {
		c.keys[maphash.String(c.seed, op.Key)] = struct{}{}
	}
	for i := range op.Txn {
		c.keys[maphash.String(c.seed, op.Txn[i].Key)] = struct{}{}
	}
}

// finish completes the columns up to the end of the run, and the windows with what
// never had an answer.
func (c *clients) finish(m *maker) {
	if c.now >= 0 {
		c.reach(max(0, m.end-1))
		c.close()
	}
	if c.widened {
		m.lack("it took far longer than was foreseen: columns of what clients did are wide, and their quantiles are the greatest of parts of them")
	}
	for _, o := range c.open {
		for _, w := range c.windows {
			w.operation(o, nil)
		}
	}
	shown := make(map[uint64]struct{})
	c.c.Keys = []string{}
	for _, w := range c.windows {
		for _, key := range w.keys() {
			h := maphash.String(c.seed, key)
			if _, known := shown[h]; known || len(c.c.Keys) >= maxKeys {
				continue
			}
			shown[h] = struct{}{}
			c.c.Keys = append(c.c.Keys, brief(key, aWord))
		}
	}
	slices.Sort(c.c.Keys)
	c.c.Others = max(0, len(c.keys)-len(shown))
	c.c.Shown = "none one by one: no rule was found broken"
	if len(c.windows) > 0 {
		c.c.Shown = "those that were under way within 2 s of where a rule was first found broken, and those that prove it"
	}
	m.p.Clients = c.c
}
