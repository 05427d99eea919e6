package etcd

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/target"
)

// The usual run of a cluster churns; a member that is alone is killed while much is put.
func TestUsual(t *testing.T) {
	tgt := newTarget(t, Options{Version: "3.5.4", Election: 200 * time.Millisecond, Heartbeat: 20 * time.Millisecond})
	require.Equal(t, target.Habits{Mixed: "churn", Election: 200 * time.Millisecond, Heartbeat: 20 * time.Millisecond}, tgt.Usual(3))
	require.Equal(t, target.Habits{
		Mixed: "churn", Workload: "puts", ValueSize: 64 << 10, Clients: 20, Rate: 1000, Plan: "kills",
		Election: 200 * time.Millisecond, Heartbeat: 20 * time.Millisecond,
	}, tgt.Usual(1))
	own := newTarget(t, Options{Version: "3.5.4"}).Usual(3)
	require.Equal(t, time.Second, own.Election)
	require.Equal(t, 100*time.Millisecond, own.Heartbeat)
}

// A member that is alone takes snapshots often and does not sync, unless it was told
// otherwise; one with others, or that joins some, is run as was asked for.
func TestCommandOfOneAlone(t *testing.T) {
	alone := member()
	alone.Peers, alone.Advertised = nil, nil
	joining := alone
	joining.Joins = []string{"n1", "n2"}
	joining.Advertised = member().Advertised
	for _, c := range []struct {
		name   string
		o      Options
		member target.Member
		want   string
	}{
		{"alone", Options{Version: "3.5.4"}, alone, "--snapshot-count 500 --unsafe-no-fsync --quota-backend-bytes=8589934592"},
		{"3.4 cannot but sync", Options{Version: "3.4.23"}, alone, "--logger=zap --snapshot-count 500 --quota-backend-bytes=8589934592"},
		{"told otherwise", Options{Version: "3.5.4", Fsync: true, SnapshotCount: 7, Args: []string{"--quota-backend-bytes=9"}}, alone,
			"--snapshot-count 7 --quota-backend-bytes=9"},
		{"one of two", Options{Version: "3.5.4"}, member(), ""},
		{"one that joins", Options{Version: "3.5.4"}, joining, ""},
	} {
		cmd, err := newTarget(t, c.o).Command(c.member)
		require.NoError(t, err)
		_, rest, _ := strings.Cut(strings.Join(cmd.Args, " "), "--log-level warn")
		require.Equal(t, c.want, strings.TrimSpace(rest), c.name)
	}
	_, err := New(Options{Binary: "/bin/etcd", Version: "3.5.4", Fsync: true, NoFsync: true})
	require.ErrorContains(t, err, "fsync and no fsync: choose one")
}
