package block

import (
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"sync"
	"sync/atomic"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// trace is what the kernel asked a disk for, and by that alone what the disk may hold: a
// second opinion, which knows nothing of how the disk remembers what can vanish.
type trace struct {
	fuse.RawFileSystem
	seed maphash.Seed

	mu     sync.Mutex
	on     atomic.Bool     // else it lets pass what is asked, of parts of sectors
	clock  int             // ticks whenever something begins or ends
	asked  []*asking       // since the last cut
	judged []*asking       // before it
	before map[int64]int64 // what sectors held then, if no zeros
}

// asking is one request. It is known to be done from when it ended well; what overlaps may have been
// done in either order.
type asking struct {
	what       string
	at         int64   // of its first sector
	sums       []int64 // of what it writes to each
	begin, end int     // end is 0 if it failed, or has not ended
}

// zeros is the sum of a sector of zeros.
const zeros = 0

func newTrace() *trace {
	return &trace{seed: maphash.MakeSeed(), before: map[int64]int64{}}
}

func (t *trace) under(f fuse.RawFileSystem) fuse.RawFileSystem {
	t.RawFileSystem = f
	return t
}

// begin takes what a disk holds, all of it flushed, for what it held before.
func (t *trace) start(disk []byte) {
	t.on.Store(true)
	for at := int64(0); at < int64(len(disk)); at += Sector {
		if sum := t.sum(disk[at : at+Sector]); sum != zeros {
			t.before[at/Sector] = sum
		}
	}
}

// tick is now.
func (t *trace) tick() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.clock
}

func (t *trace) sum(sector []byte) int64 {
	for _, b := range sector {
		if b != 0 {
			return int64(maphash.Bytes(t.seed, sector)>>2) + 1
		}
	}
	return zeros
}

func (t *trace) record(a *asking, do func() fuse.Status) fuse.Status {
	t.mu.Lock()
	t.clock++
	a.begin = t.clock
	t.asked = append(t.asked, a)
	t.mu.Unlock()
	s := do()
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clock++
	if s.Ok() {
		a.end = t.clock
	}
	return s
}

func (t *trace) Writev(cancel <-chan struct{}, in *fuse.WriteIn, data [][]byte) (n uint32, s fuse.Status) {
	var all []byte
	for _, part := range data {
		all = append(all, part...)
	}
	a := &asking{what: "write", at: int64(in.Offset) / Sector}
	if !t.on.Load() {
		return t.RawFileSystem.Writev(cancel, in, data)
	}
	for ; len(all) > 0; all = all[Sector:] {
		a.sums = append(a.sums, t.sum(all[:Sector]))
	}
	s = t.record(a, func() fuse.Status {
		n, s = t.RawFileSystem.Writev(cancel, in, data)
		return s
	})
	return n, s
}

func (t *trace) Fallocate(cancel <-chan struct{}, in *fuse.FallocateIn) fuse.Status {
	if !t.on.Load() {
		return t.RawFileSystem.Fallocate(cancel, in)
	}
	a := &asking{what: "zero", at: int64(in.Offset) / Sector, sums: make([]int64, in.Length/Sector)}
	return t.record(a, func() fuse.Status { return t.RawFileSystem.Fallocate(cancel, in) })
}

func (t *trace) Fsync(cancel <-chan struct{}, in *fuse.FsyncIn) fuse.Status {
	return t.record(&asking{what: "flush"}, func() fuse.Status { return t.RawFileSystem.Fsync(cancel, in) })
}

// judge tells which sectors of a disk without power hold what they must not. From then on
// what they hold is where it begins.
func (t *trace) judge(disk []byte) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	type version struct {
		*asking
		sum int64
	}
	var illegal []error
	versions, last := map[int64][]version{}, 0 // when the last flush that ended well began
	for _, a := range t.asked {
		if a.what == "flush" && a.end > 0 {
			last = max(last, a.begin)
		}
		for i, sum := range a.sums {
			if a.end > 0 {
				versions[a.at+int64(i)] = append(versions[a.at+int64(i)], version{a, sum})
			}
		}
	}
	for sector, all := range versions {
		settled := 0 // when the last write began that no failure takes back
		for _, v := range all {
			if v.end < last {
				settled = max(settled, v.begin)
			}
		}
		got := t.sum(disk[sector*Sector : (sector+1)*Sector])
		may := settled == 0 && got == t.before[sector]
		for _, v := range all {
			may = may || v.sum == got && v.end >= settled
		}
		if !may {
			illegal = append(illegal, fmt.Errorf("sector %d holds what a disk may not: %x", sector, got))
		}
		t.before[sector] = got
	}
	t.judged, t.asked = t.asked, nil
	return errors.Join(illegal...)
}

// dump writes what was asked since the last judgement.
func (t *trace) dump(w io.Writer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, a := range append(t.judged, t.asked...) {
		fmt.Fprintln(w, a.begin, a.end, a.what, a.at, len(a.sums))
	}
}
