package cli

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/jepsen"
	"github.com/usurper/usurper/harness/results"
)

func exportCommand() *cobra.Command {
	var format, model, out string
	cmd := &cobra.Command{
		Use:   "export RUN",
		Short: "Write a saved run for other tools",
		Long: `Export writes the history of a run as Jepsen's history.edn, which Elle, Knossos
and usurper check --format jepsen can read: what the clients did, and the faults as
entries of the nemesis. What has its own model there has its own file: of a run
with registers and sets, --model says which. RUN is what check takes.`,
		Example: `  usurper export results/latest --format jepsen --model set --out history.edn
  usurper export results/latest --format jepsen --model cas-register | gzip > history.edn.gz`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneRun(cmd, args); err != nil {
				return err
			}
			if format != formatJepsen {
				return fmt.Errorf("unknown format %q: use --format jepsen, the only one", format)
			}
			m, err := jepsen.ParseModel(model)
			if err != nil {
				return err
			}
			dir, err := results.Open(args[0])
			if err != nil {
				return err
			}
			if out == "" {
				return export(dir.History(), cmd.OutOrStdout(), m, cmd.ErrOrStderr())
			}
			return newFile(out, func(w io.Writer) error { return export(dir.History(), w, m, cmd.ErrOrStderr()) })
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "jepsen")
	cmd.Flags().StringVar(&model, "model", "auto", "register, cas-register, multi-register, set, list-append, or auto: the only one that the run has")
	cmd.Flags().StringVar(&out, "out", "", "the file to write, which must not exist (default: standard output)")
	return cmd
}

// export reads the history at path twice: to see what is in it, and to write it.
func export(path string, out io.Writer, m jepsen.Model, say io.Writer) error {
	h, err := history.Open(path)
	if err != nil {
		return err
	}
	survey, err := jepsen.Look(h.Events())
	if err := errors.Join(err, h.Close()); err != nil {
		return fmt.Errorf("export: %w", err)
	}
	if h, err = history.Open(path); err != nil {
		return err
	}
	defer h.Close()
	done, err := jepsen.Export(out, h.Events(), survey, m)
	if err != nil {
		return fmt.Errorf("export %s: %w", path, err)
	}
	fmt.Fprintf(say, "model %s: %d operations and %d entries of the nemesis; %d operations are not of that model\n",
		done.Model, done.Ops, done.Faults, done.Skipped)
	if h.Truncated() {
		fmt.Fprintf(say, "line %d of %s, the last, was cut short: it is left out\n", h.Line()+1, path)
	}
	return nil
}

// newFile makes a file with what write writes, whole or not at all.
func newFile(path string, write func(io.Writer) error) (err error) {
	if _, err := os.Lstat(path); err == nil {
		return fmt.Errorf("%s exists: remove it, or name another file", path)
	}
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	b := bufio.NewWriter(f)
	if err := errors.Join(write(b), b.Flush(), f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
