#include "textflag.h"

// What is copied into a process's vDSO. It is called as C calls a function: arguments in
// DI and SI, and BX, BP, R12 to R15 belong to the caller. It may lie anywhere: of
// what it refers to, the addresses are written into the copy, in place of the constants
// of code_linux_amd64.go: 0x71…01 is the block, 0x71…02 the original clock_gettime,
// 0x71…03 the copy of shiftClock itself. Each function ends with four UD2.

#define BLOCK $0x7157115711570001
#define ORIGINAL $0x7157115711570002
#define SHIFTED $0x7157115711570003
#define END BYTE $0x0F; BYTE $0x0B; BYTE $0x0F; BYTE $0x0B; BYTE $0x0F; BYTE $0x0B; BYTE $0x0F; BYTE $0x0B

// int clock_gettime(clockid_t, struct timespec *)
TEXT ·shiftClock(SB), NOSPLIT|NOFRAME, $0-0
	CMPL DI, $0 // CLOCK_REALTIME
	JEQ  wall
	CMPL DI, $5 // CLOCK_REALTIME_COARSE
	JEQ  wall
	CMPL DI, $11 // CLOCK_TAI
	JEQ  wall
	MOVQ ORIGINAL, R11
	JMP  R11

wall:
	SUBQ  $24, SP
	MOVQ  SI, 0(SP)
	MOVQ  ORIGINAL, R11
	CALL  R11
	MOVQ  0(SP), SI
	ADDQ  $24, SP
	TESTL AX, AX
	JNE   out
	MOVQ  BLOCK, R11

again:
	MOVQ  (6*8)(R11), R8   // changes
	TESTQ $1, R8
	JNE   again
	MOVQ  0(SI), AX
	IMULQ $1000000000, AX
	ADDQ  8(SI), AX
	MOVQ  AX, CX           // now, in nanoseconds
	SUBQ  (1*8)(R11), AX   // start
	MOVQ  AX, R9           // what has passed
	IMULQ (3*8)(R11)       // drift, as a fraction of 1<<32
	SHRQ  $32, DX, AX
	ADDQ  AX, CX
	MOVQ  (2*8)(R11), R10  // offset
	MOVQ  (4*8)(R11), DI   // how often it jumps
	TESTQ DI, DI
	JEQ   steady
	MOVQ  R9, AX
	CQO
	IDIVQ DI
	TESTQ $1, AX
	JEQ   steady
	NEGQ  R10

steady:
	ADDQ R10, CX
	MOVQ (5*8)(R11), R9 // where readings are counted
	CMPQ R8, (6*8)(R11)
	JNE  again
	TESTQ R9, R9
	JEQ  uncounted
	LOCK
	INCQ (R9)

uncounted:
	MOVQ  CX, AX
	MOVQ  $1000000000, DI
	CQO
	IDIVQ DI
	MOVQ  AX, 0(SI)
	MOVQ  DX, 8(SI)
	XORL  AX, AX

out:
	RET
	END

// int gettimeofday(struct timeval *, struct timezone *)
TEXT ·shiftDay(SB), NOSPLIT|NOFRAME, $0-0
	PUSHQ BX
	SUBQ  $32, SP
	MOVQ  DI, BX
	TESTQ SI, SI
	JEQ   day
	XORL  DI, DI
	MOVL  $96, AX // gettimeofday, for the zone alone
	SYSCALL
	TESTQ AX, AX
	JNE   over

day:
	XORL  AX, AX
	TESTQ BX, BX
	JEQ   over
	XORL  DI, DI
	MOVQ  SP, SI
	MOVQ  SHIFTED, R11
	CALL  R11
	TESTL AX, AX
	JNE   over
	MOVQ  0(SP), AX
	MOVQ  AX, 0(BX)
	MOVQ  8(SP), AX
	XORL  DX, DX
	MOVL  $1000, CX
	DIVQ  CX
	MOVQ  AX, 8(BX)
	XORL  AX, AX

over:
	ADDQ $32, SP
	POPQ BX
	RET
	END

// time_t time(time_t *)
TEXT ·shiftTime(SB), NOSPLIT|NOFRAME, $0-0
	PUSHQ BX
	SUBQ  $32, SP
	MOVQ  DI, BX
	MOVL  $5, DI // the coarse clock, as the original
	MOVQ  SP, SI
	MOVQ  SHIFTED, R11
	CALL  R11
	MOVQ  0(SP), AX
	TESTQ BX, BX
	JEQ   told
	MOVQ  AX, 0(BX)

told:
	ADDQ $32, SP
	POPQ BX
	RET
	END

// int clock_gettime(clockid_t, struct timespec *), where the original's first
// instructions cannot be moved.
TEXT ·askKernel(SB), NOSPLIT|NOFRAME, $0-0
	MOVL $228, AX
	SYSCALL
	RET
	END

// func addresses() (clock, day, time, kernel uintptr)
TEXT ·addresses(SB), NOSPLIT, $0-32
	LEAQ ·shiftClock(SB), AX
	MOVQ AX, clock+0(FP)
	LEAQ ·shiftDay(SB), AX
	MOVQ AX, day+8(FP)
	LEAQ ·shiftTime(SB), AX
	MOVQ AX, time+16(FP)
	LEAQ ·askKernel(SB), AX
	MOVQ AX, kernel+24(FP)
	RET
