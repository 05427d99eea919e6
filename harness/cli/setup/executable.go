package setup

import (
	"context"
	"fmt"
	"os/exec"
)

// maker is how the executable of a target is come by.
type maker struct {
	target  string // as --target names it
	program string // what it is called
	example string // a version
	build   func(ctx context.Context, version string, progress func(string)) (string, error)
	version func(ctx context.Context, binary string) (string, error)
}

// executable is what --binary names, or what --version has built, and which version that
// is.
func (f *targetFlags) executable(ctx context.Context, m maker, progress func(string)) (binary, version string, err error) {
	switch {
	case f.binary != "" && f.version != "":
		return "", "", fmt.Errorf("--binary and --version: give one of them")
	case f.binary != "":
		if binary, err = exec.LookPath(f.binary); err != nil {
			err = fmt.Errorf("--binary: %w: name the %s program by a path, such as ./%s", err, m.program, m.program)
		}
	case f.version != "":
		binary, err = m.build(ctx, f.version, progress)
	default:
		return "", "", fmt.Errorf("--target %s: say which with --version %s or --binary PATH", m.target, m.example)
	}
	if err != nil {
		return "", "", err
	}
	version, err = m.version(ctx, binary)
	return binary, version, err
}

// again is a run's own binary if it is still there and still that version, or what was
// named in its place; otherwise the version is built.
func (f *Saved) again(ctx context.Context, m maker, binary, version string, say func(string)) (string, string, error) {
	was := binary
	if f.Binary != "" {
		binary = f.Binary
	}
	is, err := m.version(ctx, binary)
	switch {
	case f.Binary != "":
		return binary, is, err
	case err == nil && is == version:
		return binary, version, nil
	}
	if binary, err = m.build(ctx, "v"+version, say); err != nil {
		return "", "", fmt.Errorf("%s %s is no longer at %s and cannot be built: %w: name one with --binary", m.program, version, was, err)
	}
	return binary, version, nil
}
