package cli

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/jepsen"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/text"
)

func exportCommand() *cobra.Command {
	var format, model, out string
	cmd := &cobra.Command{
		Use:   "export RUN",
		Short: "Write a saved run for other tools",
		Long: `Export writes the history of a run in another tool's format.

jepsen is Jepsen's history.edn, which Elle, Knossos and usurper check --format
jepsen can read: what the clients did, and the faults as entries of the nemesis.
What has its own model there has its own file: of a run with registers and sets,
--model says which.

perfetto is a trace for https://ui.perfetto.dev (Open trace file), or a copy of it:
members, clients, faults and messages on one axis of time, and the broken rules,
for which the run is judged first.

RUN is a run directory or its history, or a results directory, of which the latest run
is taken.`,
		Example: `  usurper export results/latest --format jepsen --model set --out history.edn
  usurper export results/latest --format jepsen --model cas-register | gzip > history.edn.gz
  usurper export results/latest --format perfetto --out run.pftrace`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := oneRun(cmd, args); err != nil {
				return err
			}
			write, err := exporter(format, model, cmd.Flags().Changed("model"))
			if err != nil {
				return err
			}
			dir, err := openRun(args[0])
			if err != nil {
				return err
			}
			if out == "" && format == formatPerfetto && screen.IsTerminal(cmd.OutOrStdout()) {
				return errors.New("a trace is nothing for a terminal: name a file with --out, or send it on")
			}
			var unread error
			all := func(w io.Writer) (err error) {
				unread, err = write(dir, w, cmd.ErrOrStderr())
				return err
			}
			if out == "" {
				err = all(cmd.OutOrStdout())
			} else {
				err = newFile(out, all)
			}
			if err == nil && unread != nil {
				err = fmt.Errorf("export: %s is of what can be read: %w", cmp.Or(out, "what was written"), unread)
			}
			return err
		},
	}
	cmd.Flags().StringVar(&format, "format", "", "jepsen or perfetto")
	cmd.Flags().StringVar(&model, "model", "auto", "jepsen: register, cas-register, multi-register, set, list-append, or auto: the only one that the run has")
	cmd.Flags().StringVarP(&out, "out", "o", "", "the file to write, which must not exist (default: standard output)")
	return cmd
}

// export writes a run, says what it wrote, and returns why that is not all.
type export func(dir results.Dir, out, say io.Writer) (unread, err error)

// exporter returns what writes a run in the format.
func exporter(format, model string, modelled bool) (export, error) {
	switch {
	case format == formatPerfetto && modelled:
		return nil, errors.New("--model is for --format jepsen")
	case format == formatPerfetto:
		return exportTrace, nil
	case format == "":
		return nil, fmt.Errorf("say for whom: --format %s or --format %s", formatJepsen, formatPerfetto)
	case format != formatJepsen:
		return nil, fmt.Errorf("unknown format %q: use --format jepsen or perfetto%s", format, text.DidYouMean(format, []string{formatJepsen, formatPerfetto}))
	}
	m, err := jepsen.ParseModel(model)
	return func(dir results.Dir, out, say io.Writer) (error, error) {
		return nil, exportJepsen(dir.History(), out, m, say)
	}, err
}

// exportJepsen reads the history at path twice: to see what is in it, and to write it.
func exportJepsen(path string, out io.Writer, m jepsen.Model, say io.Writer) error {
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
	fmt.Fprintf(say, "model %s: %s and %s of the nemesis; %s %s not of that model\n",
		done.Model, count.Many(done.Ops, "operation"), count.Many(done.Faults, "entry"), count.Many(done.Skipped, "operation"), count.Word(done.Skipped, "is", "are"))
	cutShort(h, path, say)
	return nil
}

// cutShort says that the end of a history is missing, if it is.
func cutShort(h *history.Reader, path string, say io.Writer) {
	if h.Truncated() {
		fmt.Fprintf(say, "line %d of %s, the last, was cut short: it is left out\n", h.Line()+1, path)
	}
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
	if err = write(b); err == nil {
		err = b.Flush()
	}
	if err := cmp.Or(err, f.Chmod(0o644)); err != nil {
		f.Close()
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
