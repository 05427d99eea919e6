package setup

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/spf13/pflag"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/target/nats"
)

func (f *targetFlags) addNats(fs *pflag.FlagSet) {
	fs.IntVar(&f.nats.Replicas, "replicas", 0, "nats: members that hold each stream; 0 for as many as there are, an odd number up to 5")
	fs.BoolVar(&f.nats.DirectReads, "direct-reads", false, "nats: let any replica answer reads, as the bucket's own clients do; they may be old")
	fs.BoolVar(&f.nats.NoAck, "no-ack", false, "nats: let clients call a publish ok without waiting for its answer, a mistake of theirs")
	fs.BoolVar(&f.nats.Forget, "forget", false, "nats: wipe a member's data whenever it is started again")
	fs.BoolVar(&f.nats.SyncAlways, "sync-always", false, "nats: let members sync before they acknowledge, and not every two minutes")
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
	if o.Binary, o.Version, err = f.executable(ctx, natsMaker(o.Assertions), progress); err != nil {
		return err
	}
	t, err := nats.New(o)
	if err != nil {
		return err
	}
	cfg.Target, cfg.TargetOptions = t, o
	return nil
}

// natsMaker builds servers, with or without their assertions.
func natsMaker(asserts bool) maker {
	return maker{
		target: "nats", program: "nats-server", example: "v2.15.2", version: nats.Version,
		build: func(ctx context.Context, version string, progress func(string)) (string, error) {
			return nats.Build(ctx, version, asserts, progress)
		},
	}
}

func (f *Saved) buildNats(ctx context.Context, cfg *engine.Config, saved json.RawMessage, say func(string)) error {
	var o nats.Options
	err := options(saved, &o)
	if err != nil {
		return err
	}
	if o.Binary, o.Version, err = f.again(ctx, natsMaker(o.Assertions), o.Binary, o.Version, say); err != nil {
		return err
	}
	t, err := nats.New(o)
	if err != nil {
		return err
	}
	cfg.Target, cfg.TargetOptions = t, o
	return nil
}
