// Package compile makes the executables of servers that are written in Go from the
// modules that hold them, and keeps them.
package compile

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"time"
)

// versionWait bounds how long a binary may take to tell its version.
const versionWait = 10 * time.Second

// Program is a server that is built from its Go module.
type Program struct {
	Name   string // what it is called, in words and as a file
	Module string // the path of its module
	// Package is the path of its main package. If there is none that can be built, Main
	// is the text of a main.go that is built in its place, in a module of its own.
	Package, Main string
	// Tags are build tags, with commas between them. A binary with other tags is kept
	// elsewhere.
	Tags string
	// Canonical checks the syntax of a version and puts a v before it.
	Canonical func(version string) (string, error)
	// Answer finds the version, without a v, in what the binary prints for --version.
	Answer *regexp.Regexp
}

// Build returns the path of the binary of a version. The first time, it downloads the
// module and compiles it, which takes the go command and from ten seconds to a few
// minutes; the binary is kept in the user's cache directory, and from then on Build needs
// neither go nor a network. Processes that ask for the same binary at the same time build
// it once. progress, if not nil, is told in a few words what takes time.
func (p Program) Build(ctx context.Context, version string, progress func(string)) (string, error) {
	root, err := p.root()
	if err != nil {
		return "", fmt.Errorf("build %s: find a place to keep it: %w", p.Name, err)
	}
	return p.build(ctx, root, version, progress)
}

// Cached returns the path of the binary that Build would return without building,
// and whether there is one.
func (p Program) Cached(version string) (string, bool) {
	root, err := p.root()
	if err != nil {
		return "", false
	}
	version, err = p.Canonical(version)
	if err != nil {
		return "", false
	}
	path := p.path(root, version)
	return path, isExecutable(path)
}

// Version asks a binary for its version, such as "3.6.16". It is an error if the binary
// is not this program.
func (p Program) Version(ctx context.Context, binary string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, versionWait)
	defer cancel()
	cmd := exec.CommandContext(ctx, binary, "--version")
	cmd.WaitDelay = time.Second
	out, err := cmd.Output()
	if m := p.Answer.FindSubmatch(out); m != nil && err == nil {
		return string(m[1]), nil
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return "", fmt.Errorf("%s --version: %w", binary, context.Cause(ctx))
	case err != nil && !errors.As(err, &exit):
		return "", fmt.Errorf("ask for %s's version: %w", p.Name, err)
	}
	said, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n"))
	return "", fmt.Errorf("%s is not %s: --version says %.60q", binary, p.Name, said)
}

// root is the folder of all versions.
func (p Program) root() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(cache, "usurper", p.Name), nil
}

func (p Program) path(root, version string) string {
	if p.Tags != "" {
		version += "+" + p.Tags
	}
	return filepath.Join(root, version, p.Name)
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}
