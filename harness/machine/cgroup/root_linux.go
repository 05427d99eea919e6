package cgroup

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"github.com/usurper/usurper/harness/guard"
)

// Root is where the groups of a run are.
type Root struct {
	name     string
	promises Promises
	where    map[Controller]hierarchy
	lacks    map[Controller]error

	mu     sync.Mutex
	groups map[string]*Group
	made   []string // directories, in order
}

// Open finds out what can be had. The name, which is to be the run's alone, names its groups; promises
// may be nil. Nothing is made yet.
func Open(name string, promises Promises) *Root { return open("/proc/self", name, promises) }

func open(proc, name string, promises Promises) *Root {
	r := &Root{
		name: "usurper-" + name, promises: promises, groups: make(map[string]*Group),
		where: make(map[Controller]hierarchy), lacks: make(map[Controller]error),
	}
	for _, c := range Controllers() {
		h, err := find(proc, c)
		if err == nil {
			err = tried(h, r.name, c)
		}
		if r.where[c] = h; err != nil {
			delete(r.where, c)
			r.lacks[c] = err
		}
	}
	return r
}

// tried makes a group, and removes it.
func tried(h hierarchy, name string, c Controller) error {
	dir := filepath.Join(h.base, name+"-tried")
	if err := os.Mkdir(dir, 0o755); err != nil && !errors.Is(err, os.ErrExist) {
		return refused(err)
	}
	defer os.Remove(dir)
	file := map[Controller][2]string{
		CPU: {"cpu.cfs_quota_us", "cpu.max"}, Memory: {"memory.limit_in_bytes", "memory.max"}, Freezer: {"freezer.state", "cgroup.freeze"},
	}[c]
	name = file[0]
	if h.two {
		name = file[1]
	}
	if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("%w: the kernel lacks it: %w", ErrUnsupported, err)
	}
	return nil
}

// Available tells why a controller cannot be had, nil if it can.
func (r *Root) Available(c Controller) error { return r.lacks[c] }

// Group is a member's, made when it is first asked for.
func (r *Root) Group(member string) (*Group, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if g := r.groups[member]; g != nil {
		return g, nil
	}
	g := &Group{where: make(map[Controller]place)}
	for c, h := range r.where {
		run := filepath.Join(h.base, r.name)
		dir := filepath.Join(run, member)
		for _, d := range []string{run, dir} {
			if err := r.makeLocked(d); err != nil {
				return nil, fmt.Errorf("make the group of %s: %w", member, err)
			}
			if h.two && d == run && c != Freezer {
				if err := write(filepath.Join(d, "cgroup.subtree_control"), "+"+string(c)); err != nil {
					return nil, fmt.Errorf("make the group of %s: %w", member, err)
				}
			}
		}
		g.where[c] = place{dir: dir, two: h.two}
	}
	r.groups[member] = g
	return g, nil
}

func (r *Root) makeLocked(dir string) error {
	if r.promises != nil {
		if _, err := os.Stat(dir); err == nil {
			return nil
		}
		if err := r.promises.Promise(guard.Undo{What: guard.Leave, Of: dir}); err != nil {
			return err
		}
	}
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, os.ErrExist) {
		return nil // another controller's, in the same hierarchy
	}
	if err == nil {
		r.made = append(r.made, dir)
	}
	return err
}

// Close thaws all groups and removes them. What still lives in one goes on, in the
// group of this process.
func (r *Root) Close() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var failed error
	for _, g := range r.groups {
		failed = errors.Join(failed, g.thaw(), g.evacuate())
	}
	r.groups = make(map[string]*Group)
	for i := len(r.made) - 1; i >= 0; i-- {
		dir := r.made[i]
		if err := removed(dir); err != nil {
			failed = errors.Join(failed, fmt.Errorf("remove a control group: %w", err))
			continue
		}
		if r.promises != nil {
			r.promises.Fulfilled(guard.Undo{What: guard.Leave, Of: dir})
		}
	}
	r.made = nil
	return failed
}

// removed removes a group, once processes that are just ending have left it.
func removed(dir string) error {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	for {
		err := os.Remove(dir)
		if err == nil || errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if !errors.Is(err, syscall.EBUSY) || ctx.Err() != nil {
			return err
		}
		time.Sleep(5 * time.Millisecond)
	}
}
