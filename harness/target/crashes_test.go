package target_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/target"
)

func crashed(line string) bool {
	for _, p := range target.CrashLines() {
		if p.MatchString(line) {
			return true
		}
	}
	return false
}

// Each runtime's own words, and the nearest lines that a member may print which is well.
func TestCrashLines(t *testing.T) {
	for line, legal := range map[string][]string{
		"panic: runtime error: index out of range [3] with length 3": {
			"GET /kv/panic:button 200", "http: panic serving 127.0.0.1:40212: EOF", `{"msg":"panic: recovered"}`, "panic", "panicking is off",
		},
		"fatal error: all goroutines are asleep - deadlock!": {"2026/11/30 no fatal error: all is well", "fatal errors: 0"},
		"WARNING: DATA RACE":                                     {"the race detector says WARNING: DATA RACE here"},
		"thread 'raft-1' panicked at src/a.rs:1:5":               {"INFO thread 'raft-1' panicked at nothing", "thread 'raft-1' started", "thread pool panicked at none"},
		"thread '<unnamed>' (4711) panicked at src/log.rs:10:5:": nil,
		"thread 'main' has overflowed its stack":                 nil,
		`Exception in thread "main" java.lang.NullPointerException`: {
			"Exception in thread Thread-7 (serve):", // Python's, of a thread that the process survives
			`10:00:01 WARN Exception in thread "main" was handled`,
			`Exception in thread "Thread-5" java.lang.IllegalStateException: Shutdown in progress`, // of a server that is stopped
			`Exception in thread "peer-2" java.net.SocketException: Connection reset`,
		},
		`Exception in thread "raft-1" java.lang.OutOfMemoryError: Java heap space`: {
			`Exception in thread "raft-1" org.example.ErrorReportException: none`,
		},
		"# A fatal error has been detected by the Java Runtime Environment:": {"# no fatal error has been detected"},
		"terminate called after throwing an instance of 'std::bad_alloc'":    {"connection to terminate called off"},
		"libc++abi: terminating due to uncaught exception of type int":       nil,
		"Segmentation fault (core dumped)":                                   {"key=Segmentation fault"},
		"Assertion failed: (x), function f, file a.c, line 3.":               {"0 Assertion failed"},
		"==4711==ERROR: AddressSanitizer: heap-use-after-free on address 0x1": {
			"==4711==ERROR: LeakSanitizer: detected memory leaks", "SUMMARY: AddressSanitizer: 16 byte(s) leaked in 1 allocation(s).",
			"built with AddressSanitizer",
		},
		"==4711==WARNING: MemorySanitizer: use-of-uninitialized-value": nil,
		"WARNING: ThreadSanitizer: data race (pid=4711)":               {"ThreadSanitizer is on"},
		"src/log.cc:10:5: runtime error: signed integer overflow":      {"at 10:5: runtime error: none"},
	} {
		require.True(t, crashed(line), line)
		for _, ok := range legal {
			require.False(t, crashed(ok), ok)
		}
	}
	for _, line := range []string{"", "Traceback (most recent call last):", "KeyError: 'r0-1'", "INFO ready"} {
		require.False(t, crashed(line), line)
	}
	require.False(t, slices.ContainsFunc(target.CrashLines(), target.MatchesAll))
}

func BenchmarkCrashLines(b *testing.B) {
	lines := []string{
		`2026/11/30 14:03:11 raft: n1 appended entries 17 to 19 in term 4 from n2, committed 16`,
		`{"level":"info","ts":"2026-11-30T14:03:11.123Z","caller":"raft/raft.go:1234","msg":"became follower at term 4"}`,
	}
	patterns := target.CrashLines()
	for b.Loop() {
		for _, line := range lines {
			for _, p := range patterns {
				if p.MatchString(line) {
					b.Fatal(line)
				}
			}
		}
	}
}
