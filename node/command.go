package node

import (
	"context"
	"fmt"
	"log/slog"
	"os/signal"
	"runtime"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/usurper/usurper/node/bug"
)

// Command returns the command that runs one member until SIGTERM or SIGINT,
// which end it cleanly. Its error is why the member could not start or had to
// stop.
func Command() *cobra.Command {
	cfg := Default()
	var peers, bugName string
	cmd := &cobra.Command{
		Use:   "node",
		Short: "Run one member of the reference Raft key-value store",
		Long: `Run one member of the reference Raft key-value store.

The member serves POST /v1/op and GET /v1/status on its client port. It runs
until SIGTERM or SIGINT. A disk that fails to write or sync ends it with an
error: it never answers for what it could not make durable.`,
		Example: `  usurper node --id n1 --bind 127.0.0.1 --peer-port 7701 --client-port 7702 \
      --peers n1=127.0.0.1:7701,n2=127.0.0.1:7711,n3=127.0.0.1:7721 --data-dir /tmp/n1
  usurper node --id n2 --bind '{{ GetPrivateIP }}' --peers … --data-dir /tmp/n2 --bug stale-log-vote`,
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var err error
			if cfg.Bug, err = bug.Parse(bugName); err != nil {
				return fmt.Errorf("--bug: %w", err)
			}
			if peers != "" {
				if cfg.Peers, err = ParsePeers(peers); err != nil {
					return fmt.Errorf("--peers: %w", err)
				}
			}
			runtime.GOMAXPROCS(1) // one loop does nearly all: more threads would only wake each other
			ctx, stop := signal.NotifyContext(cmd.Context(), syscall.SIGTERM, syscall.SIGINT)
			defer stop()
			log := slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), nil)).With("node", cfg.ID)
			return Run(ctx, cfg, Options{Log: log})
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&cfg.ID, "id", cfg.ID, "this member's `name`: n1, n2, …")
	f.StringVar(&peers, "peers", "", "every member and the address to dial it at: `n1=host:port,n2=host:port,…`")
	f.StringVar(&cfg.DataDir, "data-dir", cfg.DataDir, "`directory` for term, vote, log and snapshot")
	f.StringVar(&cfg.Bind, "bind", cfg.Bind, "`address` to listen on, or a go-sockaddr template such as '{{ GetPrivateIP }}'")
	f.StringVar(&cfg.ClientBind, "client-bind", cfg.ClientBind, "`address` to listen on for clients (default: that of --bind)")
	f.IntVar(&cfg.PeerPort, "peer-port", cfg.PeerPort, "`port` for peers, 0 for any")
	f.IntVar(&cfg.ClientPort, "client-port", cfg.ClientPort, "`port` for clients, 0 for any")
	f.DurationVar(&cfg.Election, "election", cfg.Election, "`T`: election timers run for a time drawn from [T, 2T)")
	f.DurationVar(&cfg.Heartbeat, "heartbeat", cfg.Heartbeat, "`interval` between heartbeats, at most T/2")
	f.Uint64Var(&cfg.SnapshotEvery, "snapshot-every", cfg.SnapshotEvery, "applied `entries` between snapshots, 0 for none")
	f.BoolVar(&cfg.PreVote, "pre-vote", cfg.PreVote, "ask whether an election could be won before raising the term")
	f.IntVar(&cfg.MaxBatch, "max-batch", cfg.MaxBatch, "`bytes` of entries in an append at most, 0 for 256 KiB")
	f.IntVar(&cfg.MaxInflight, "max-inflight", cfg.MaxInflight, "`appends` on their way to a follower at most, 0 for 64")
	f.Uint64Var(&cfg.Seed, "seed", cfg.Seed, "`number` that fixes the election timers")
	f.StringVar(&cfg.Trace, "trace", cfg.Trace, "append raft events to this `file`")
	f.Uint64Var(&cfg.Inc, "inc", cfg.Inc, "`number` of this process of the member, counted from 1, for the trace")
	f.StringVar(&bugName, "bug", "", "misbehave in this `named` way, see the bugs command")
	return cmd
}

// Run runs one member until ctx ends, which stops it cleanly, or it fails.
func Run(ctx context.Context, cfg Config, o Options) error {
	s, err := Start(cfg, o)
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
	case <-s.Done():
	}
	return s.Stop()
}
