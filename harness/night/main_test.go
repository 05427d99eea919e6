package night_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/night/entry"
)

// TestMain lets the tests' own program be a run that starts no cluster, and a night of
// such runs.
func TestMain(m *testing.M) {
	if len(os.Args) > 2 {
		switch os.Args[1] {
		case "fake-run":
			os.Exit(fakeRun(os.Args[3:]))
		case "fake-night":
			os.Exit(fakeNight(os.Args[2], os.Args[3]))
		}
	}
	os.Exit(m.Run())
}

// flagIn returns the value of a flag in arguments.
func flagIn(args []string, name string) string {
	for _, a := range args {
		if value, ok := strings.CutPrefix(a, "--"+name+"="); ok {
			return value
		}
	}
	return ""
}

// fakeRun does what its flags say, in the place of a run: --do is how it ends, --pids the
// folder where it leaves its process number, --takes how long.
func fakeRun(args []string) int {
	if pids := flagIn(args, "pids"); pids != "" {
		os.WriteFile(filepath.Join(pids, strconv.Itoa(os.Getpid())), nil, 0o644)
	}
	work, seed := flagIn(args, "results"), flagIn(args, "seed")
	dir := filepath.Join(work, "20261130-000000-seed"+seed)
	os.Mkdir(dir, 0o755)
	os.WriteFile(filepath.Join(dir, "history.jsonl"), []byte("{}\n"), 0o644)
	if d, err := time.ParseDuration(flagIn(args, "takes")); err == nil {
		time.Sleep(d)
	}
	e := entry.Entry{Class: entry.Valid, Dir: dir, OK: 1}
	leave := func() int {
		if err := night.Leave(flagIn(args, "entry"), e); err != nil {
			panic(err)
		}
		return 0
	}
	switch do := flagIn(args, "do"); do {
	case "", "valid", "invalid", "unknown":
		if do != "" {
			e.Class = entry.Class(do)
		}
		return leave()
	case "panic":
		panic("as a checker might")
	case "kill":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
	case "quiet":
	case "fail":
		fmt.Fprintln(os.Stderr, "usurper: run "+dir+": n1 ended by itself (exit status 7)")
		return 2
	case "hang":
		time.Sleep(time.Hour)
	case "late":
		e.Class = entry.Invalid
		leave()
		time.Sleep(time.Hour)
	case "memory":
		hoard := make([]byte, 256<<20)
		for i := range hoard {
			hoard[i] = byte(i)
		}
		time.Sleep(time.Hour)
		fmt.Println(hoard[7])
	case "disk":
		os.WriteFile(filepath.Join(dir, "big"), make([]byte, 64<<20), 0o644)
		time.Sleep(time.Hour)
	case "garbage":
		os.WriteFile(flagIn(args, "entry"), []byte("{"), 0o644)
	}
	return 0
}

// fake makes runs by fakeRun.
func fake() *night.Process {
	return &night.Process{Argv: []string{os.Args[0], "fake-run"}, Memory: 128 << 20, Disk: 32 << 20}
}

// cell is a configuration of fakeRun.
func cell(name string, args ...string) night.Cell {
	return night.Cell{Name: name, Args: args, Weight: 1, For: 10 * time.Millisecond, Bound: time.Minute}
}

// killed is the night of which the test kills the process.
func killed(pids string) night.Request {
	return night.Request{
		Command: []string{"nightly"}, Build: "test", Runs: 40, Parallel: 3,
		Cells: []night.Cell{cell("a", "--pids="+pids, "--takes=60ms"), cell("b", "--pids="+pids, "--takes=60ms", "--do=invalid")},
	}
}

func fakeNight(root, pids string) int {
	n, err := night.Open(root, killed(pids), time.Now())
	if err == nil {
		err = n.Run(context.Background(), night.Options{Run: fake().Run})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
