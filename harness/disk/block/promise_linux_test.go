package block

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// promise is what a file has to be after a power failure: as it was when the last sync of it
// ended, or, if another had begun, perhaps as that one would have left it.
type promise struct {
	is, next []byte // nil if there is no such file
	how      string // next is being made: create, append, overwrite, rename, remove; "" if not
}

// broken tells in what a file is not as promised.
func (p promise) broken(got []byte) error {
	same := func(want []byte) bool { return (got == nil) == (want == nil) && bytes.Equal(got, want) }
	switch {
	case same(p.is):
		return nil
	case p.how == "":
	case same(p.next):
		return nil
	case p.how == "create": // its name may be there, and a part of it
		return nil
	case p.how == "append" && len(got) >= len(p.is) && len(got) <= len(p.next) && bytes.Equal(got[:len(p.is)], p.is):
		return nil
	case p.how == "overwrite" && len(got) == len(p.is):
		for at := 0; at < len(got); at += Sector {
			part := got[at:min(at+Sector, len(got))]
			if !bytes.HasPrefix(p.is[at:], part) && !bytes.HasPrefix(p.next[at:], part) {
				return fmt.Errorf("it holds at %d what was never written: %.16q", at, part)
			}
		}
		return nil
	}
	describe := func(b []byte) string {
		if b == nil {
			return "nothing"
		}
		return fmt.Sprintf("%d bytes %.8x", len(b), b)
	}
	return fmt.Errorf("it is %s, was %s, and %q makes it %s", describe(got), describe(p.is), p.how, describe(p.next))
}

// hand writes files of its own, in a directory of its own, and remembers what it was promised.
type hand struct {
	dir   string
	rng   *rand.Rand
	kept  map[string]promise
	now   func() int
	late  *atomic.Bool       // the power goes
	acks  *atomic.Int64      // syncs that ended well while there was power
	lates map[string]promise // by those that said so when it was going, or had gone
	log   []string           // for people
}

func (h *hand) note(format string, args ...any) {
	h.log = append(h.log, fmt.Sprint(h.now(), " ")+fmt.Sprintf(format, args...))
}

// text is what was never written before, of some length up to one.
func (h *hand) text(atMost int) []byte {
	b := make([]byte, 1+h.rng.IntN(atMost))
	for i := range b {
		b[i] = byte(h.rng.Uint32())
	}
	return b
}

// do does one thing, and whatever it promises.
func (h *hand) do(f *files) {
	name := fmt.Sprint(h.rng.IntN(24))
	p := h.kept[name]
	if p.how != "" { // nobody knows how it ended
		p.is, p.how = h.look(f, name), ""
		f.sync("")
		if f.err != nil {
			return
		}
		h.note("%s found %d %.4x", name, len(p.is), p.is)
	}
	what := h.rng.IntN(8)
	if what < 2 {
		h.neglect(f, what == 0)
		return
	}
	next := h.change(f, name, what, p)
	h.note("%s = %v", name, f.err)
	switch {
	case f.err != nil:
	case h.late.Load():
		h.lates[name] = promise{is: next}
	default:
		h.kept[name] = promise{is: next}
		h.acks.Add(1)
	}
}

// neglect does what promises nothing.
func (h *hand) neglect(f *files, write bool) {
	from, to := fmt.Sprint("noise-", h.rng.IntN(12)), fmt.Sprint("noise-", h.rng.IntN(12))
	if write {
		f.write(from, 0, h.text(20<<10))
	} else if err := os.Rename(f.path(from), f.path(to)); !errors.Is(err, os.ErrNotExist) {
		f.do("rename", from, err)
	}
}

// change makes what a file is to be, and syncs it.
func (h *hand) change(f *files, name string, what int, p promise) (next []byte) {
	begin := func(how string, is []byte) {
		p.how, p.next, next = how, is, is
		h.kept[name] = p
		h.note("%s %s %d %.4x -> %d %.4x", name, how, len(p.is), p.is, len(is), is)
	}
	switch {
	case p.is == nil:
		begin("create", h.text(40<<10))
		f.synced(name, 0, next)
	case what == 2:
		begin("remove", nil)
		f.remove(name)
		f.sync("")
	case what == 3 && len(p.is) < 64<<10:
		more := h.text(10 << 10)
		begin("append", append(bytes.Clone(p.is), more...))
		f.synced(name, unix.O_APPEND, more)
	case what == 4 && len(p.is) > 0:
		over := h.text(len(p.is))
		begin("overwrite", append(bytes.Clone(over), p.is[len(over):]...))
		f.synced(name, 0, over)
	default:
		_ = os.Remove(f.path("tmp"))
		text := h.text(20 << 10)
		f.synced("tmp", 0, text)
		begin("rename", text)
		f.rename("tmp", name)
		f.sync("")
	}
	return next
}

func (h *hand) look(f *files, name string) []byte {
	got, err := os.ReadFile(f.path(name))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	f.do("read", name, err)
	return append([]byte{}, got...)
}

// broken counts the promises made too late that are broken.
func (h *hand) broken(f *files) (n int) {
	for name, p := range h.lates {
		if err := p.broken(h.look(f, name)); err != nil {
			h.note("late: %s %v", name, err)
			n++
		}
	}
	return n
}

// check notes an error for whatever is not as promised.
func (h *hand) check(f *files) {
	for name, p := range h.kept {
		if err := p.broken(h.look(f, name)); err != nil {
			f.do("find", f.path(name), err)
		}
	}
}
