package cgroup

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// hierarchy is where groups with a controller are made.
type hierarchy struct {
	two  bool   // of the second version
	base string // the group below which ours are made
}

// find looks where this process may make groups with a controller. proc is /proc/self.
func find(proc string, c Controller) (hierarchy, error) {
	mounts, err := os.ReadFile(filepath.Join(proc, "mountinfo"))
	if err != nil {
		return hierarchy{}, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	own, err := os.ReadFile(filepath.Join(proc, "cgroup"))
	if err != nil {
		return hierarchy{}, fmt.Errorf("%w: %w", ErrUnsupported, err)
	}
	var second []string
	for line := range strings.Lines(string(mounts)) {
		before, after, ok := strings.Cut(line, " - ")
		at, kind := strings.Fields(before), strings.Fields(after)
		if !ok || len(at) < 6 || len(kind) < 3 {
			continue
		}
		switch {
		case kind[0] == "cgroup" && slices.Contains(strings.Split(kind[2], ","), string(c)):
			return hierarchy{base: ours(string(own), string(c), at[3], at[4])}, nil
		case kind[0] == "cgroup2":
			second = append(second, at[4], ours(string(own), "", at[3], at[4]))
		}
	}
	if second == nil {
		return hierarchy{}, fmt.Errorf("%w: the controller %s is mounted nowhere", ErrUnsupported, c)
	}
	base, err := delegating(second[0], second[1], c)
	return hierarchy{two: true, base: base}, err
}

// ours is the directory of this process's own group in a hierarchy, of the second version
// if it is of no controller, of which root is mounted at a directory. It is the latter if
// the group lies outside what is mounted.
func ours(own, controller, root, mount string) string {
	for line := range strings.Lines(own) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) != 3 || !slices.Contains(strings.Split(f[1], ","), controller) {
			continue
		}
		below, inside := strings.CutPrefix(f[2], strings.TrimSuffix(root, "/"))
		dir := filepath.Join(mount, below)
		if _, err := os.Stat(dir); inside && err == nil {
			return dir
		}
	}
	return mount
}

// delegating is the nearest group, from one up to the mount, that may hand a
// controller of the second version down: one without processes of its own, or the root.
// Every group can be frozen.
func delegating(mount, group string, c Controller) (string, error) {
	if c == Freezer {
		if _, err := os.Stat(filepath.Join(group, "cgroup.procs")); err != nil {
			return "", fmt.Errorf("%w: %w", ErrUnsupported, err)
		}
		return group, nil
	}
	has, err := os.ReadFile(filepath.Join(mount, "cgroup.controllers"))
	if err != nil || !slices.Contains(strings.Fields(string(has)), string(c)) {
		return "", fmt.Errorf("%w: %s has no controller %s", ErrUnsupported, mount, c)
	}
	var last error
	for dir := group; ; dir = filepath.Dir(dir) {
		if last = write(filepath.Join(dir, "cgroup.subtree_control"), "+"+string(c)); last == nil {
			return dir, nil
		}
		if dir == mount || !strings.HasPrefix(dir, mount) {
			break
		}
	}
	if errors.Is(last, syscall.EBUSY) {
		last = fmt.Errorf("%w: processes in it stand in the way: start this in a group that is delegated to it, as systemd-run -p Delegate=yes does", last)
	}
	return "", refused(last)
}

// refused says of an error of the kernel's what to do.
func refused(err error) error {
	switch {
	case errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: %w: let them be written to, as --privileged does for a container", ErrUnsupported, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%w: %w: run it as root", ErrUnsupported, err)
	}
	return fmt.Errorf("%w: %w", ErrUnsupported, err)
}

// write writes to one of the kernel's files.
func write(file, text string) error {
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}

// field is the number that a file of lines "name number" tells of a name.
func field(file, name string) (int64, error) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		var n int64
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			_, err := fmt.Sscan(rest, &n)
			return n, err
		}
	}
	return 0, fmt.Errorf("%s does not tell %s", file, name)
}
