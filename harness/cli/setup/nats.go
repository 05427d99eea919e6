package setup

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"

	"github.com/spf13/pflag"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/target/nats"
)

func (f *targetFlags) addNats(fs *pflag.FlagSet) {
	fs.IntVar(&f.nats.Replicas, "replicas", 0, "nats: members that hold each stream; 0 for as many as there are, an odd number up to 5")
	fs.BoolVar(&f.nats.DirectReads, "direct-reads", false, "nats: let any replica answer reads, as the bucket's own clients do; they may be old")
	fs.BoolVar(&f.nats.NoAck, "no-ack", false, "nats: let clients call a publish ok without waiting for its answer, a mistake of theirs")
	fs.BoolVar(&f.nats.Forget, "forget", false, "nats: wipe a member's data whenever it is started again")
	fs.BoolVar(&f.nats.Assertions, "assertions", false, "nats: build members with the assertions of the Antithesis SDK, and judge by them too (2.12 and later)")
}

// natsNodes is how many servers there are unless a flag says otherwise.
const natsNodes = 3

func (f *targetFlags) setNats(ctx context.Context, cfg *engine.Config, given func(string) bool, progress func(string)) error {
	if f.vary {
		return errors.New("--vary: servers of NATS have neither timers nor snapshots that could differ: leave it out")
	}
	setUnless(given, "nodes", &cfg.Nodes, natsNodes)
	setUnless(given, "heartbeat", &cfg.Heartbeat, nats.Heartbeat)
	setUnless(given, "election", &cfg.Election, nats.Election)
	o := f.nats
	var err error
	switch {
	case f.binary != "" && f.version != "":
		return fmt.Errorf("--binary and --version: give one of them")
	case f.binary != "":
		o.Binary, err = exec.LookPath(f.binary)
	case f.version != "":
		o.Binary, err = nats.Build(ctx, f.version, o.Assertions, progress)
	default:
		return fmt.Errorf("--target nats: say which with --version v2.15.2 or --binary PATH")
	}
	if err != nil {
		return err
	}
	if o.Version, err = nats.Version(ctx, o.Binary); err != nil {
		return err
	}
	t, err := nats.New(o)
	if err != nil {
		return err
	}
	cfg.Target, cfg.TargetOptions = t, o
	return nil
}

// buildNats takes the run's own binary if it is still there and still that version, and
// builds the version otherwise.
func (f *Saved) buildNats(ctx context.Context, cfg *engine.Config, saved json.RawMessage, say func(string)) error {
	var o nats.Options
	err := options(saved, &o)
	if err != nil {
		return err
	}
	binary := o.Binary
	if f.Binary != "" {
		binary = f.Binary
	}
	version, versionErr := nats.Version(ctx, binary)
	switch {
	case f.Binary != "" && versionErr != nil:
		return versionErr
	case f.Binary != "":
		o.Binary, o.Version = binary, version
	case versionErr != nil || version != o.Version:
		if o.Binary, err = nats.Build(ctx, o.Version, o.Assertions, say); err != nil {
			return fmt.Errorf("nats-server %s is no longer at %s and cannot be built: %w: name one with --binary", o.Version, binary, err)
		}
	}
	t, err := nats.New(o)
	if err != nil {
		return err
	}
	cfg.Target, cfg.TargetOptions = t, o
	return nil
}
