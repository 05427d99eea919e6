package cli_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/usurper/usurper/harness/cli"
	"github.com/usurper/usurper/harness/target/reference"
	"github.com/usurper/usurper/node"
)

// TestMain lets the scripts run this test binary as the command usurper, and tests as a
// member.
func TestMain(m *testing.M) {
	if filepath.Base(os.Args[0]) != "usurper" {
		reference.Reenter()
	}
	testscript.Main(m, map[string]func(){
		"usurper": func() {
			os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Options{
				Stdout: os.Stdout,
				Stderr: os.Stderr,
				Node:   node.Command(),
			}))
		},
	})
}

// TestScripts runs testdata/*.txtar, with $CORPUS for the kept runs. Besides testscript's
// own commands they use
//
//	exits STATUS COMMAND...   run a command that ends with this exit status, or one of
//	                          several, as in 0|2
//	decides STATUS COMMAND... as exits, of a command that makes runs: on a machine that
//	                          stalls they may come to no verdict, or show nothing. It
//	                          is then tried again, four times at most, without what it
//	                          has left
//	await FILE REGEXP         wait until a file of that name, a pattern, has a match
//	chop FILE BYTES           cut bytes off a file's end
//	alive FILE, gone FILE     the last processes of all members in a history, whose
//	                          name is a pattern, are there, or are not
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			corpus, err := filepath.Abs(filepath.Join("..", "..", "results", "corpus"))
			env.Setenv("CORPUS", corpus)
			return err
		},
		Condition: func(cond string) (bool, error) {
			if cond == "short" {
				return testing.Short(), nil
			}
			return false, errors.New("unknown condition " + cond)
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":   exits,
			"decides": decides,
			"await":   await,
			"chop":    chop,
			"alive":   func(ts *testscript.TestScript, neg bool, args []string) { processes(ts, neg, args, true) },
			"gone":    func(ts *testscript.TestScript, neg bool, args []string) { processes(ts, neg, args, false) },
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits STATUS COMMAND...")
	}
	if got := status(ts, args[1:]); !slices.Contains(strings.Split(args[0], "|"), strconv.Itoa(got)) {
		ts.Fatalf("exit status %d, want %s", got, args[0])
	}
}

// status runs a command and returns its exit status.
func status(ts *testscript.TestScript, command []string) int {
	err := ts.Exec(command[0], command[1:]...)
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}

// undecided is what a night says of which not every run came to a verdict.
var undecided = regexp.MustCompile(`(?m)^\d+ runs?: .* [1-9]\d* unknown`)

func decides(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: decides STATUS COMMAND...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	before := entries(ts)
	for tries := 1; ; tries++ {
		got := status(ts, args[1:])
		open := got == 2 || want == 1 && got == 0 || undecided.MatchString(ts.ReadFile("stdout"))
		if got == want && !open {
			return
		}
		if !open || tries == 5 {
			ts.Fatalf("exit status %d, want %d", got, want)
		}
		ts.Logf("exit status %d: once more", got)
		for _, name := range entries(ts) {
			if !slices.Contains(before, name) {
				ts.Check(os.RemoveAll(ts.MkAbs(name)))
			}
		}
	}
}

// entries lists the files of the folder that the script is in.
func entries(ts *testscript.TestScript) (names []string) {
	all, err := os.ReadDir(ts.MkAbs("."))
	ts.Check(err)
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: await FILE REGEXP")
	}
	want := regexp.MustCompile(args[1])
	for end := time.Now().Add(3 * time.Minute); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		names, err := filepath.Glob(ts.MkAbs(args[0]))
		ts.Check(err)
		for _, name := range names {
			if b, err := os.ReadFile(name); err == nil && want.Match(b) {
				return
			}
		}
	}
	ts.Fatalf("no %s came to match %s", args[0], args[1])
}

func chop(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: chop FILE BYTES")
	}
	n, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	path := ts.MkAbs(args[0])
	info, err := os.Stat(path)
	ts.Check(err)
	ts.Check(os.Truncate(path, info.Size()-n))
}

// processes checks that the last process of each member is there, or is not.
func processes(ts *testscript.TestScript, neg bool, args []string, want bool) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: alive FILE or gone FILE")
	}
	names, err := filepath.Glob(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(names) != 1 {
		ts.Fatalf("%s means %d files, want one", args[0], len(names))
	}
	text, err := os.ReadFile(names[0])
	ts.Check(err)
	pids := make(map[string]int)
	for _, m := range regexp.MustCompile(`"node":"(n\d)","what":"start","inc":\d+,"pid":(\d+)`).FindAllStringSubmatch(string(text), -1) {
		pids[m[1]], err = strconv.Atoi(m[2])
		ts.Check(err)
	}
	if len(pids) != 3 {
		ts.Fatalf("started: %v, want three members", pids)
	}
	for name, pid := range pids {
		end := time.Now().Add(time.Minute)
		for !want && there(pid) && time.Now().Before(end) { // whoever ends it may need a moment
			time.Sleep(10 * time.Millisecond)
		}
		if is := there(pid); is != want {
			ts.Fatalf("%s, process %d: alive is %v, want %v", name, pid, is, want)
		}
	}
}

// there tells whether a process is there, and more than a zombie, which those leave that
// lose the one who started them.
func there(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return syscall.Kill(pid, 0) == nil && (err != nil || !strings.Contains(string(stat), ") Z "))
}
