package vdso

import (
	"bytes"
	"encoding/binary"
	"unsafe"
)

// What the code is told by constants within it.
const (
	blockMark    = 0x7157115711570001
	originalMark = 0x7157115711570002
	shiftedMark  = 0x7157115711570003
)

// end is what each function of the code ends with.
var end = []byte{0x0f, 0x0b, 0x0f, 0x0b, 0x0f, 0x0b, 0x0f, 0x0b}

// What the assembler file has. It alone names the first four.

//lint:ignore U1000 addresses takes its address
func shiftClock()

//lint:ignore U1000 addresses takes its address
func shiftDay()

//lint:ignore U1000 addresses takes its address
func shiftTime()

//lint:ignore U1000 addresses takes its address
func askKernel()

func addresses() (clock, day, time, kernel uintptr)

// code returns the machine code at an address of this program, up to its end.
func code(at uintptr) []byte {
	const most = 1024
	b := unsafe.Slice((*byte)(*(*unsafe.Pointer)(unsafe.Pointer(&at))), most) // an address, not a pointer to what may move
	n := bytes.Index(b, end)
	return bytes.Clone(b[:n])
}

// link writes addresses in place of marks.
func link(code []byte, block, original, shifted uint64) []byte {
	for mark, addr := range map[uint64]uint64{blockMark: block, originalMark: original, shiftedMark: shifted} {
		code = bytes.ReplaceAll(code, binary.LittleEndian.AppendUint64(nil, mark), binary.LittleEndian.AppendUint64(nil, addr))
	}
	return code
}
