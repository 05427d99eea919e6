package workload

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// filler is what values are padded with; workloads do not use it.
const filler = "."

// padded is a client whose puts and cas write values of size bytes. Histories
// hold them without what fills them up. A value that was read and is filled up to
// another size counts as one that nobody wrote.
type padded struct {
	Client
	size func(value string) int
}

// Padded returns a client that writes values of at least size bytes with put and
// cas, in transactions too: a value has one size, or a cas would not know it again.
// Values of other operations keep the size that they have.
func Padded(c Client, size int) Client { return padded{c, func(string) int { return size }} }

// Varied returns a client that writes half of the values so with sizes of 100 to 4000
// bytes, each with its own, the others as they are: where a disk can tear what is written,
// some of it should be larger than what a disk writes as a whole.
func Varied(c Client) Client { return padded{c, varied} }

// varied is the size of a value, which has the same whoever writes it.
func varied(value string) int {
	h := fnv.New32a()
	h.Write([]byte(value))
	r := rand.New(rand.NewPCG(uint64(h.Sum32()), 0))
	switch r.IntN(8) {
	case 0, 1:
		return 100 + r.IntN(500)
	case 2:
		return 600 + r.IntN(1400)
	case 3:
		return 2000 + r.IntN(2001)
	}
	return 0
}

// Do carries out op with its values filled up.
func (p padded) Do(ctx context.Context, op history.Op) (done history.Op, hint string) {
	if op.F == history.FPut || op.F == history.FCas {
		op.Arg, op.Old = p.pad(op.Arg), p.pad(op.Old)
	}
	op.Txn = slices.Clone(op.Txn)
	for i := range op.Txn {
		if m := &op.Txn[i]; m.F == history.FPut {
			m.Arg = p.pad(m.Arg)
		}
	}
	done, hint = p.Client.Do(ctx, op)
	done.Arg, done.Old, done.Got = p.strip(done.Arg), p.strip(done.Old), p.strip(done.Got)
	done.Txn = slices.Clone(done.Txn)
	for i := range done.Txn {
		m := &done.Txn[i]
		m.Arg, m.Got = p.strip(m.Arg), p.strip(m.Got)
	}
	return done, hint
}

// pad fills a value up. No value stays none.
func (p padded) pad(v string) string {
	if v == "" {
		return v
	}
	return v + strings.Repeat(filler, max(0, p.size(v)-len(v)))
}

func (p padded) strip(v string) string {
	short := strings.TrimRight(v, filler)
	if size := p.size(short); len(short) < len(v) && len(v) != size {
		return fmt.Sprintf("%s, filled up to %d bytes instead of %d", short, len(v), size)
	}
	return short
}
