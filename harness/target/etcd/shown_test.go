package etcd

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/nemesis"
)

// What a binary shows of its failpoints is known before the run, and no more is
// claimed than it shows.
func TestHasFailpoint(t *testing.T) {
	const server, gofail = "\x7fELF go.etcd.io/etcd/server/v3 ", "go.etcd.io/gofail/runtime __fp_raftBeforeSave __fp_beforeCommit "
	for name, tt := range map[string]struct{ binary, failpoint, want string }{
		"there":                {server + gofail, "raftBeforeSave", ""},
		"there, with its path": {server + gofail, "etcdserver/raftBeforeSave", ""},
		"a slip":               {server + gofail, "raftBeforeSafe", "none of this name (did you mean raftBeforeSave?)"},
		"not there":            {server + gofail, "walAfterSync", "none of this name"},
		"built without":        {server, "raftBeforeSave", "was built without failpoints"},
		"a script":             {"#!/bin/sh\nexec etcd\n", "raftBeforeSave", ""},
		"another program":      {"\x7fELF something that starts etcd", "raftBeforeSave", ""},
		"nothing can be read":  {"", "raftBeforeSave", ""},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "etcd")
			if tt.binary != "" {
				require.NoError(t, os.WriteFile(path, []byte(tt.binary), 0o755))
			}
			tgt, err := New(Options{Version: "3.6.16", Binary: path})
			require.NoError(t, err)
			err = tgt.HasFailpoint(tt.failpoint)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
		})
	}
}

// A tap sees elections and commits, and nothing of what members do to their logs.
func TestShows(t *testing.T) {
	events := nemesis.EventsOf(newTarget(t, Options{Version: "3.6.16"}).Shows()...)
	require.Equal(t, []string{"candidate", "vote-granted", "vote-refused", "leader", "commit"}, events)
}
