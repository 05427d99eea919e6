package compile

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// etcd is a program that has no main package of its own.
func etcd() Program {
	return Program{
		Name: "etcd", Module: "go.etcd.io/etcd/server/v3", Main: "package main",
		Canonical: func(version string) (string, error) { return "v" + strings.TrimPrefix(version, "v"), nil },
		Answer:    regexp.MustCompile(`(?m)^etcd Version: (\S+)$`),
	}
}

// script writes an executable shell script.
func script(t *testing.T, path, body string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
	require.NoError(t, os.WriteFile(path, []byte("#!/bin/sh\n"+body+"\n"), 0o755))
	return path
}

func TestVersionOfABinary(t *testing.T) {
	dir := t.TempDir()
	got, err := etcd().Version(t.Context(), script(t, dir+"/etcd", `test "$1" = --version && printf 'etcd Version: 3.5.2\nGit SHA: x\n'`))
	require.NoError(t, err)
	require.Equal(t, "3.5.2", got)
	_, err = etcd().Version(t.Context(), script(t, dir+"/other", "echo redis 7"))
	require.ErrorContains(t, err, `is not etcd: --version says "redis 7"`)
	_, err = etcd().Version(t.Context(), script(t, dir+"/fails", "exit 3"))
	require.ErrorContains(t, err, "is not etcd")
	_, err = etcd().Version(t.Context(), dir+"/none")
	require.ErrorContains(t, err, "no such file")
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = etcd().Version(ctx, script(t, dir+"/hangs", "exec sleep 60"))
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

func TestBuildKeepsWhatItHas(t *testing.T) {
	root := t.TempDir()
	path := script(t, etcd().path(root, "v3.6.16"), "exit 1")
	t.Setenv("PATH", t.TempDir())
	got, err := etcd().build(t.Context(), root, "3.6.16", func(string) { t.Error("nothing to do") })
	require.NoError(t, err)
	require.Equal(t, path, got)
	_, err = etcd().build(t.Context(), root, "3.6.15", func(string) {})
	require.ErrorContains(t, err, "install Go")
}

// fakeGo puts a go command in the path that builds what etcd it is told to.
func fakeGo(t *testing.T, body string) {
	dir := t.TempDir()
	script(t, dir+"/go", body)
	t.Setenv("PATH", dir+":/usr/bin:/bin")
}

func TestBuild(t *testing.T) {
	fakeGo(t, `grep -q 'server/v3 v3.6.1$' go.mod || { echo 'unknown revision'; exit 1; }
case $1 in
list) ;;
build) printf '#!/bin/sh\necho etcd Version: 3.6.1\n' > etcd.new; chmod +x etcd.new; echo x >> ../builds ;;
esac`)
	root := t.TempDir()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			path, err := etcd().build(t.Context(), root, "v3.6.1", func(string) {})
			if err != nil || path != etcd().path(root, "v3.6.1") {
				t.Errorf("%q, %v", path, err)
			}
		})
	}
	all.Wait()
	b, err := os.ReadFile(filepath.Join(root, "v3.6.1", "builds"))
	require.NoError(t, err)
	require.Equal(t, "x\n", string(b), "it was built once")
	left, err := filepath.Glob(filepath.Join(root, "v3.6.1", "build-*"))
	require.NoError(t, err)
	require.Empty(t, left)

	_, err = etcd().build(t.Context(), root, "v3.6.99", func(string) {})
	require.ErrorContains(t, err, "build etcd v3.6.99: there is no such version")
}

func TestBuildOfAnotherVersion(t *testing.T) {
	fakeGo(t, `[ $1 = build ] && printf '#!/bin/sh\necho etcd Version: 3.6.0\n' > etcd.new && chmod +x etcd.new || true`)
	root := t.TempDir()
	_, err := etcd().build(t.Context(), root, "v3.6.1", func(string) {})
	require.ErrorContains(t, err, "says that it is etcd 3.6.0")
	require.NoFileExists(t, etcd().path(root, "v3.6.1"))
}

func TestBuildIsCancelled(t *testing.T) {
	fakeGo(t, "sleep 60 & wait")
	ctx, cancel := context.WithCancel(t.Context())
	_, err := etcd().build(ctx, t.TempDir(), "v3.6.1", func(string) { time.AfterFunc(20*time.Millisecond, cancel) })
	require.ErrorIs(t, err, context.Canceled)

	root := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(root, "v3.6.1"), 0o755))
	unlock, err := lock(t.Context(), etcd().path(root, "v3.6.1")+".lock", nil)
	require.NoError(t, err)
	defer unlock()
	ctx, cancel = context.WithCancel(t.Context())
	waited := ""
	_, err = etcd().build(ctx, root, "v3.6.1", func(s string) { waited = s; cancel() })
	require.ErrorIs(t, err, context.Canceled)
	require.Contains(t, waited, "waiting")
}

// A module with a main package of its own is built as it is, with its tags, and kept
// apart from a build without them.
func TestBuildOfAPackage(t *testing.T) {
	fakeGo(t, `test ! -e main.go || exit 1
case $1 in
list) ;;
build) test "$5,$8" = -tags=some,example.org/server || { echo "$@"; exit 1; }
	printf '#!/bin/sh\necho etcd Version: 3.6.1\n' > etcd.new; chmod +x etcd.new ;;
esac`)
	p := etcd()
	p.Package, p.Tags = "example.org/server", "some"
	root := t.TempDir()
	path, err := p.build(t.Context(), root, "v3.6.1", nil)
	require.NoError(t, err)
	require.Equal(t, filepath.Join(root, "v3.6.1+some", "etcd"), path)
	require.NotEqual(t, path, etcd().path(root, "v3.6.1"))
}
