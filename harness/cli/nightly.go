package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jstemmer/go-junit-report/v2/junit"
	"github.com/spf13/cobra"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/pace"
)

type nightlyFlags struct {
	runFlags
	runs     int
	parallel int
}

// hangs is how long after its planned end a run may still be busy before it is
// given up. Everything in a run has a deadline well within it.
const hangs = 3 * time.Minute

func nightlyCommand() *cobra.Command {
	f := nightlyFlags{}
	cmd := &cobra.Command{
		Use:   "nightly",
		Short: "Run many seeds side by side and sum up",
		Long: `Nightly makes many runs under consecutive seeds, some side by side, and leaves
below the results directory junit.xml, summary.md and the run directory of every
run that was not valid. The seed draws how many members a run has, 3, 4, 5 or 7,
unless the target, the plan or --nodes says so.

The exit status is 1 if any run was invalid, else 2 if any was unknown or failed,
else 0.`,
		Example: `  usurper nightly --runs 40 --for 20s --parallel 3`,
		Args:    noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.runs < 1 || f.parallel < 1 {
				return fmt.Errorf("%d runs, %d side by side: use at least 1 of each", f.runs, f.parallel)
			}
			return f.run(cmd.Context(), cmd)
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().IntVar(&f.runs, "runs", 20, "how many runs")
	cmd.Flags().IntVar(&f.parallel, "parallel", 2, "how many clusters side by side")
	setDefaults(cmd.Flags(), map[string]string{"seed": "1", "for": "20s", "results": filepath.Join("results", "nightly")})
	return cmd
}

// nightRun is one run of a night.
type nightRun struct {
	seed    uint64
	members int  // drawn; 0 if all runs have as many
	left    bool // the night was interrupted before its turn came
	elapsed time.Duration
	result  engine.Result
	err     error
}

func (n *nightRun) verdict() checker.Verdict {
	verdict := n.result.Report.Verdict // there may be one also after an error
	if n.err != nil {
		return checker.Worse(verdict, checker.Unknown)
	}
	return verdict
}

func (f *nightlyFlags) run(ctx context.Context, cmd *cobra.Command) error {
	show := newStatus(cmd.ErrOrStderr())
	say, said := show.busy()
	_, err := f.build(ctx, f.cfg.Seed, say)
	said()
	if err != nil {
		return err // before anything is written
	}
	night := make([]nightRun, f.runs)
	slots := make(chan struct{}, f.parallel)
	var wg sync.WaitGroup
	for i := range night {
		slots <- struct{}{}
		n := &night[i]
		n.seed = f.cfg.Seed + uint64(i)
		if n.err = context.Cause(ctx); n.err != nil {
			n.left = true
			<-slots
			continue
		}
		wg.Go(func() {
			defer func() { <-slots }()
			f.one(ctx, n)
			show.line("%s", n.line())
		})
	}
	wg.Wait()
	if err := f.write(night); err != nil {
		return err
	}
	worst := checker.Valid
	for i := range night {
		worst = checker.Worse(worst, night[i].verdict())
	}
	fmt.Fprint(cmd.OutOrStdout(), summary(night))
	return exitWith(worst)
}

func (f *nightlyFlags) build(ctx context.Context, seed uint64, progress func(string)) (engine.Config, error) {
	one := f.runFlags
	one.cfg.Seed = seed
	if f.drawsSizes() {
		one.cfg.Nodes = nightSize(seed)
	}
	return one.config(ctx, progress)
}

// drawsSizes tells whether the seed says how many members a run has, if its target does
// not.
func (f *nightlyFlags) drawsSizes() bool {
	return !f.given("nodes") && (f.plan == engine.RandomPlan || f.plan == engine.KillsPlan)
}

// nightSize draws how many members a run has. Seeds that follow each other have others,
// until all had their turn.
func nightSize(seed uint64) int {
	sizes := []int{3, 4, 5, 7}
	turns := uint64(len(sizes))
	order := engine.Stream(seed/turns, "members").Perm(len(sizes))
	return sizes[order[seed%turns]]
}

// one makes one run. A run that outstays every deadline is given up rather than
// allowed to keep the night from ending.
func (f *nightlyFlags) one(ctx context.Context, n *nightRun) {
	cfg, err := f.build(ctx, n.seed, func(string) {})
	if err != nil {
		n.err = err
		return
	}
	if f.drawsSizes() {
		n.members = cfg.Nodes
	}
	n.make(ctx, cfg)
}

// make makes the run, and leaves a directory unless it was valid.
func (n *nightRun) make(ctx context.Context, cfg engine.Config) {
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
	case <-time.After(cfg.For + hangs + 6*max(cfg.Settle, 40*cfg.Election)): // it is waited for twice, and longer on a machine that stalls
		n.err = errors.New("the run hangs: given up")
	}
	n.elapsed = time.Since(begun)
	if n.verdict() == checker.Valid {
		os.RemoveAll(n.result.Dir.String())
	}
}

func (n *nightRun) line() string {
	if n.err != nil {
		return fmt.Sprintf("%s: failed: %s", n.name(), n.why())
	}
	text := fmt.Sprintf("%s: %s in %.1fs", n.name(), n.verdict(), n.elapsed.Seconds())
	if n.verdict() != checker.Valid {
		text += ": " + n.why() + " (" + n.result.Dir.String() + ")"
	}
	return text
}

// name is "seed 8", or "seed 8 (4 members)".
func (n *nightRun) name() string {
	if n.members == 0 {
		return fmt.Sprintf("seed %d", n.seed)
	}
	return fmt.Sprintf("seed %d (%d members)", n.seed, n.members)
}

// why sums up what was not valid, in a line of printable characters.
func (n *nightRun) why() string {
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

func (f *nightlyFlags) write(night []nightRun) error {
	if err := os.MkdirAll(f.cfg.Results, 0o755); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	if err := os.WriteFile(filepath.Join(f.cfg.Results, "summary.md"), []byte(summary(night)), 0o644); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	out, err := os.Create(filepath.Join(f.cfg.Results, "junit.xml"))
	if err != nil {
		return fmt.Errorf("write JUnit report: %w", err)
	}
	if err := writeJUnit(out, night); err != nil {
		out.Close()
		return fmt.Errorf("write JUnit report: %w", err)
	}
	return out.Close()
}

func writeJUnit(out io.Writer, night []nightRun) error {
	suite := junit.Testsuite{Name: "usurper"}
	total := 0.0
	for i := range night {
		n := &night[i]
		total += n.elapsed.Seconds()
		c := junit.Testcase{
			Classname: "usurper.nightly",
			Name:      fmt.Sprintf("seed %d", n.seed),
			Time:      fmt.Sprintf("%.3f", n.elapsed.Seconds()),
		}
		problem := &junit.Result{Message: n.why(), Type: string(n.verdict())}
		if n.err == nil {
			problem.Data = n.result.Report.String()
		}
		switch verdict := n.verdict(); {
		case n.left:
			c.Skipped = problem
		case verdict == checker.Invalid:
			c.Failure = problem
		case verdict == checker.Unknown:
			c.Error = problem
		}
		suite.AddTestcase(c)
	}
	unchecked := junit.Testsuite{Name: "usurper, not checked"}
	for _, i := range idle(night) {
		unchecked.AddTestcase(junit.Testcase{
			Classname: "usurper.checkers", Name: i.Checker, Time: "0.000",
			Skipped: &junit.Result{Message: verdict.Printable("not checked in any run: " + i.Why())},
		})
	}
	suite.Time = fmt.Sprintf("%.3f", total)
	var suites junit.Testsuites
	suites.AddSuite(suite)
	if unchecked.Tests > 0 {
		suites.AddSuite(unchecked)
	}
	return suites.WriteXML(out)
}

// idle lists the results of the checkers that had nothing to judge in any run.
func idle(night []nightRun) []checker.Result {
	var order []checker.Result
	busy := make(map[string]bool)
	for i := range night {
		for _, r := range night[i].result.Report.Results {
			known := func(o checker.Result) bool { return o.Checker == r.Checker }
			switch {
			case r.Verdict != checker.Unchecked:
				busy[r.Checker] = true
			case !slices.ContainsFunc(order, known):
				order = append(order, r)
			}
		}
	}
	return slices.DeleteFunc(order, func(r checker.Result) bool { return busy[r.Checker] })
}

// medians tells how fast the system was, which is judged by nobody.
func medians(night []nightRun) string {
	var all []pace.Figures
	for i := range night {
		all = append(all, pace.Of(night[i].result.Report))
	}
	return pace.Medians(all)
}

// inCell makes text of members and checkers harmless in a table of Markdown.
func inCell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;", "&", "&amp;").Replace(verdict.Printable(text))
}

// summary is the night as Markdown.
func summary(night []nightRun) string {
	count := make(map[checker.Verdict]int)
	left := 0
	for i := range night {
		if night[i].left {
			left++
			continue
		}
		count[night[i].verdict()]++
	}
	var b strings.Builder
	fmt.Fprintf(&b, "# %d runs: %d valid, %d invalid, %d unknown or failed", len(night)-left,
		count[checker.Valid], count[checker.Invalid], count[checker.Unknown])
	if left > 0 {
		fmt.Fprintf(&b, "; interrupted, %d of %d not started", left, len(night))
	}
	b.WriteByte('\n')
	var unchecked []string
	for _, r := range idle(night) {
		unchecked = append(unchecked, fmt.Sprintf("%s (%s)", r.Checker, inCell(r.Why())))
	}
	if len(unchecked) > 0 {
		fmt.Fprintf(&b, "\n–  %s  not checked in any run\n", strings.Join(unchecked, ", "))
	}
	if figures := medians(night); figures != "" {
		fmt.Fprintf(&b, "\nmedians: %s\n", figures)
	}
	if count[checker.Valid] == len(night) {
		return b.String()
	}
	b.WriteString("\n| seed | verdict | why | run |\n|---|---|---|---|\n")
	for i := range night {
		n := &night[i]
		if n.verdict() == checker.Valid {
			continue
		}
		what := string(n.verdict())
		if n.left {
			what = "not started"
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s |\n", n.seed, what, inCell(n.why()), n.result.Dir)
	}
	return b.String()
}
