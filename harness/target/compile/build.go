package compile

import (
	"cmp"
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

var unknownVersion = regexp.MustCompile(`unknown revision|no matching versions|\.(info|mod): 4\d\d `)

func (p Program) build(ctx context.Context, root, version string, progress func(string)) (string, error) {
	if progress == nil {
		progress = func(string) {}
	}
	version, err := p.Canonical(version)
	if err != nil {
		return "", err
	}
	path := p.path(root, version)
	if isExecutable(path) {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", fmt.Errorf("build %s %s: %w", p.Name, version, err)
	}
	unlock, err := lock(ctx, path+".lock", func() { progress("waiting for another process that builds " + p.Name + " " + version) })
	if err != nil {
		return "", fmt.Errorf("build %s %s: %w", p.Name, version, err)
	}
	defer unlock()
	if isExecutable(path) {
		return path, nil
	}
	if err := p.compile(ctx, path, version, progress); err != nil {
		return "", fmt.Errorf("build %s %s: %w", p.Name, version, err)
	}
	return path, nil
}

// compile makes the binary next to where it belongs and moves it there once it
// has proved to be what was asked for.
func (p Program) compile(ctx context.Context, path, version string, progress func(string)) error {
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
	if err := p.writeModule(dir, version); err != nil {
		return err
	}
	begun := time.Now()
	progress("downloading " + p.Name + " " + version)
	if err := p.runGo(ctx, dir, "list", "-m", p.Module); err != nil {
		return explain(err)
	}
	progress("building " + p.Name + " " + version + ", which takes a minute or so")
	jobs := strconv.Itoa(max(2, runtime.NumCPU()/2))
	if err := p.runGo(ctx, dir, "build", "-p", jobs, "-trimpath", "-tags="+p.Tags, "-o", p.Name+".new", cmp.Or(p.Package, ".")); err != nil {
		return explain(err)
	}
	built := filepath.Join(dir, p.Name+".new")
	got, err := p.Version(ctx, built)
	switch {
	case err != nil:
		return err
	case "v"+got != version:
		return fmt.Errorf("the module %s@%s says that it is %s %s", p.Module, version, p.Name, got)
	}
	if err := os.Rename(built, path); err != nil {
		return err
	}
	progress(fmt.Sprintf("built %s %s in %.0f s", p.Name, version, time.Since(begun).Seconds()))
	return nil
}

func (p Program) writeModule(dir, version string) error {
	goMod := fmt.Sprintf("module built\n\ngo 1.24\n\nrequire %s %s\n", p.Module, version)
	err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte(goMod), 0o644)
	if err == nil && p.Package == "" {
		err = os.WriteFile(filepath.Join(dir, "main.go"), []byte(p.Main), 0o644)
	}
	return err
}

// runGo runs the go command in the generated module, out of the way of whatever
// else the machine does. Its error holds the end of what it printed.
func (p Program) runGo(ctx context.Context, dir string, args ...string) error {
	program, err := exec.LookPath("go")
	if err != nil {
		return fmt.Errorf("%w: install Go, or give the path of a binary of %s", err, p.Name)
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
