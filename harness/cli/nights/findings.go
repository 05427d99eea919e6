package nights

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/cli/setup"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/night/finding"
	"github.com/usurper/usurper/harness/text"
)

// findingsFlags choose a store of findings, and as of which night it is read.
type findingsFlags struct {
	dir, night string
	json       bool
}

func findingsCommand() *cobra.Command {
	f := &findingsFlags{}
	cmd := &cobra.Command{
		Use:   "findings",
		Short: "List what nights have found, and go on with it",
		Long: `Findings lists what nights have found: not runs, but what is broken, and since when.
Runs are one finding if they break the same rule, the most causal one that they
broke, and the events that prove it have the same shape; once examples were shrunk,
also the same smallest plan.

A finding is new in the night that first shows it, ongoing from then on, resolved
once it was not seen in so many runs that one of its rate would stay away so long
in at most one case of twenty, and regressed if it is seen again after that.

They live below --findings, in plain files that git merges: one folder a finding. An
ID may be cut short as long as it is the only one that begins so.`,
		Example: `  usurper findings
  usurper findings show votes-3f
  usurper findings mute votes-3f --until 2026-12-24 --why "mended in the next release"`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return fmt.Errorf("usurper findings has no %q%s: see usurper findings --help", text.Shorten(args[0], text.Token), text.DidYouMean(args[0], subcommands(cmd)))
			}
			return f.list(cmd)
		},
	}
	fs := cmd.PersistentFlags()
	fs.StringVar(&f.dir, "findings", filepath.Join("results", "findings"), "the directory of findings")
	fs.StringVar(&f.night, "night", "", "tell it as of this night (default: the last)")
	cmd.Flags().BoolVar(&f.json, "json", false, "print JSON")
	cmd.AddCommand(f.showCommand(), f.labelCommand(), f.muteCommand(), f.unmuteCommand(), f.workCommand())
	return cmd
}

func subcommands(cmd *cobra.Command) (names []string) {
	for _, c := range cmd.Commands() {
		names = append(names, c.Name())
	}
	return names
}

// read opens the store and reads it. What is damaged goes to stderr.
func (f *findingsFlags) read(cmd *cobra.Command) (*finding.Store, finding.Report, error) {
	store, err := finding.Open(f.dir)
	if err != nil {
		return nil, finding.Report{}, err
	}
	report, err := store.Read(f.night, time.Now())
	for _, why := range report.Damaged {
		fmt.Fprintf(cmd.ErrOrStderr(), "passed over: %s\n", why)
	}
	return store, report, err
}

// errDamaged ends a command that could not tell all.
func errDamaged(report finding.Report) error {
	switch n := len(report.Damaged); n {
	case 0:
		return nil
	case 1:
		return errors.New("1 damaged file of findings was passed over: restore or remove it")
	default:
		return fmt.Errorf("%d damaged files of findings were passed over: restore or remove them", n)
	}
}

func (f *findingsFlags) list(cmd *cobra.Command) error {
	_, report, err := f.read(cmd)
	if err != nil {
		return err
	}
	if _, err := os.Stat(f.dir); errors.Is(err, fs.ErrNotExist) {
		fmt.Fprintf(cmd.ErrOrStderr(), "%s is not there: no night has found anything, or name another with --findings\n", f.dir)
	}
	if f.json {
		text, err := json.MarshalIndent(report, "", "  ")
		if err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
		return errDamaged(report)
	}
	fmt.Fprint(cmd.OutOrStdout(), report.String())
	return errDamaged(report)
}

// one makes a command about one finding, whose ID is its first argument.
func (f *findingsFlags) one(use, short string, words int, do func(*cobra.Command, *finding.Store, *finding.Finding, []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) < 1 || len(args) > words {
				return fmt.Errorf("usage: usurper findings %s", use)
			}
			store, report, err := f.read(cmd)
			if err != nil {
				return err
			}
			found, err := report.Find(args[0])
			if err != nil {
				return fmt.Errorf("%s: %w", f.dir, err)
			}
			return do(cmd, store, found, args[1:])
		},
	}
}

func (f *findingsFlags) showCommand() *cobra.Command {
	cmd := f.one("show ID", "Tell all of a finding, and how to go on", 1, func(cmd *cobra.Command, _ *finding.Store, found *finding.Finding, _ []string) error {
		fmt.Fprint(cmd.OutOrStdout(), found.Page())
		return nil
	})
	cmd.Example = "  usurper findings show votes-3f"
	return cmd
}

func (f *findingsFlags) labelCommand() *cobra.Command {
	cmd := f.one("label ID [TEXT]", "Name a finding in your words; without any, take them away", 2, func(cmd *cobra.Command, store *finding.Store, found *finding.Finding, args []string) error {
		return store.Label(found, strings.Join(args, ""))
	})
	cmd.Example = `  usurper findings label votes-3f "the lost vote, #81"`
	return cmd
}

func (f *findingsFlags) muteCommand() *cobra.Command {
	var until, why string
	cmd := f.one("mute ID --until DAY", "Keep a finding from failing nights for some time", 1, func(_ *cobra.Command, store *finding.Store, found *finding.Finding, _ []string) error {
		if until == "" {
			return errors.New("say until when with --until: for example --until " + time.Now().AddDate(0, 0, 14).Format(time.DateOnly))
		}
		return store.SetMute(found, until, why, time.Now())
	})
	cmd.Long = `Mute keeps a finding from failing nights, whatever its status, until a day is over. It
is counted and listed all the same, and the night after that tells that the mute is
over.`
	cmd.Example = `  usurper findings mute votes-3f --until 2026-12-24 --why "mended in the next release"`
	cmd.Flags().StringVar(&until, "until", "", "the last day of it, as 2006-01-02")
	cmd.Flags().StringVar(&why, "why", "", "why")
	return cmd
}

func (f *findingsFlags) unmuteCommand() *cobra.Command {
	cmd := f.one("unmute ID", "End a mute", 1, func(_ *cobra.Command, store *finding.Store, found *finding.Finding, _ []string) error {
		return store.Unmute(found)
	})
	cmd.Example = "  usurper findings unmute votes-3f"
	return cmd
}

func (f *findingsFlags) workCommand() *cobra.Command {
	var saved setup.Saved
	var o finding.WorkOptions
	var leash bool
	cmd := &cobra.Command{
		Use:   "work [ID...]",
		Short: "Repeat and shrink findings",
		Long: `Work repeats the kept examples of findings and looks for their smallest plans: the
new ones first, the most frequent of them first, until its budget is used up. If the
smallest plan of one example does not break the rule in a second one's system, that
one is shrunk too: if it comes to another plan, they are two findings from then on.
What it finds out is kept at once; called again, it goes on where it was. With IDs
it does that for these alone.

What breaks another rule, or the same one in another way, is no reproduction.`,
		Example: `  usurper findings work --budget 10m
  usurper findings work votes-3f`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if leash {
				night.Leash(cmd.InOrStdin(), os.Exit)
			}
			if o.Budget <= 0 || o.Parallel < 1 || o.Times < 1 {
				return fmt.Errorf("a budget of %s, %d side by side, %d times: use more than 0 of each", o.Budget, o.Parallel, o.Times)
			}
			return f.work(cmd, saved, o, args)
		},
	}
	cmd.Flags().DurationVar(&o.Budget, "budget", 10*time.Minute, "how long")
	cmd.Flags().IntVar(&o.Parallel, "parallel", 2, "how many clusters side by side")
	cmd.Flags().IntVar(&o.Times, "times", 10, "how many runs repeat an example at most")
	cmd.Flags().BoolVar(&leash, "leash", false, "of nightly: end when the input does")
	cmd.Flags().MarkHidden("leash")
	cmd.Flags().StringVar(&o.Scratch, "scratch", "", "where runs are made meanwhile (default: within the directory of findings)")
	cmd.Flags().StringVar(&saved.Binary, "binary", "", "the executable of the members (default: that of each run)")
	return cmd
}

func (f *findingsFlags) work(cmd *cobra.Command, saved setup.Saved, o finding.WorkOptions, args []string) error {
	store, report, err := f.read(cmd)
	if err != nil {
		return err
	}
	for _, id := range args {
		found, err := report.Find(id)
		if err != nil {
			return fmt.Errorf("%s: %w", f.dir, err)
		}
		o.Only = append(o.Only, found.ID)
	}
	show := screen.NewStatus(cmd.ErrOrStderr())
	o.Night = f.night
	o.Progress = func(line string) { show.Line("%s", line) }
	o.Build = func(ctx context.Context, cfg *engine.Config, options json.RawMessage, run finding.Sighting) error {
		cfg.KeepData = false
		system := saved
		if system.Binary == "" {
			system.Binary = run.Binary()
		}
		return system.Build(ctx, cfg, options, func(string) {})
	}
	done, err := store.Work(cmd.Context(), o)
	fmt.Fprintf(cmd.OutOrStdout(), "%d repeated, %d shrunk, %d left for another time\n", done.Repeated, done.Shrunk, done.Left)
	return err
}
