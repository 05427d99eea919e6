package target_test

import (
	"bufio"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/disk/files"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/target/etcd"
	"github.com/usurper/usurper/harness/target/exec"
	"github.com/usurper/usurper/harness/target/nats"
	"github.com/usurper/usurper/harness/target/ovsdb"
	"github.com/usurper/usurper/harness/target/reference"
	"github.com/usurper/usurper/harness/target/zookeeper"
)

// Of what members kept in runs, under load, with members killed, away for long, replaced and
// compacted, each class is about the files that it should be about, whatever they are called
// at first, and about no others.
func TestKeptFiles(t *testing.T) {
	for name, filed := range map[string]target.Filed{
		"etcd":      new(etcd.Target),
		"nats":      new(nats.Target),
		"ovsdb":     new(ovsdb.Target),
		"reference": new(reference.Target),
		"zookeeper": new(zookeeper.Target),
		"redis":     described(t, "redis-aof.yaml", "redis-server"),
		"hashicorp": described(t, "hashicorp-raft/store.yaml", "examples/hashicorp-raft/store"),
		"consul":    described(t, "consul.yaml", "consul"),
		"dqlite":    described(t, "dqlite/dqlite.yaml", "examples/dqlite/dqlite"),
	} {
		t.Run(name, func(t *testing.T) {
			classes := filed.DataFiles()
			seen := make(map[string]bool)
			for file, want := range listing(t, "testdata/kept/"+name+".txt") {
				var have []string
				for _, class := range slices.Sorted(maps.Keys(classes)) {
					if files.Matches(classes[class], file) {
						have, seen[class] = append(have, class), true
					}
				}
				require.Equal(t, want, strings.Join(have, ","), file)
			}
			for class := range classes {
				require.True(t, seen[class], "the listing has no file of class %s", class)
			}
		})
	}
}

// listing reads which file is of which classes. A line is a path, and they with commas between.
func listing(t *testing.T, name string) map[string]string {
	t.Helper()
	f, err := os.Open(name)
	require.NoError(t, err)
	defer f.Close()
	all := make(map[string]string)
	for s := bufio.NewScanner(f); s.Scan(); {
		file, classes, _ := strings.Cut(s.Text(), " ")
		all[file] = classes
	}
	require.NotEmpty(t, all)
	return all
}

// described loads the file of an example. The program need not be there.
func described(t *testing.T, file, program string) target.Filed {
	t.Helper()
	examples, err := filepath.Abs("../../examples")
	require.NoError(t, err)
	dir := t.TempDir()
	path := filepath.Join(dir, program)
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, nil, 0o755))
	here, err := os.Getwd()
	require.NoError(t, err)
	require.NoError(t, os.Chdir(dir))
	defer func() { require.NoError(t, os.Chdir(here)) }()
	t.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	sys, err := exec.Load(filepath.Join(examples, file))
	require.NoError(t, err)
	return sys
}
