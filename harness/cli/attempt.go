package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/engine"
)

// hangs is how long after its planned end a run may still be busy before it is
// given up. Everything in a run has a deadline well within it.
const hangs = 3 * time.Minute

// bound is when a run of cfg has hung. A healed system is waited for twice, and longer on
// a machine that stalls.
func bound(cfg *engine.Config) time.Duration {
	return cfg.For + hangs + 6*max(cfg.Settle, 40*cfg.Election)
}

// attempt is one of many runs.
type attempt struct {
	seed    uint64
	elapsed time.Duration
	result  engine.Result
	err     error
}

func (n *attempt) verdict() checker.Verdict {
	verdict := n.result.Report.Verdict // there may be one also after an error
	if n.err != nil {
		return checker.Worse(verdict, checker.Unknown)
	}
	return verdict
}

// make makes the run, and leaves a directory unless it was valid. A run that outstays
// every deadline is given up rather than allowed to keep the others from ending.
func (n *attempt) make(ctx context.Context, cfg engine.Config) {
	begun := time.Now()
	type outcome struct {
		result engine.Result
		err    error
	}
	ended := make(chan outcome, 1)
	go func() {
		result, err := engine.Run(ctx, cfg)
		ended <- outcome{result, err}
	}()
	select {
	case o := <-ended:
		n.result, n.err = o.result, o.err
	case <-time.After(bound(&cfg)):
		n.err = errors.New("the run hangs: given up")
	}
	n.elapsed = time.Since(begun)
	if n.verdict() == checker.Valid {
		os.RemoveAll(n.result.Dir.String())
	}
}

func (n *attempt) line() string {
	if n.err != nil {
		return fmt.Sprintf("seed %d: failed: %s", n.seed, n.why())
	}
	text := fmt.Sprintf("seed %d: %s in %.1fs", n.seed, n.verdict(), n.elapsed.Seconds())
	if n.verdict() != checker.Valid {
		text += ": " + n.why() + " (" + n.result.Dir.String() + ")"
	}
	return text
}

// why sums up what was not valid, in a line of printable characters.
func (n *attempt) why() string {
	if n.err != nil {
		return verdict.Printable(n.err.Error())
	}
	var parts []string
	for _, r := range n.result.Report.Results {
		if r.Verdict == n.verdict() {
			parts = append(parts, r.Checker+": "+r.Summary)
		}
	}
	return verdict.Printable(strings.Join(parts, "; "))
}
