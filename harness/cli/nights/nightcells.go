package nights

import (
	"context"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/usurper/usurper/harness/cli/setup"
	"github.com/usurper/usurper/harness/cli/shard"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/night"
	"github.com/usurper/usurper/harness/text"
)

const (
	// usualRuns is how many runs a night has for which nothing else says when it ends.
	usualRuns = 20
	// usualRun is how long one of its runs attacks.
	usualRun = "20s"
	// usualFile is the file that --init writes.
	usualFile = "night.yaml"
)

// oneFile takes the file of a night, or none.
func oneFile(cmd *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("%s takes one file of a night, not also %q: see %s --help", cmd.CommandPath(), text.Shorten(args[1], text.Token), cmd.CommandPath())
	}
	return nil
}

// initNight writes a file of a night to begin with.
func initNight(out io.Writer, args []string) error {
	path := append(slices.Clone(args), usualFile)[0]
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("write the file of a night: %w", err)
	}
	_, err = f.WriteString(night.Example)
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("write the file of a night: %w", err)
	}
	fmt.Fprintf(out, "%s: look through it, then: usurper nightly %s\n", path, path)
	return nil
}

// cellFlagSet returns the flags of a run that a night may set, and what they set.
func cellFlagSet() (*setup.Flags, *pflag.FlagSet) {
	var f setup.Flags
	fs := pflag.NewFlagSet("run", pflag.ContinueOnError)
	f.Add(fs)
	setup.SetDefaults(fs, map[string]string{"for": usualRun})
	return &f, fs
}

// cellFlags names them.
func cellFlags() (names []string) {
	_, fs := cellFlagSet()
	fs.VisitAll(func(flag *pflag.Flag) {
		if flag.Name != "seed" && flag.Name != "results" {
			names = append(names, flag.Name)
		}
	})
	return names
}

// setsFlag returns what tells whether a flag of a run takes a value.
func setsFlag() func(night.Setting) error {
	_, fs := cellFlagSet()
	return func(s night.Setting) error { return fs.Set(s.Name, s.Value) }
}

// request is the night that the command line asks for, and the file, if there is one.
func (f *nightlyFlags) request(ctx context.Context, fs *pflag.FlagSet, args []string, say func(string)) (night.Request, error) {
	r := night.Request{
		Command: append(append([]string{"nightly"}, args...), arguments(changed(fs))...), Build: thisBuild(), Name: f.name, Seed: f.Cfg.Seed,
	}
	if err := f.ends(&r); err != nil {
		return r, err
	}
	file := f.file
	if file == nil {
		file = &night.File{}
	}
	if r.Seed == 0 {
		r.Seed = file.Seed
	}
	if !f.Given("findings") && file.Findings != "" {
		f.findings = file.Findings
	}
	if file.MaxUnknown != nil {
		r.MaxUnknown = *file.MaxUnknown
	}
	var err error
	if r.Parallel, err = f.sideBySide(file); err != nil {
		return r, err
	}
	if r.Shard, f.by, err = shard.Find(shard.Asked{Shard: f.shard, Of: f.shards}, os.LookupEnv); err != nil {
		return r, err
	}
	if r.Cells, err = f.cells(ctx, fs, file, say); err != nil {
		return r, err
	}
	r.Controls, err = controls(ctx, file, r.Cells, say)
	return r, err
}

// thisBuild says which program this is, so that a night is gone on with by no other.
func thisBuild() string {
	self, err := os.Executable()
	if err != nil {
		return setup.Version()
	}
	return setup.Version() + " " + engine.Digest(self)
}

// ends says when the night ends: what the command line says takes the place of all that the
// file says.
func (f *nightlyFlags) ends(r *night.Request) error {
	r.Runs, r.For, r.Until, r.Failures = f.runs, f.night, f.until, f.failures
	if f.Given("night") && f.night <= 0 {
		return fmt.Errorf("--night %s: use a positive time such as 1h", f.night)
	}
	if f.runs < 1 {
		return fmt.Errorf("%d runs: use at least 1", f.runs)
	}
	if f.file != nil && f.Given("for") {
		if f.Given("night") {
			return fmt.Errorf("--for and --night: with a file both are how long the night is: give one of them")
		}
		r.For = f.Cfg.For
	}
	if file := f.file; !f.Given("runs") && (r.For > 0 || r.Until != "") {
		r.Runs = 0
	} else if !f.Given("runs") && !f.Given("failures") && file != nil && (file.For > 0 || file.Until != "" || file.Runs > 0 || file.Failures > 0) {
		r.Runs, r.For, r.Until, r.Failures = file.Runs, file.For, file.Until, file.Failures
	}
	return nil
}

// sideBySide is how many runs go on side by side, 0 for as many as the machine bears.
func (f *nightlyFlags) sideBySide(file *night.File) (int, error) {
	text := f.parallel
	if f.file != nil && !f.Given("parallel") {
		if text = file.Parallel; text == "" {
			text = "auto"
		}
	}
	n, err := night.ParseParallel(text)
	if err != nil {
		return 0, fmt.Errorf("--parallel: %w", err)
	}
	return n, nil
}

// cells are the configurations that take turns.
func (f *nightlyFlags) cells(ctx context.Context, fs *pflag.FlagSet, file *night.File, say func(string)) ([]night.Cell, error) {
	base := slices.Clone(file.Flags)
	for _, s := range f.own(fs) {
		for _, a := range file.Axes {
			for _, v := range a.Values {
				if slices.ContainsFunc(v.Settings, func(o night.Setting) bool { return o.Name == s.Name }) {
					return nil, fmt.Errorf("--%s: the axis %s of the file sets it: leave it out", s.Name, a.Name)
				}
			}
		}
		base = append(base, s) // the last one counts
	}
	all, err := night.Combine(file.Axes, file.Excludes)
	if err != nil {
		return nil, err
	}
	var cells []night.Cell
	for _, c := range all {
		cell, _, err := newCell(ctx, c, append(slices.Clone(base), c.Settings...), say)
		if err != nil && c.Name != "" {
			err = fmt.Errorf("the cell %s of the matrix: %w (or exclude the cell)", c.Name, err)
		}
		if err != nil {
			return nil, err
		}
		cells = append(cells, cell)
	}
	return cells, nil
}

// own are the flags of the command line that each run gets.
func (f *nightlyFlags) own(fs *pflag.FlagSet) []night.Setting {
	known := cellFlags()
	return slices.DeleteFunc(changed(fs), func(s night.Setting) bool {
		return !slices.Contains(known, s.Name) || s.Name == "for" && f.file != nil
	})
}

// newCell makes a cell of settings, of which the last of a name counts, if a run can be
// made of it.
func newCell(ctx context.Context, c night.Combination, settings []night.Setting, say func(string)) (cell night.Cell, cfg engine.Config, err error) {
	f, fs := cellFlagSet()
	for _, s := range settings {
		if err := fs.Set(s.Name, s.Value); err != nil {
			return cell, cfg, err
		}
	}
	f.Cfg.Seed = 1 // any
	cfg, err = f.Config(ctx, say)
	if err != nil {
		return cell, cfg, err
	}
	cell = night.Cell{Name: c.Name, Axes: f.Axes(&cfg), Weight: c.Weight, For: cfg.For, Bound: setup.Bound(&cfg)}
	for name, value := range c.Axes {
		cell.Axes[name] = value
	}
	if cell.Name == "" {
		cell.Name = cell.Axes["target"]
	}
	if f.DrawsSizes() { // if the target does not say how many, either
		f.Cfg.Nodes = cfg.Nodes + 1
		other, err := f.Config(ctx, func(string) {})
		if err != nil {
			return cell, cfg, err
		}
		cell.Sizes = other.Nodes == cfg.Nodes+1
	}
	fs.Set("for", cfg.For.String()) // as the plan has it, if nobody said so
	cell.Args = arguments(changed(fs))
	return cell, cfg, nil
}
