package setup

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/target/ovsdb"
)

// ovsdbNodes is how many members an OVSDB cluster has unless flags say otherwise.
const ovsdbNodes = 3

func addOvsdb(fs *pflag.FlagSet, o *ovsdb.Options) {
	fs.BoolVar(&o.Standalone, "standalone", false, "ovsdb: one member that is a database by itself")
	fs.BoolVar(&o.Durable, "durable", false, "ovsdb: let clients ask that what they write is on disk before it is answered")
	fs.StringVar(&o.Careless, "careless", "", "ovsdb: let clients do wrong, so that a checker shows that it sees: "+strings.Join(ovsdb.Carelessness(), ", "))
}

func (f *targetFlags) setOvsdb(ctx context.Context, cfg *engine.Config, given func(string) bool) error {
	if f.vary {
		return fmt.Errorf("--vary: members of ovsdb have one election timer, which their log holds: leave --vary out")
	}
	nodes := ovsdbNodes
	if f.ovsdb.Standalone {
		nodes = 1
	}
	setUnless(given, "nodes", &cfg.Nodes, nodes)
	if f.ovsdb.Standalone && cfg.Nodes != 1 {
		return fmt.Errorf("--standalone with %d nodes: a database by itself has one: leave --nodes out", cfg.Nodes)
	}
	setUnless(given, "election", &cfg.Election, ovsdb.DefaultElection)
	beat := ovsdb.Heartbeat(cfg.Election)
	if given("heartbeat") && cfg.Heartbeat != beat {
		return fmt.Errorf("--heartbeat %v: an ovsdb leader sends them three times an election timer, every %v of %v: leave --heartbeat out", cfg.Heartbeat, beat, cfg.Election)
	}
	cfg.Heartbeat = beat
	o, err := ovsdb.Find(ctx, f.binary)
	if err != nil {
		return err
	}
	o.Election, o.Careless, o.Standalone, o.Durable = cfg.Election, f.ovsdb.Careless, f.ovsdb.Standalone, f.ovsdb.Durable
	t, err := ovsdb.New(o)
	if err != nil {
		return err
	}
	cfg.Target, cfg.TargetOptions = t, o
	return nil
}

// buildOvsdb takes the run's own programs if they are still there, and those of this
// machine otherwise.
func (f *Saved) buildOvsdb(ctx context.Context, cfg *engine.Config, saved json.RawMessage) error {
	var o ovsdb.Options
	if err := options(saved, &o); err != nil {
		return err
	}
	dir := f.Binary
	if dir == "" {
		dir = o.Server
	}
	found, err := ovsdb.Find(ctx, dir)
	if err != nil && f.Binary == "" {
		found, err = ovsdb.Find(ctx, "")
	}
	if err != nil {
		return err
	}
	o.Server, o.Tool, o.Version = found.Server, found.Tool, found.Version
	t, err := ovsdb.New(o)
	if err != nil {
		return err
	}
	cfg.Target, cfg.TargetOptions = t, o
	return nil
}
