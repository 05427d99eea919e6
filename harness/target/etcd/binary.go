package etcd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

const (
	// module holds etcd's server. Its go.mod has replace directives, so "go
	// install" refuses it; a module of one file that depends on it builds.
	module = "go.etcd.io/etcd/server/v3"

	mainFile = `// Command etcd is etcd itself.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
`
	// versionWait bounds how long a binary may take to tell its version.
	versionWait = 10 * time.Second
)

var (
	versionSyntax  = regexp.MustCompile(`^v?(3)\.(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})(-(alpha|beta|rc)\.(0|[1-9]\d{0,3}))?$`)
	versionAnswer  = regexp.MustCompile(`(?m)^etcd Version: (\S+)$`)
	unknownVersion = regexp.MustCompile(`unknown revision|no matching versions|\.(info|mod): 4\d\d `)
)

// Build returns the path of an etcd of the given version, such as v3.6.16. The
// first time, it downloads the server's Go module and compiles it, which takes
// the go command and from ten seconds to a few minutes; the binary is kept in
// the user's cache directory, and from then on Build needs neither go nor a
// network. Processes that ask for the same version at the same time build it
// once. Versions from 3.5.0 on can be built; older servers are no Go module.
// progress, if not nil, is told in a few words what takes time.
func Build(ctx context.Context, version string, progress func(string)) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("build etcd: find a place to keep it: %w", err)
	}
	if progress == nil {
		progress = func(string) {}
	}
	return build(ctx, filepath.Join(cache, "usurper", "etcd"), version, progress)
}

// Cached returns the path of the binary that Build would return without
// building, and whether there is one.
func Cached(version string) (string, bool) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", false
	}
	version, err = canonical(version)
	if err != nil {
		return "", false
	}
	path := binaryPath(filepath.Join(cache, "usurper", "etcd"), version)
	return path, isExecutable(path)
}

// Version asks a binary for its version, such as "3.6.16". It is an error if the
// binary is not etcd.
func Version(ctx context.Context, binary string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionWait)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "--version")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if m := versionAnswer.FindSubmatch(out); m != nil && err == nil {
		return string(m[1]), nil
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s --version: %w", binary, context.Cause(ctx))
	case err != nil && !errors.As(err, &exit):
		return "", fmt.Errorf("ask for etcd's version: %w", err)
	}
	said, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n"))
	return "", fmt.Errorf("%s is not etcd: --version says %.60q", binary, said)
}

// canonical checks the syntax of a version and puts a v before it.
func canonical(version string) (string, error) {
	m := versionSyntax.FindStringSubmatch(version)
	if m == nil {
		return "", fmt.Errorf("etcd version %.40q: write it like v3.6.16", version)
	}
	if minor, _ := strconv.Atoi(m[2]); minor < 5 {
		return "", fmt.Errorf("etcd version %s: only 3.5.0 and later can be built; give the path of a binary instead", version)
	}
	return "v" + strings.TrimPrefix(version, "v"), nil
}

func binaryPath(root, version string) string { return filepath.Join(root, version, "etcd") }

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

func build(ctx context.Context, root, version string, progress func(string)) (string, error) {
	version, err := canonical(version)
	if err != nil {
		return "", err
	}
	path := binaryPath(root, version)
	if isExecutable(path) {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("build etcd %s: %w", version, err)
	}
	unlock, err := lock(ctx, path+".lock", func() { progress("waiting for another process that builds etcd " + version) })
	if err != nil {
		return "", fmt.Errorf("build etcd %s: %w", version, err)
	}
	defer unlock()
	if isExecutable(path) {
		return path, nil
	}
	if err := compile(ctx, path, version, progress); err != nil {
		return "", fmt.Errorf("build etcd %s: %w", version, err)
	}
	return path, nil
}

// compile makes the binary next to where it belongs and moves it there once it
// has proved to be what was asked for.
func compile(ctx context.Context, path, version string, progress func(string)) error {
	// Under the lock, what is there is what a killed build left behind.
	if stale, err := filepath.Glob(filepath.Join(filepath.Dir(path), "build-*")); err == nil {
		for _, dir := range stale {
			os.RemoveAll(dir)
		}
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), "build-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := writeModule(dir, version); err != nil {
		return err
	}
	begun := time.Now()
	progress("downloading etcd " + version)
	if err := runGo(ctx, dir, "list", "-m", module); err != nil {
		return explain(err)
	}
	progress("building etcd " + version + ", which takes a minute or so")
	jobs := strconv.Itoa(max(2, runtime.NumCPU()/2))
	if err := runGo(ctx, dir, "build", "-p", jobs, "-trimpath", "-o", "etcd.new", "."); err != nil {
		return explain(err)
	}
	built := filepath.Join(dir, "etcd.new")
	got, err := Version(ctx, built)
	switch {
	case err != nil:
		return err
	case "v"+got != version:
		return fmt.Errorf("the module %s@%s says that it is etcd %s", module, version, got)
	}
	if err := os.Rename(built, path); err != nil {
		return err
	}
	progress(fmt.Sprintf("built etcd %s in %.0f s", version, time.Since(begun).Seconds()))
	return nil
}

func writeModule(dir, version string) error {
	goMod := fmt.Sprintf("module etcd\n\ngo 1.24\n\nrequire %s %s\n", module, version)
	return errors.Join(
		os.WriteFile(filepath.Join(dir, "go.mod"), []byte(goMod), 0o644),
		os.WriteFile(filepath.Join(dir, "main.go"), []byte(mainFile), 0o644),
	)
}

// runGo runs the go command in the generated module, out of the way of whatever
// else the machine does. Its error holds the end of what it printed.
func runGo(ctx context.Context, dir string, args ...string) error {
	program, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("%w: install Go, or give the path of an etcd binary", err)
	}
	if nice, err := exec.LookPath("nice"); err == nil {
		program, args = nice, append([]string{"-n", "10", program}, args...)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	// The module's own go.sum grows as it is built. A checkout around the cache
	// directory must not have a say, nor a prompt for a password wait for ever.
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "CGO_ENABLED=0",
		"GOOS=", "GOARCH=", "GIT_TERMINAL_PROMPT=0")
	killGroup(cmd)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		return fmt.Errorf("go: %w: %s", err, tail(out, 600))
	}
	return nil
}

// explain puts the usual reason first: a version that was never released, which
// module proxies refuse in several ways.
func explain(err error) error {
	if unknownVersion.MatchString(err.Error()) {
		return fmt.Errorf("there is no such version, or it is not to be had: %w", err)
	}
	return err
}

// tail returns the last limit bytes of what a program printed, as one line.
func tail(out []byte, limit int) string {
	s := strings.Join(strings.Fields(string(out)), " ")
	if len(s) > limit {
		s = "…" + s[len(s)-limit:]
	}
	return s
}

// errLocked says that somebody else holds a lock.
var errLocked = errors.New("locked")

// lock takes an exclusive lock on the file at path, which it creates. waiting is
// called once if somebody else holds it.
func lock(ctx context.Context, path string, waiting func()) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	poll := time.NewTicker(100 * time.Millisecond)
	defer poll.Stop()
	for told := false; ; {
		err := tryLock(f)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, errLocked) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		if !told {
			told = true
			waiting()
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, context.Cause(ctx)
		case <-poll.C:
		}
	}
}
