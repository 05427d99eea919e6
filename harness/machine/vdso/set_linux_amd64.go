package vdso

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"os"
	"time"
)

// block is what lies behind a vDSO that was changed: words, then code. The code
// reads the first seven.
//
//	0 magic   1 start   2 offset   3 drift   4 period   5 counter   6 changes
//	7 to 9: how the three functions began   10: the page of the counter
//	11: the original clock_gettime, then shiftClock, shiftDay, shiftTime
const (
	magic         = 0x3172657072757375
	wordStart     = 1
	wordCounter   = 5
	wordChanges   = 6
	wordFirst     = 7
	wordPage      = 10
	words         = 11
	originalSpace = 48
)

// plan is all that is written into one process.
type plan struct {
	img       *image
	block     []byte
	functions [3]uint64
	jumps     [3][]byte
	firsts    [3][]byte // how they began
}

// newPlan lays out the code for a process whose vDSO is img, changed already or not.
func newPlan(img *image) (*plan, error) {
	p := &plan{img: img, functions: [3]uint64{img.clock, img.day, img.time}}
	for i, f := range p.functions {
		first := img.at(f, jump)
		if img.ours() {
			first = img.at(img.block+8*uint64(wordFirst+i), jump)
		}
		if first == nil {
			return nil, fmt.Errorf("a function of the vDSO lies outside it: %w", ErrUnsupported)
		}
		p.firsts[i] = bytes.Clone(first)
		copy(img.at(f, jump), first) // from now on the image is the original
	}
	clock, day, when, kernel := addresses()
	original := img.block + 8*words
	moved, ok := img.moved(img.clock, original)
	if !ok || len(moved) > originalSpace {
		moved = code(kernel)
	}
	shifted := original + originalSpace
	p.block = make([]byte, 8*words+originalSpace)
	copy(p.block[8*words:], moved)
	for i, at := range []uintptr{clock, day, when} {
		p.jumps[i] = jumpFrom(p.functions[i], img.block+uint64(len(p.block)))
		p.block = append(p.block, link(code(at), img.block, original, shifted)...)
		p.block = append(p.block, make([]byte, -len(p.block)&15)...)
	}
	free := img.at(img.block, len(p.block))
	if free == nil || !img.ours() && len(bytes.Trim(free, "\x00")) > 0 {
		return nil, fmt.Errorf("the vDSO has no room for %d bytes behind what it needs itself: %w", len(p.block), ErrUnsupported)
	}
	p.word(0, magic)
	for i, first := range p.firsts {
		copy(p.block[8*(wordFirst+i):], first)
	}
	return p, nil
}

func (p *plan) word(n int, value uint64) { binary.LittleEndian.PutUint64(p.block[8*n:], value) }

// clock writes what the code reads. Readings are counted at counter, unless that is 0.
func (p *plan) clock(c Clock, counter, changes uint64) {
	p.word(wordStart, uint64(c.Start.UnixNano()))
	p.word(wordStart+1, uint64(c.Offset))
	p.word(wordStart+2, uint64(int64(math.Round(c.Drift/1e6*(1<<32)))))
	p.word(wordStart+3, uint64(c.Every))
	p.word(wordCounter, counter)
	p.word(wordChanges, changes)
}

// ours tells whether there is a block of ours behind the vDSO.
func (img *image) ours() bool {
	b := img.at(img.block, 8)
	return b != nil && binary.LittleEndian.Uint64(b) == magic
}

func (img *image) word(n int) uint64 {
	if b := img.at(img.block+8*uint64(n), 8); b != nil && img.ours() {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

// inForce tells whether the functions begin with a jump to the block.
func (img *image) inForce() bool {
	if !img.ours() {
		return false
	}
	b := img.at(img.clock, jump)
	to := img.clock + jump + uint64(int64(int32(binary.LittleEndian.Uint32(b[1:]))))
	return b[0] == 0xe9 && to > img.block && to < img.base+uint64(len(img.bytes))
}

// Set gives a process a clock, instead of the one that it was given before. It returns
// once what it wrote was read back.
func Set(pid int, c Clock) error {
	if err := c.check(); err != nil {
		return err
	}
	if c.Start.IsZero() {
		c.Start = time.Now()
	}
	err := hold(pid, func(h *held) error {
		img, err := read(pid)
		if err != nil {
			return err
		}
		set := img.inForce()
		page, changes := img.word(wordPage), img.word(wordChanges)+2
		p, err := newPlan(img)
		if err != nil {
			return err
		}
		if !set && h.within(p.heads()) {
			return errNotNow
		}
		if page == 0 {
			if page, err = h.page(img); err != nil {
				return err
			}
		}
		p.word(wordPage, page)
		p.clock(c, page, changes)
		if err := h.poke(img.block, p.block); err != nil {
			return err
		}
		return p.begin(h, p.jumps)
	})
	if err != nil {
		return fmt.Errorf("set the clock of process %d: %w", pid, err)
	}
	return nil
}

// heads are the addresses that no thread may go on within.
func (p *plan) heads() (all [][2]uint64) {
	for _, f := range p.functions {
		all = append(all, [2]uint64{f, f + jump})
	}
	return all
}

// begin has the functions begin so, and makes sure that they do.
func (p *plan) begin(h *held, with [3][]byte) error {
	for i, f := range p.functions {
		if err := h.poke(f, with[i]); err != nil {
			return err
		}
	}
	now, err := read(h.pid)
	if err != nil {
		return err
	}
	if !bytes.Equal(now.at(now.block, len(p.block)), p.block) {
		return fmt.Errorf("what was written to process %d is not there", h.pid)
	}
	for i, f := range p.functions {
		if !bytes.Equal(now.at(f, jump), with[i]) {
			return fmt.Errorf("what was written to process %d is not there", h.pid)
		}
	}
	return nil
}

// Restore gives a process its true clock again. Its functions are again what they were, byte by
// byte; behind them code is left that a thread may still be in, and that tells the
// true time. Of a process that has a true clock it changes nothing.
func Restore(pid int) error {
	if img, err := read(pid); err == nil && !img.inForce() || errors.Is(err, ErrUnsupported) {
		return nil
	}
	err := hold(pid, func(h *held) error {
		img, err := read(pid)
		if err != nil || !img.inForce() {
			return err
		}
		page, changes := img.word(wordPage), img.word(wordChanges)+2
		p, err := newPlan(img)
		if err != nil {
			return err
		}
		p.word(wordPage, page)
		p.clock(Clock{Start: time.Unix(0, 0)}, 0, changes)
		if err := h.poke(img.block, p.block); err != nil {
			return err
		}
		return p.begin(h, p.firsts)
	})
	if err != nil {
		return fmt.Errorf("restore the clock of process %d: %w", pid, err)
	}
	return nil
}

// Look reads back what a process's vDSO is. It does not stop the process.
func Look(pid int) (State, error) {
	img, err := read(pid)
	if err != nil {
		return State{}, err
	}
	s := State{Shifted: img.inForce(), Readings: -1}
	if at := img.word(wordPage); at != 0 {
		if mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid)); err == nil {
			defer mem.Close()
			var b [8]byte
			if _, err := mem.ReadAt(b[:], int64(at)); err == nil {
				s.Readings = int64(binary.LittleEndian.Uint64(b[:]))
			}
		}
	}
	return s, nil
}
