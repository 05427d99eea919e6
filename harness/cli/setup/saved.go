package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/reproduce"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/target/etcd"
	described "github.com/usurper/usurper/harness/target/exec"
	"github.com/usurper/usurper/harness/target/reference"
	"github.com/usurper/usurper/harness/target/zookeeper"
)

// Saved are flags that choose a saved run and the system to make it again with.
type Saved struct {
	Binary  string // the executable of the members, if it is not the usual one
	checker string
	rule    string
}

// Add adds the flags.
func (f *Saved) Add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.Binary, "binary", "", "the executable of the members (default: this one for reference nodes, else the run's own)")
	cmd.Flags().StringVar(&f.checker, "checker", "", "of several broken rules, take the first of this checker (default: the one that the run was shrunk or kept for, else the first of all)")
	cmd.Flags().StringVar(&f.rule, "rule", "", "of several broken rules of a checker, take this one (default: the first)")
}

// Load opens the run that broke a rule, with a configuration that is ready to be
// run again. say is told what is worth knowing, and what takes time.
func (f *Saved) Load(ctx context.Context, path string, say func(string)) (reproduce.Finding, error) {
	dir, err := results.Open(path)
	if err != nil {
		return reproduce.Finding{}, err
	}
	found, err := reproduce.Load(dir, f.checker)
	if err != nil {
		return found, err
	}
	if f.rule != "" {
		if err := found.Aim(checker.Breach{Checker: found.Breach.Checker, Rule: f.rule}, nil); err != nil {
			return found, err
		}
	}
	cfg := &found.Config
	if err := f.Build(ctx, cfg, found.TargetOptions, say); err != nil {
		return found, fmt.Errorf("the system of %s: %w", dir, err)
	}
	f.compare(found, say)
	cfg.Command = os.Args
	cfg.KeepData, cfg.Capture = false, 0
	return found, cfg.Validate()
}

// Build makes the system under test again, as the options that were saved say.
func (f *Saved) Build(ctx context.Context, cfg *engine.Config, saved json.RawMessage, say func(string)) error {
	// A system of --target exec has the name that its file gives it, be it that of
	// another target; its options hold the file.
	if o := (described.Options{}); options(saved, &o) == nil && o.Text != "" {
		t, err := described.Parse(o)
		if err != nil {
			return err
		}
		cfg.Target, cfg.TargetOptions = t, t.Options()
		return nil
	}
	switch cfg.TargetName {
	case "reference":
		return f.buildReference(cfg, saved)
	case "etcd":
		return f.buildEtcd(ctx, cfg, saved, say)
	case "nats":
		return f.buildNats(ctx, cfg, saved, say)
	case "ovsdb":
		return f.buildOvsdb(ctx, cfg, saved)
	case "zookeeper":
		return f.buildZooKeeper(ctx, cfg, saved)
	}
	return fmt.Errorf("its target %q is not one of %q: only the go test that made it can start it: give that one -chaos.replay=RUN or -chaos.shrink=RUN", cfg.TargetName, targetNames())
}

func (f *Saved) buildReference(cfg *engine.Config, saved json.RawMessage) error {
	var o reference.Options
	if err := options(saved, &o); err != nil {
		return err
	}
	var err error
	if o.Binary, err = nodeBinary(f.Binary); err != nil {
		return err
	}
	t, err := reference.New(o)
	if err != nil {
		return err
	}
	cfg.Target, cfg.TargetOptions = t, o
	return nil
}

func (f *Saved) buildEtcd(ctx context.Context, cfg *engine.Config, saved json.RawMessage, say func(string)) error {
	var o etcd.Options
	err := options(saved, &o)
	if err != nil {
		return err
	}
	if o.Binary, o.Version, err = f.again(ctx, etcdMaker(), o.Binary, o.Version, say); err != nil {
		return err
	}
	t, err := etcd.New(o)
	if err != nil {
		return err
	}
	cfg.Target, cfg.TargetOptions = t, o
	return nil
}

// buildZooKeeper takes the jar and the java of this machine.
func (f *Saved) buildZooKeeper(ctx context.Context, cfg *engine.Config, saved json.RawMessage) error {
	if f.Binary != "" {
		return errNoBinary
	}
	var o zookeeper.Options
	err := options(saved, &o)
	if err != nil {
		return err
	}
	if o.Jar, o.Java, err = zookeeper.Find(ctx); err != nil {
		return err
	}
	t, err := zookeeper.New(o)
	if err != nil {
		return err
	}
	cfg.Target, cfg.TargetOptions = t, o
	return nil
}

func options(saved json.RawMessage, o any) error {
	if len(saved) == 0 {
		return errors.New("the configuration has no target_options: it cannot be started again")
	}
	if err := json.Unmarshal(saved, o); err != nil {
		return fmt.Errorf("target_options: %w", err)
	}
	return nil
}

// compare tells when the system is another build than that of the run.
func (f *Saved) compare(found reproduce.Finding, say func(string)) {
	was, path := found.Build.SystemSHA256, target.Executable(found.Config.Target)
	if was == "" || path == "" {
		return
	}
	if is := engine.BuildOf(found.Config.Target).SystemSHA256; is != was {
		say(fmt.Sprintf("note: the run was made with another build of the members (sha256 %.12s…, now %.12s… at %s)", was, is, path))
	}
}
