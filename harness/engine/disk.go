package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/text"
)

// DiskFaults lists the faults that break what a system must be able to rely on, so that a
// generated plan has them only if Config.DiskFaults names them.
func DiskFaults() []string { return []string{"bit-rot", "fail-sync", "lost-write", "short-write"} }

// onFiles are the faults of single operations on files.
func onFiles() []string {
	return []string{"slow-sync", "fail-sync", "fail-write", "full", "short-write", "lost-write"}
}

// kind is what the data lies on.
func (c *Config) kind() disk.Kind {
	if c.Disk == "" {
		return disk.Plain
	}
	return c.Disk
}

// CheckDisk tells what is wrong with Disk, DiskEngine and DiskFaults, among which may be
// that this machine has no such disk. Validate does so too.
func (c *Config) CheckDisk() error {
	var errs []error
	c.checkDisk(func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) })
	return errors.Join(errs...)
}

// checkDisk tells what is wrong with the disks, whatever the plan is.
func (c *Config) checkDisk(bad func(format string, args ...any)) {
	kind, kinds := c.kind(), words(disk.Kinds())
	if !slices.Contains(disk.Kinds(), kind) {
		bad("a disk %q%s: use one of %s", kind, text.DidYouMean(string(kind), kinds), strings.Join(kinds, ", "))
		return
	}
	switch engines := words(disk.Engines(kind)); {
	case c.DiskEngine == "" || slices.Contains(engines, string(c.DiskEngine)):
		if err := available(kind, c.DiskEngine); err != nil {
			bad("--disk %s is not available: %w", kind, err)
		}
	case len(engines) == 0:
		bad("a disk engine %q for --disk %s, which loses no power: leave it out, or use --disk %s", c.DiskEngine, kind, disk.Ext4)
	default:
		bad("a disk engine %q for --disk %s%s: use %s", c.DiskEngine, kind, text.DidYouMean(string(c.DiskEngine), engines), strings.Join(engines, " or "))
	}
	for _, name := range c.DiskFaults {
		if !slices.Contains(DiskFaults(), name) {
			bad("a disk fault %q%s: use some of %s", name, text.DidYouMean(name, DiskFaults()), strings.Join(DiskFaults(), ", "))
		} else if why := c.unable()[name]; why != "" {
			bad("the disk fault %s: %s", name, why)
		}
	}
}

// words are what people write for values.
func words[T ~string](values []T) (all []string) {
	for _, v := range values {
		all = append(all, string(v))
	}
	return all
}

// unable tells of faults why the disks cannot do them, and which would.
func (c *Config) unable() map[string]string {
	why := make(map[string]string)
	if len(c.keeps()) == 0 {
		why["power-failure"] = fmt.Sprintf("on --disk %s nothing loses its power: %s", c.kind(), needs(disk.Ext4, disk.XFS, disk.Btrfs))
	}
	for _, name := range onFiles() {
		if c.kind() != disk.FUSE {
			why[name] = fmt.Sprintf("on --disk %s single operations on files do not fail: %s", c.kind(), needs(disk.FUSE))
		}
	}
	return why
}

// needs says which disk would do, or why none is to be had here.
func needs(kinds ...disk.Kind) string {
	var able []string
	for _, k := range kinds {
		if available(k, "") == nil {
			able = append(able, string(k))
		}
	}
	if len(able) > 0 {
		return "use --disk " + strings.Join(able, " or ")
	}
	return fmt.Sprintf("it needs --disk %s, which is not available here: %v", strings.Join(words(kinds), " or "), available(kinds[0], ""))
}

// keeps are the states in which disks may come back, none if nothing takes their power.
func (c *Config) keeps() []string { return disk.States(c.kind(), c.DiskEngine) }

// open makes the disks.
func open(context.Context, disk.Options) (map[string]disk.Volume, error) { return nil, nil }

// available tells why there are no such disks on this machine.
func available(disk.Kind, disk.Engine) error { return nil }

// Of a member's folder in the run directory: where its data is, and where its disk is
// mounted if it has one of its own, of which the data is copied there in the end.
const (
	dataName = "data"
	diskName = "disk"
)

// openDisks gives each member a disk of its own, if the run is to have such. What a
// harness left that was killed is cleared away before that.
func (r *run) openDisks(ctx context.Context) error {
	if r.cfg.kind() == disk.Plain {
		return nil
	}
	mount := make(map[string]string)
	for _, name := range r.cfg.Names() {
		path, err := filepath.Abs(r.dir.Path(results.NodesDir, name, diskName))
		if err == nil {
			err = os.MkdirAll(path, 0o755)
		}
		if err != nil {
			return fmt.Errorf("lay out the disk of %s: %w", name, err)
		}
		mount[name] = path
	}
	var err error
	r.disks, err = open(ctx, disk.Options{
		Kind:    r.cfg.kind(),
		Engine:  r.cfg.DiskEngine,
		Members: r.cfg.Names(),
		Mount:   func(member string) string { return mount[member] },
		Spill:   r.dir.String(),
	})
	return err
}

// dataDir is where the data of a member goes.
func (r *run) dataDir(name string) string {
	if v := r.disks[name]; v != nil {
		return v.Dir()
	}
	return r.dir.Path(results.NodesDir, name, dataName)
}

// settleDisks has all that members keep so far reach their disks: a power failure that
// came sooner than any real one would take the very directory.
func (r *run) settleDisks() error {
	return r.eachDisk(func(name string, v disk.Volume) error { return v.Settle() })
}

func (r *run) settleDisk(name string) error {
	if v := r.disks[name]; v != nil {
		return v.Settle()
	}
	return nil
}

// eachDisk does something with all disks at once.
func (r *run) eachDisk(do func(name string, v disk.Volume) error) error {
	names := r.cfg.Names()
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		if v := r.disks[name]; v != nil {
			wg.Go(func() {
				if err := do(name, v); err != nil {
					errs[i] = fmt.Errorf("the disk of %s: %w", name, err)
				}
			})
		}
	}
	wg.Wait()
	return errors.Join(errs...)
}

// spoil ends the run: the history says why, and that nothing follows from what comes next.
func (r *run) spoil(why error) {
	r.spoilt.Store(true)
	r.cancel(why)
}

// closeDisks removes the disks, once all members have ended. What they hold goes into the
// run directory, as far as a run with this verdict keeps it. It returns a line for each
// disk of which something is left.
func (r *run) closeDisks(v checker.Verdict) (left []string) {
	if len(r.disks) == 0 {
		return nil
	}
	keep := v != checker.Valid || r.cfg.KeepData
	err := r.eachDisk(func(name string, v disk.Volume) error {
		var err error
		if keep {
			err = copyTree(r.dir.Path(results.NodesDir, name, dataName), v.Dir(), maxKept)
		}
		err = errors.Join(err, v.Close())
		os.Remove(r.dir.Path(results.NodesDir, name, diskName)) // if it is empty
		os.Remove(r.dir.Path(results.NodesDir, name))
		return err
	})
	if err != nil {
		left = strings.Split(err.Error(), "\n")
	}
	return left
}
