package nights

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/night/coverage"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/finding"
	"github.com/usurper/usurper/harness/night/morning"
	"github.com/usurper/usurper/harness/text"
)

// failOnFlag says which findings fail a night.
type failOnFlag struct{ text string }

func (f *failOnFlag) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.text, "fail-on", string(morning.FailOnNew), "which findings make the exit status 1: new (and regressed ones), or any (ongoing ones too)")
}

func (f *failOnFlag) value() (morning.FailOn, error) {
	words := []string{string(morning.FailOnNew), string(morning.FailOnAny)}
	if !slices.Contains(words, f.text) {
		return "", fmt.Errorf("--fail-on %q%s: use new or any", text.Shorten(f.text, text.Token), text.DidYouMean(f.text, words))
	}
	return morning.FailOn(f.text), nil
}

// nightReport keeps what is told of a night up to date.
type nightReport struct {
	dir    string
	store  *finding.Store
	failOn morning.FailOn
	known  coverage.States
	tally  *morning.Tally
	told   int // entries

	mu     sync.Mutex
	report morning.Report
}

// latest is the report as of the last update.
func (n *nightReport) latest() morning.Report {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.report
}

// update takes the entries that it does not know yet, and writes all files anew.
func (n *nightReport) update(facts entry.Facts, entries []entry.Entry) error {
	if err := n.store.Put(facts, entries); err != nil {
		return err
	}
	for ; n.told < len(entries); n.told++ {
		n.tally.Add(entries[n.told])
	}
	now := time.Now()
	found, err := n.store.Read(facts.Night, now)
	if err != nil {
		return err
	}
	facts.Doubts = append(slices.Clone(facts.Doubts), found.Damaged...)
	r := n.tally.Report(morning.Night{
		Parts: []entry.Facts{facts}, Shard: true, Findings: morning.Filed(found.Findings), Known: n.known, FailOn: n.failOn, At: now,
	})
	n.mu.Lock()
	n.report = r
	n.mu.Unlock()
	return r.Write(n.dir)
}

// tellMorning prints the page of a report, for GitHub too, and ends the command with the
// night's exit status.
func tellMorning(cmd *cobra.Command, r morning.Report) error {
	page := r.Summary()
	if err := stepSummary(os.Getenv("GITHUB_STEP_SUMMARY"), page); err != nil {
		fmt.Fprintf(cmd.ErrOrStderr(), "usurper: %v\n", err)
	}
	if _, err := fmt.Fprint(cmd.OutOrStdout(), page); err != nil && r.Verdict != morning.Found {
		return err
	}
	return screen.ExitWith(map[morning.Verdict]checker.Verdict{
		morning.Found: checker.Invalid, morning.Unknown: checker.Unknown, morning.Quiet: checker.Valid,
	}[r.Verdict])
}

// stepSummary appends a page to the summary of a step of GitHub's, if there is one.
func stepSummary(path, page string) error {
	if path == "" {
		return nil
	}
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err == nil {
		_, err = f.WriteString(page + "\n")
		err = errors.Join(err, f.Close())
	}
	if err != nil {
		return fmt.Errorf("append to $GITHUB_STEP_SUMMARY: %w", err)
	}
	return nil
}

func morningCommand() *cobra.Command {
	var findings, out string
	var failOn failOnFlag
	cmd := &cobra.Command{
		Use:   "morning NIGHT...",
		Short: "Tell what nights, or all shards of one, have found",
		Long: `Morning reads the directories of nights, or of shards of one, and tells what they are
together: it prints the page that nightly leaves as summary.md, and with --out writes
that, junit.xml, night.json and metrics.prom. A run that is in several of them counts
once, in whatever order they are named; a shard that is missing is a doubt.

Findings stand as --findings says of the last of the nights. The exit status is that
of nightly.`,
		Example: `  usurper morning results/nightly/latest
  usurper morning shards/*/nightly-4711-* --out results/morning`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("name the directories of nights: for example usurper morning results/nightly/latest")
			}
			value, err := failOn.value()
			if err != nil {
				return err
			}
			if near := filepath.Join(filepath.Dir(args[0]), "findings"); !cmd.Flags().Changed("findings") && isDir(near) {
				findings = near // as nightly --results leaves them
			}
			r, err := morningOf(cmd, args, findings, value)
			if err != nil {
				return err
			}
			if out != "" {
				if err := r.Write(out); err != nil {
					return err
				}
			}
			return tellMorning(cmd, r)
		},
	}
	cmd.Flags().StringVar(&findings, "findings", filepath.Join("results", "findings"), "the directory of findings; of a night of nightly --results DIR, DIR/findings")
	cmd.Flags().StringVar(&out, "out", "", "write all files of the report to this directory")
	failOn.add(cmd.Flags())
	return cmd
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// morningOf makes the report of some nights.
func morningOf(cmd *cobra.Command, dirs []string, findings string, failOn morning.FailOn) (morning.Report, error) {
	tally := morning.NewTally()
	parts, err := tally.Read(dirs)
	if err != nil {
		return morning.Report{}, err
	}
	store, err := finding.Open(findings)
	if err != nil {
		return morning.Report{}, err
	}
	last := slices.MaxFunc(parts, func(a, b entry.Facts) int {
		if c := a.Begun.Compare(b.Begun); c != 0 {
			return c
		}
		return strings.Compare(a.Night, b.Night)
	})
	now := time.Now()
	found, err := store.Read(last.Night, now)
	if err != nil { // it was made elsewhere, and its findings are not at hand
		fmt.Fprintf(cmd.ErrOrStderr(), "%v: whatever these nights broke counts as new\n", err)
		found = finding.Report{}
	}
	for _, why := range found.Damaged {
		fmt.Fprintf(cmd.ErrOrStderr(), "passed over: %s\n", why)
	}
	return tally.Report(morning.Night{Parts: parts, Findings: morning.Filed(found.Findings), FailOn: failOn, At: now}), nil
}
