package nights

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/finding"
)

func compareCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "compare A B",
		Short: "Tell what two nights differ in",
		Long: `Compare tells what two nights, which are directories with a runs.jsonl (or folders of
nights, of which it takes the latest), differ in: findings and how often each was
seen, classes of runs, checkers that had something to judge in one of them alone,
versions, cells that only one ran, and the medians of figures. Of each it says
whether chance explains it: an exact test (Fisher's), over all rows of a kind
(Holm). The exit status is 0 whatever they differ in.`,
		Example: `  usurper compare results/nightly/20261129 results/nightly/latest`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return errors.New("name two nights: for example usurper compare results/nightly/20261129 results/nightly/latest")
			}
			var nights [2]finding.Night
			for i, dir := range args {
				var err error
				if nights[i], err = readNight(dir); err != nil {
					return err
				}
			}
			c := finding.Compare(nights[0], nights[1])
			if !asJSON {
				_, err := fmt.Fprint(cmd.OutOrStdout(), c.String())
				return err
			}
			text, err := json.MarshalIndent(c, "", "  ")
			if err != nil {
				return err
			}
			_, err = fmt.Fprintf(cmd.OutOrStdout(), "%s\n", text)
			return err
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}

// readNight reads what a night made from its directory.
func readNight(dir string) (finding.Night, error) {
	n := finding.Night{Name: filepath.Base(filepath.Clean(dir))}
	path := filepath.Join(dir, entry.LogFile)
	if !isThere(path) {
		path = filepath.Join(dir, "latest", entry.LogFile)
	}
	if !isThere(path) {
		return n, fmt.Errorf("%s is no directory of a night: it has no %s", dir, entry.LogFile)
	}
	err := entry.Read(path, func(e entry.Entry) error {
		n.Entries = append(n.Entries, e)
		n.Name = e.Night
		return nil
	})
	if err == nil && len(n.Entries) == 0 {
		err = fmt.Errorf("%s has no run", path)
	}
	return n, err
}

func isThere(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}
