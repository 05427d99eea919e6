package target

import "regexp"

// Crasher is a Target that says by which lines its members tell that they crash.
type Crasher interface {
	// Crashes are the patterns of such lines, in the place of CrashLines, to which one
	// may append. A member that prints one has crashed, whether it goes on or not.
	Crashes() []*regexp.Regexp
}

// Crashes returns the patterns of lines by which members of t tell that they crash:
// CrashLines unless it says otherwise.
func Crashes(t Target) []*regexp.Regexp {
	if c, ok := t.(Crasher); ok {
		return c.Crashes()
	}
	return CrashLines()
}

// CrashLines returns how the runtimes of Go, Rust, Java and C++, and their sanitizers,
// begin to tell of a crash. Each pattern holds at the start of a line alone: one that
// quotes such words, as in the path of a request, accuses nobody.
//
// Python's traceback is not among them, nor an exception that ends a thread of Java's but
// the main one: servers log what a request or a broken connection failed of, some of it
// while they are stopped, and go on; of one that does not go on, its end tells.
func CrashLines() []*regexp.Regexp {
	return []*regexp.Regexp{
		// Go: a panic, what is worse, and the race detector.
		regexp.MustCompile(`^(panic: |fatal error: |WARNING: DATA RACE)`),
		// Rust: of whichever thread; newer versions give its number too.
		regexp.MustCompile(`^thread '[^']*' (\(\d+\) )?(panicked at |has overflowed its stack)`),
		// Java: the main thread that ends of an exception, any of an error of the machine or
		// an assertion, and the machine itself.
		regexp.MustCompile(`^(Exception in thread "(main" |[^"]*" java\.lang\.\w+Error\b)|# A fatal error has been detected by the Java Runtime)`),
		// C++ and C: an exception that nobody takes, the sanitizers, and the shell that
		// tells of a child. What leaks is found when a process ends, and is no crash.
		regexp.MustCompile(`^(terminate called |libc\+\+abi: terminating |Segmentation fault|Assertion failed)`),
		regexp.MustCompile(`^(==\d+==ERROR: (Address|HWAddress)Sanitizer: |==\d+==WARNING: MemorySanitizer: |WARNING: ThreadSanitizer: )`),
		regexp.MustCompile(`^[\w./-]+:\d+:\d+: runtime error: `),
	}
}

// MatchesAll tells whether a pattern of a crash holds for a line that says nothing, and
// so says nothing itself.
func MatchesAll(p *regexp.Regexp) bool { return p.MatchString("") }
