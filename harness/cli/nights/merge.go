package nights

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/finding"
	"github.com/usurper/usurper/harness/night/morning"
)

// mergeFlags say where what is merged comes to.
type mergeFlags struct {
	results, findings string
	failOn            failOnFlag
}

func mergeCommand() *cobra.Command {
	var f mergeFlags
	cmd := &cobra.Command{
		Use:   "merge DIR...",
		Short: "Join the shards of nights, and what they found",
		Long: `Merge looks in folders, and in all below them, for nights, shards of nights and
directories of findings. Shards of one night become one directory below --results,
with the report that an uncut night leaves; findings go to --findings. It may be done
again, in any order, with parts that have come further meanwhile: a run counts once.
Of a run that was made twice the invalid one stays, else the one with a verdict.

It prints the page of the night that began last, and ends with the exit status of
nightly. A shard that is missing is a doubt. Nights that only share their name are
refused.`,
		Example: `  usurper merge shards/*
  usurper merge shards --results results/merged --findings results/findings`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("name folders of shards: for example usurper merge shards/*")
			}
			return f.merge(cmd, args)
		},
	}
	cmd.Flags().StringVar(&f.results, "results", filepath.Join("results", "merged"), "the folder for the joined nights")
	cmd.Flags().StringVar(&f.findings, "findings", filepath.Join("results", "findings"), "the directory of findings to merge into")
	f.failOn.add(cmd.Flags())
	return cmd
}

func (f *mergeFlags) merge(cmd *cobra.Command, args []string) error {
	failOn, err := f.failOn.value()
	if err != nil {
		return err
	}
	nights, stores, err := partsBelow(args)
	if err != nil {
		return err
	}
	to, err := finding.Open(f.findings)
	if err != nil {
		return err
	}
	joined, err := night.Merge(f.results, nights)
	if err != nil {
		return err
	}
	for _, dir := range stores {
		if one, err := os.Stat(dir); err == nil {
			if other, err := os.Stat(f.findings); err == nil && os.SameFile(one, other) {
				continue
			}
		}
		from, err := finding.Open(dir)
		if err == nil {
			err = to.Merge(from)
		}
		if err != nil {
			return err
		}
	}
	if len(joined) == 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "findings of %s are in %s; there was no night\n", count.Many(len(stores), "directory"), f.findings)
		return nil
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "%d %s in %s, findings of %s in %s\n", len(nights),
		count.Word(len(nights), "shard or night is", "shards or nights are"), strings.Join(joined, ", "), count.Many(len(stores), "directory"), f.findings)
	return f.report(cmd, joined, failOn)
}

// report makes the report of each joined night anew, and prints that of the last one.
func (f *mergeFlags) report(cmd *cobra.Command, joined []string, failOn morning.FailOn) error {
	var r morning.Report
	for _, dir := range joined {
		var err error
		if r, err = morningOf(cmd, []string{dir}, f.findings, failOn); err != nil {
			return err
		}
		if err := r.Write(dir); err != nil {
			return err
		}
	}
	for _, name := range morning.Files() {
		night.Point(f.results, name, filepath.Join("latest", name))
	}
	return tellMorning(cmd, r)
}

// partsBelow looks for nights, or shards of them, and for directories of findings in
// folders and all below them.
func partsBelow(dirs []string) (nights, stores []string, err error) {
	for _, dir := range dirs {
		root, err := filepath.EvalSymlinks(dir)
		if err != nil {
			return nil, nil, fmt.Errorf("merge: %w", err)
		}
		before := len(nights) + len(stores)
		err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil:
				return fmt.Errorf("merge: %w", err)
			case !d.IsDir():
				return nil
			case path != root && strings.HasPrefix(d.Name(), "."):
				return fs.SkipDir
			case finding.Is(path):
				stores = append(stores, path)
				return fs.SkipDir
			case entry.IsNight(path):
				nights = append(nights, path)
				return fs.SkipDir
			}
			return nil
		})
		if err != nil {
			return nil, nil, err
		}
		if len(nights)+len(stores) == before {
			return nil, nil, fmt.Errorf("%s: no night and no findings are there or below it", dir)
		}
	}
	slices.Sort(nights)
	slices.Sort(stores)
	return slices.Compact(nights), slices.Compact(stores), nil
}
