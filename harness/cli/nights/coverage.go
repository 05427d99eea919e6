package nights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/night/coverage"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/text"
)

func coverageCommand() *cobra.Command {
	var known, save string
	var asJSON, all bool
	cmd := &cobra.Command{
		Use:   "coverage RUN...|NIGHT...",
		Short: "Tell what runs covered, and what it means that they found nothing",
		Long: `Coverage tells what runs covered, from their histories: in which cells (kind of fault,
whom it hit, when, how many of them) faults bit, with evidence, and where they never
did although they could; which situations came up that should; how many distinct
states the clusters were in. Of a cell that n runs hit it says that a bug which shows
in a part 1-0.05^(1/n) of such runs or more would have been seen with 95 %. Nothing
but n goes into that.

RUN is a run directory, its history, or a results directory, of which the latest run
is taken; whether the run was valid is not asked. NIGHT is the directory of a night:
of its runs those count that were judged, valid or invalid, and no controls.

The exit status is 0 if anything was counted, else 2.`,
		Example: `  usurper coverage results/latest
  usurper coverage results/nightly/latest
  usurper coverage --cells results/20*
  usurper coverage --known results/coverage.json --save results/coverage.json results/nightly/latest`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("name runs, or a night: for example usurper coverage results/latest")
			}
			before, err := coverage.Load(known)
			if known == "" {
				before, err = coverage.Sum(), nil
			}
			if err != nil {
				return err
			}
			var sum coverage.Tally
			left := 0
			for _, path := range args {
				n, err := covered(path, &sum)
				if err != nil {
					return err
				}
				left += n
			}
			if sum.Runs == 0 {
				return fmt.Errorf("of %s none counts: nothing was judged, or nothing is kept of what they covered", count.Many(left, "run"))
			}
			if save != "" {
				before := coverage.Sum(before, sum)
				if err := before.Save(save); err != nil {
					return err
				}
			}
			return tellCoverage(cmd.OutOrStdout(), sum, before.States, left, asJSON, all)
		},
	}
	fs := cmd.Flags()
	fs.StringVar(&known, "known", "", "the coverage of earlier runs: states that are in this file are not new")
	fs.StringVar(&save, "save", "", "add what these runs covered to that of --known, and write it to this file")
	fs.BoolVar(&asJSON, "json", false, "print the report as JSON")
	fs.BoolVar(&all, "cells", false, "list all cells that were hit, too")
	return cmd
}

// covered adds what a run, or the runs of a night, covered. It returns how many runs do
// not count.
func covered(path string, sum *coverage.Tally) (left int, err error) {
	log := path
	if filepath.Base(path) != entry.LogFile {
		log = filepath.Join(path, entry.LogFile)
	}
	if _, err := os.Stat(log); err == nil {
		t, left, err := coverage.OfLog(log)
		sum.Add(t)
		return left, err
	}
	if _, err := os.Stat(filepath.Join(path, "latest", entry.LogFile)); err == nil {
		return 0, fmt.Errorf("%s is a folder of nights: name one of them, such as %s", path, filepath.Join(path, "latest"))
	}
	dir, err := results.Open(path)
	if err != nil {
		return 0, err
	}
	t, err := coverage.OfFile(dir.History(), dir.Name())
	if err != nil {
		return 0, fmt.Errorf("coverage: %w", err)
	}
	sum.Add(t)
	return 0, nil
}

func tellCoverage(out io.Writer, sum coverage.Tally, known coverage.States, left int, asJSON, all bool) error {
	report := sum.Report(known)
	if asJSON {
		b, err := json.MarshalIndent(struct {
			coverage.Report
			Cells []coverage.Power `json:"cells"`
		}{report, sum.Powers()}, "", "  ")
		if err != nil {
			return fmt.Errorf("write the report: %w", err)
		}
		_, err = fmt.Fprintf(out, "%s\n", b)
		return err
	}
	width := screen.Width(out)
	lines := report.Lines()
	if left > 0 {
		lines = append(lines, fmt.Sprintf("%s %s not count: controls, not judged, or nothing is kept of what they covered", count.Many(left, "more run"), count.Word(left, "does", "do")))
	}
	if all {
		for _, p := range sum.Powers() {
			lines = append(lines, p.String())
		}
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(out, text.Wrap(line, width, 4)); err != nil {
			return err
		}
	}
	return nil
}
