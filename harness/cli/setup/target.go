package setup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/target/etcd"
	described "github.com/usurper/usurper/harness/target/exec"
	"github.com/usurper/usurper/harness/target/nats"
	"github.com/usurper/usurper/harness/target/ovsdb"
	"github.com/usurper/usurper/harness/target/reference"
	"github.com/usurper/usurper/harness/target/zookeeper"
	"github.com/usurper/usurper/harness/text"
)

// targetFlags choose the system under test.
type targetFlags struct {
	target  string
	binary  string
	version string
	system  string
	vary    bool
	Ref     reference.Options
	etcd    etcd.Options
	nats    nats.Options
	ovsdb   ovsdb.Options
	zoo     zookeeper.Options
}

// OwnFlags are the flags that only some targets know, and which.
func OwnFlags() map[string][]string {
	own := make(map[string][]string)
	for target, flags := range map[string][]string{
		"reference": {"bug", "pre-vote", "snapshot-every", "no-trace"},
		"etcd":      {"version", "serializable-reads", "peer-tls", "snapshot-count", "no-fsync"},
		"nats":      {"version", "replicas", "direct-reads", "no-ack", "forget", "assertions"},
		"zookeeper": {"sync-reads", "plain-reads"},
		"ovsdb":     {"careless"},
		"exec":      {"config"},
	} {
		for _, flag := range flags {
			own[flag] = append(own[flag], target)
		}
	}
	for _, targets := range own {
		slices.Sort(targets)
	}
	return own
}

func (f *targetFlags) add(fs *pflag.FlagSet) {
	fs.StringVar(&f.target, "target", "reference", "the system under test: "+strings.Join(targetNames(), ", "))
	fs.StringVar(&f.binary, "binary", "", "the executable of the members: a usurper (default: this one), an etcd, a nats-server; of ovsdb the folder of its programs (default: those of this machine)")

	fs.StringVar(&f.Ref.Bug, "bug", "", "reference: a deliberate bug for the nodes (see usurper bugs --list)")
	fs.BoolVar(&f.Ref.PreVote, "pre-vote", false, "reference: let the nodes ask for pre-votes")
	fs.Uint64Var(&f.Ref.SnapshotEvery, "snapshot-every", 500, "reference: applied entries between snapshots; 0 for the node's own default")
	fs.BoolVar(&f.Ref.NoTrace, "no-trace", false, "reference: let the nodes write no trace: judge from the wire and the clients alone")

	fs.StringVar(&f.version, "version", "", "etcd, nats: the version to build and run, such as v3.6.16, v2.15.2")
	fs.BoolVar(&f.etcd.SerializableReads, "serializable-reads", false, "etcd: let members read from what they know themselves, which may be stale")
	fs.BoolVar(&f.etcd.PeerTLS, "peer-tls", false, "etcd: let members talk over TLS, which no tap can read: elections are not checked")
	fs.Uint64Var(&f.etcd.SnapshotCount, "snapshot-count", 0, "etcd: applied entries between snapshots; 0 for its own default, and 500 for a member that is alone")

	fs.BoolVar(&f.etcd.NoFsync, "no-fsync", false, "etcd: let members not sync what they write, which a kill does not show, but a power failure: for slow disks, and members that are alone")

	f.addNats(fs)
	addOvsdb(fs, &f.ovsdb)

	fs.BoolVar(&f.zoo.SyncReads, "sync-reads", false, "zookeeper: let clients read after a sync, which a leader that is none any more answers by itself")
	fs.BoolVar(&f.zoo.PlainReads, "plain-reads", false, "zookeeper: let clients read what the member that they ask has, which may be stale")

	fs.BoolVar(&f.vary, "vary", false, "let members differ: how often they take snapshots, timers (none shorter), and for reference pre-votes and how much they send at a time; for zookeeper what leaders send to who was away")
	fs.StringVar(&f.system, "config", "", "exec: the file that describes the system")
}

// set builds the system under test into cfg. Systems bring defaults of their
// own, which flags that are given override.
func (f *targetFlags) set(ctx context.Context, cfg *engine.Config, given func(string) bool, progress func(string)) error {
	for flag, owners := range OwnFlags() {
		if given(flag) && !slices.Contains(owners, f.target) {
			return fmt.Errorf("--%s is for --target %s", flag, strings.Join(owners, " or "))
		}
	}
	var err error
	switch f.target {
	case "reference":
		err = f.setReference(cfg)
	case "etcd":
		err = f.setEtcd(ctx, cfg, given, progress)
	case "nats":
		err = f.setNats(ctx, cfg, given, progress)
	case "ovsdb":
		err = f.setOvsdb(ctx, cfg, given)
	case "zookeeper":
		err = f.setZooKeeper(ctx, cfg, given, progress)
	case "exec":
		err = f.setExec(cfg, given)
	default:
		return fmt.Errorf("unknown target %q%s: use one of %s", f.target, text.DidYouMean(f.target, targetNames()), strings.Join(targetNames(), ", "))
	}
	if err != nil {
		return err
	}
	cfg.SuitUnless(given)
	return nil
}

func (f *targetFlags) setReference(cfg *engine.Config) error {
	ref := f.Ref
	ref.Seed, ref.Vary = cfg.Seed, f.vary
	ref.Election, ref.Heartbeat = cfg.Election, cfg.Heartbeat
	var err error
	if ref.Binary, err = nodeBinary(f.binary); err != nil {
		return err
	}
	t, err := reference.New(ref)
	if err != nil {
		return err
	}
	cfg.Target, cfg.TargetOptions = t, ref
	return nil
}

// nodeBinary is the executable of reference nodes: this one, unless another is named.
func nodeBinary(named string) (path string, err error) {
	if named == "" {
		path, err = os.Executable()
	} else {
		path, err = exec.LookPath(named)
	}
	if err != nil {
		return "", fmt.Errorf("find the binary of the nodes: %w: name a usurper binary with --binary", err)
	}
	return path, nil
}

// What etcd is run with unless flags say otherwise. With these timers a lost
// leader is replaced in about 0.3 s.
const (
	etcdNodes     = 3
	etcdHeartbeat = 20 * time.Millisecond
	etcdElection  = 200 * time.Millisecond
	aloneElection = 100 * time.Millisecond // of a member that has nobody to lose an election to: it is back sooner
)

func etcdMaker() maker {
	return maker{target: "etcd", program: "etcd", example: "v3.6.16", build: etcd.Build, version: etcd.Version}
}

func (f *targetFlags) setEtcd(ctx context.Context, cfg *engine.Config, given func(string) bool, progress func(string)) error {
	setUnless(given, "nodes", &cfg.Nodes, etcdNodes)
	setUnless(given, "heartbeat", &cfg.Heartbeat, etcdHeartbeat)
	election := etcdElection
	if cfg.Nodes == 1 && !given("heartbeat") {
		election = aloneElection
	}
	setUnless(given, "election", &cfg.Election, election)
	o := f.etcd
	plain := cfg.Disk == "" || cfg.Disk == disk.Plain
	o.Fsync = (given("no-fsync") || !plain) && !o.NoFsync // a disk that loses power shows who does not sync
	o.Election, o.Heartbeat = cfg.Election, cfg.Heartbeat
	if f.vary {
		o.Vary, o.Seed = true, cfg.Seed
	}
	var err error
	if o.Binary, o.Version, err = f.executable(ctx, etcdMaker(), progress); err != nil {
		return err
	}
	t, err := etcd.New(o)
	if err != nil {
		return err
	}
	cfg.Target, cfg.TargetOptions = t, o
	return nil
}

// errNoBinary is why a jar of one's own is not run.
var errNoBinary = errors.New("--binary: --target zookeeper takes the jar of Debian's package and the java on this machine: leave it out")

// What ZooKeeper is run with unless flags say otherwise.
const (
	zooNodes    = 3
	zooElection = time.Second
)

func (f *targetFlags) setZooKeeper(ctx context.Context, cfg *engine.Config, given func(string) bool, progress func(string)) error {
	if f.binary != "" {
		return errNoBinary
	}
	setUnless(given, "nodes", &cfg.Nodes, zooNodes)
	setUnless(given, "election", &cfg.Election, zooElection)
	o := f.zoo
	o.Election = cfg.Election
	if f.vary {
		o.Vary, o.Seed = true, cfg.Seed
	}
	var err error
	if o.Jar, o.Java, err = zookeeper.Find(ctx); err != nil {
		return err
	}
	if version, err := zookeeper.Version(o.Jar); err == nil && !zookeeper.Captured(version) {
		progress("what members of ZooKeeper " + version + " say to each other was never looked at; 3.8 was")
	}
	t, err := zookeeper.New(o)
	if err != nil {
		return err
	}
	setUnless(given, "heartbeat", &cfg.Heartbeat, t.Usual(cfg.Nodes).Heartbeat)
	cfg.Target, cfg.TargetOptions = t, o
	return nil
}

func (f *targetFlags) setExec(cfg *engine.Config, given func(string) bool) error {
	if f.vary {
		return fmt.Errorf("--vary: usurper knows nothing of a described system that could differ between its members: use {{.Name}} in its command, or leave --vary out")
	}
	if f.system == "" {
		return fmt.Errorf("--target exec: name the file that describes the system with --config")
	}
	t, err := described.Load(f.system)
	if err != nil {
		return err
	}
	if n := t.Nodes(); n > 0 {
		setUnless(given, "nodes", &cfg.Nodes, n)
	}
	if election, heartbeat := t.Timers(); election > 0 && heartbeat > 0 {
		setUnless(given, "election", &cfg.Election, election)
		setUnless(given, "heartbeat", &cfg.Heartbeat, heartbeat)
	}
	cfg.Target, cfg.TargetOptions = t, t.Options()
	return nil
}

// setUnless sets a value that no flag was given for.
func setUnless[T any](given func(string) bool, flag string, at *T, value T) {
	if !given(flag) {
		*at = value
	}
}
