package vdso

import (
	"bytes"
	"debug/elf"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/arch/x86/x86asm"
)

// image is the vDSO of a process: where it lies, and what of it matters here.
type image struct {
	base  uint64
	bytes []byte
	// Where its functions begin, in the process; what is changed of each are the jump
	// bytes there.
	clock, day, time uint64
	block            uint64 // what is free behind it: where ours begins
}

// jump is the length of the jump that a function is made to begin with.
const jump = 5

// read finds and reads the vDSO of a process.
func read(pid int) (*image, error) {
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("read the map of process %d, perhaps another user's: %w", pid, err)
	}
	if err != nil || len(maps) == 0 {
		return nil, fmt.Errorf("process %d: %w", pid, ErrGone)
	}
	for line := range strings.Lines(string(maps)) {
		if !strings.HasSuffix(line, "[vdso]\n") {
			continue
		}
		from, to, _ := strings.Cut(strings.Fields(line)[0], "-")
		base, err1 := strconv.ParseUint(from, 16, 64)
		end, err2 := strconv.ParseUint(to, 16, 64)
		if err := errors.Join(err1, err2); err != nil {
			return nil, fmt.Errorf("read the map of process %d: %w", pid, err)
		}
		img := &image{base: base, bytes: make([]byte, end-base)}
		mem, err := os.Open(fmt.Sprintf("/proc/%d/mem", pid))
		if err != nil {
			return nil, fmt.Errorf("read the memory of process %d: %w", pid, err)
		}
		defer mem.Close()
		if _, err := mem.ReadAt(img.bytes, int64(base)); err != nil {
			return nil, fmt.Errorf("read the vDSO of process %d: %w", pid, err)
		}
		return img, img.parse()
	}
	return nil, fmt.Errorf("process %d has no vDSO: %w", pid, ErrUnsupported)
}

// parse finds the functions, and the room behind all that the file says is its own.
func (img *image) parse() error {
	f, err := elf.NewFile(bytes.NewReader(img.bytes))
	if err != nil {
		return fmt.Errorf("read the vDSO: %w", err)
	}
	if f.Machine != elf.EM_X86_64 || f.Class != elf.ELFCLASS64 {
		return fmt.Errorf("the vDSO is of %v, %v, and only x86-64 is known: %w", f.Machine, f.Class, ErrUnsupported)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil {
		return fmt.Errorf("read the symbols of the vDSO: %w", err)
	}
	for _, s := range symbols {
		switch s.Name {
		case "__vdso_clock_gettime":
			img.clock = img.base + s.Value
		case "__vdso_gettimeofday":
			img.day = img.base + s.Value
		case "__vdso_time":
			img.time = img.base + s.Value
		}
	}
	if img.clock == 0 || img.day == 0 || img.time == 0 {
		return fmt.Errorf("the vDSO lacks one of __vdso_clock_gettime, __vdso_gettimeofday and __vdso_time: %w", ErrUnsupported)
	}
	sections := binary.LittleEndian.Uint64(img.bytes[0x28:]) + // e_shoff, e_shentsize, e_shnum
		uint64(binary.LittleEndian.Uint16(img.bytes[0x3a:]))*uint64(binary.LittleEndian.Uint16(img.bytes[0x3c:]))
	last := sections
	for _, s := range f.Sections {
		if s.Type != elf.SHT_NOBITS {
			last = max(last, s.Offset+s.FileSize)
		}
	}
	for _, p := range f.Progs {
		last = max(last, p.Off+p.Filesz)
	}
	img.block = img.base + (last+63)&^63
	return nil
}

// at returns what lies at an address of the process, nil if that is outside.
func (img *image) at(addr uint64, n int) []byte {
	if addr < img.base || addr+uint64(n) > img.base+uint64(len(img.bytes)) {
		return nil
	}
	return img.bytes[addr-img.base:][:n]
}

// moved returns code that does what a function does whose beginning is overwritten: its
// first instructions, and a jump to the next one. It reports false if these do not mean the
// same elsewhere.
func (img *image) moved(function, to uint64) ([]byte, bool) {
	const most = 15 // bytes of an instruction
	var code []byte
	for len(code) < jump {
		b := img.at(function+uint64(len(code)), most)
		if b == nil {
			return nil, false
		}
		in, err := x86asm.Decode(b, 64)
		if err != nil || in.PCRel != 0 || leaves(in) {
			return nil, false
		}
		code = append(code, b[:in.Len]...)
	}
	return append(code, jumpFrom(to+uint64(len(code)), function+uint64(len(code)))...), true
}

// leaves tells whether an instruction goes elsewhere, or refers to where it stands.
func leaves(in x86asm.Inst) bool {
	switch in.Op {
	case x86asm.RET, x86asm.LRET, x86asm.JMP, x86asm.CALL, x86asm.INT, x86asm.UD2, x86asm.SYSCALL:
		return true
	}
	for _, arg := range in.Args {
		if m, ok := arg.(x86asm.Mem); ok && (m.Base == x86asm.RIP || m.Base == x86asm.EIP) {
			return true
		}
	}
	return false
}

// jumpFrom is a jump, as long as jump says.
func jumpFrom(from, to uint64) []byte {
	return binary.LittleEndian.AppendUint32([]byte{0xe9}, uint32(to-from-jump))
}
