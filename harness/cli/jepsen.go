package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/jepsen"
	"github.com/usurper/usurper/harness/results"
)

// The formats of histories.
const (
	formatUsurper  = "usurper"
	formatJepsen   = "jepsen"
	formatPerfetto = "perfetto" // written only
)

// foreignFlags say how to read a history that usurper did not write.
type foreignFlags struct {
	format      string
	model       string
	keyed       string
	initial     string
	ignoreTimes bool
	total       int64
	negative    bool
	knownTotal  bool
}

func (f *foreignFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.format, "format", formatUsurper, "what wrote the history: usurper or jepsen")
	fs.StringVar(&f.model, "model", "auto", "jepsen: "+modelNames()+", or auto: as the operations say")
	fs.StringVar(&f.keyed, "keyed", "auto", "jepsen: whether values are tuples [key value] of jepsen.independent: yes, no, or auto")
	fs.StringVar(&f.initial, "init", "nil", "jepsen: the value, in EDN, of every register or counter at the start")
	fs.Int64Var(&f.total, "total", 0, "jepsen: what all accounts of a bank have together (default: what the first read saw)")
	fs.BoolVar(&f.negative, "negative-balances", false, "jepsen: accounts of a bank may have less than nothing")
	fs.BoolVar(&f.ignoreTimes, "ignore-times", false, "jepsen: take the order of the file for the truth, whatever :time says")
}

// isForeign tells whether another program wrote the history at path: if the format does
// not say, it is none of ours, and EDN by its name or of a model by name.
func (f *foreignFlags) isForeign(fs *pflag.FlagSet, path string) bool {
	if _, err := results.Open(path); errors.Is(err, results.ErrNotARun) && !fs.Changed("format") &&
		(fs.Changed("model") || strings.Contains(filepath.Base(path), ".edn")) {
		f.format = formatJepsen
	}
	return f.format != formatUsurper
}

// modelNames lists the models of Jepsen's.
func modelNames() string {
	var all []string
	for _, m := range jepsen.Models() {
		all = append(all, string(m))
	}
	return strings.Join(all, ", ")
}

// checkForeign judges the history at path, which the format says how to read.
func (f *foreignFlags) checkForeign(cmd *cobra.Command, path string, within checker.Options) error {
	f.knownTotal = cmd.Flags().Changed("total")
	o, err := f.options()
	if err != nil {
		return err
	}
	if path, err = foreignFile(path); err != nil {
		return err
	}
	h, err := jepsen.Open(path, o)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	defer h.Close()
	report, err := jepsen.Check(h, within)
	if err != nil {
		return fmt.Errorf("check: %w", err)
	}
	fmt.Fprintln(cmd.OutOrStdout(), h.Facts())
	screen.PrintReport(cmd.OutOrStdout(), &report)
	return screen.ExitWith(report.Verdict)
}

func (f *foreignFlags) options() (o jepsen.Options, err error) {
	if f.format != formatJepsen {
		return o, fmt.Errorf("unknown format %q: use usurper or jepsen", f.format)
	}
	if o.Model, err = jepsen.ParseModel(f.model); err != nil {
		return o, err
	}
	if o.Keyed, err = jepsen.ParseKeyed(f.keyed); err != nil {
		return o, err
	}
	o.Initial, o.IgnoreTimes, o.NegativeBalances = f.initial, f.ignoreTimes, f.negative
	if f.knownTotal {
		o.Total = &f.total
	}
	return o, nil
}

// native refuses flags that mean nothing to usurper's own histories.
func (f *foreignFlags) native(fs *pflag.FlagSet) error {
	for _, name := range []string{"model", "keyed", "init", "ignore-times", "total", "negative-balances"} {
		if fs.Changed(name) {
			return fmt.Errorf("--%s is for --format jepsen", name)
		}
	}
	return nil
}

// foreignFile returns the history in one of Jepsen's run directories, and any
// other path as it is.
func foreignFile(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("open history: %w", err)
	}
	if !info.IsDir() {
		return path, nil
	}
	names := []string{"history.edn", "history.edn.gz", "history.edn.zst", "history.json", "history.jsonl", "history.txt", "test.jepsen"}
	for _, name := range names {
		file := filepath.Join(path, name)
		if _, err := os.Stat(file); !errors.Is(err, fs.ErrNotExist) {
			return file, err
		}
	}
	return "", fmt.Errorf("open history: %s has none of %s", path, strings.Join(names[:len(names)-1], ", "))
}
