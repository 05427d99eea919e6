// Histories writes one of the large histories that scripts/checkers measures with:
//
//	go run ./scripts/histories register 1000000 >history.jsonl
//
// Kinds: register, register-stale, registers (100 keys), set, list, lock, txn and
// txn-stale; and minutes, a run of ten minutes with members and faults, for scripts/page.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/usurper/usurper/checker/tape"
	"github.com/usurper/usurper/harness/history"
)

func main() {
	if err := write(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "histories:", err)
		os.Exit(2)
	}
}

func write(args []string) error {
	if len(args) != 2 {
		return fmt.Errorf("want a kind and how many operations")
	}
	n, err := strconv.Atoi(args[1])
	if err != nil || n < 1 {
		return fmt.Errorf("%q operations: want a number from 1 on", args[1])
	}
	out := bufio.NewWriterSize(os.Stdout, 1<<20)
	if args[0] == "minutes" {
		return errors.Join(writeMinutes(out, n), out.Flush())
	}
	h := tape.Stream(out)
	c := tape.Crowd{Clients: 10, Operations: n, Keys: 1}
	switch args[0] {
	case "register":
		tape.Registers(h, c)
	case "register-stale":
		c.Stale = true
		tape.Registers(h, c)
	case "registers":
		c.Keys = 100
		tape.Registers(h, c)
	case "set", "list":
		c.Keys, c.Unanswered = max(n/100, 1), 1
		tape.Collections(h, c, map[string]history.F{"set": history.FAdd, "list": history.FAppend}[args[0]])
	case "lock":
		tape.Locks(h, n)
	case "txn", "txn-stale":
		tape.Txns(h, n, args[0] == "txn-stale")
	default:
		return fmt.Errorf("no kind %q: register, register-stale, registers, set, list, lock, txn, txn-stale, minutes", args[0])
	}
	h.End()
	return out.Flush()
}
