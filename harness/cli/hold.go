package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/usurper/usurper/harness/engine"
)

// holdForever is the value of --hold without one.
const holdForever = "forever"

// holdFlag is the value of --hold: a duration, or nothing for no end.
type holdFlag time.Duration

// String is what help shows as the default: nothing.
func (h *holdFlag) String() string {
	switch d := time.Duration(*h); d {
	case 0:
		return ""
	case engine.HoldForever:
		return holdForever
	default:
		return d.String()
	}
}

// Set takes a duration or "forever".
func (h *holdFlag) Set(text string) error {
	if text == holdForever {
		*h = holdFlag(engine.HoldForever)
		return nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d <= 0 {
		return fmt.Errorf("use a positive duration such as --hold=10m, or --hold alone to wait for an interrupt")
	}
	*h = holdFlag(d)
	return nil
}

// Type is the word for the value in help.
func (*holdFlag) Type() string { return "duration" }

// printHeld tells what a debugger needs to know of a system that is held.
func printHeld(out io.Writer, h engine.Held) {
	how := "until an interrupt (Ctrl-C)"
	if h.For != engine.HoldForever {
		how = fmt.Sprintf("for %s, or until an interrupt (Ctrl-C)", h.For)
	}
	fmt.Fprintf(out, "BROKEN  %s\nheld, healed and without clients, %s: %s\n\n", strings.TrimSpace(h.Broken), how, h.Dir)
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "MEMBER\tPID\tCLIENTS\tDATA\tLOG\tTRACE")
	for _, m := range h.Members {
		pid := "down"
		if m.Pid != 0 {
			pid = fmt.Sprint(m.Pid)
		}
		trace := m.Trace
		if trace == "" {
			trace = "-"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", m.Name, pid, m.ClientAddr, m.DataDir, m.Log, trace)
	}
	w.Flush()
	fmt.Fprintln(out)
}
