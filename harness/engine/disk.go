package engine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/guard"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/text"
)

// DiskFaults lists the faults that break what a system must be able to rely on, so that a
// generated plan has them only if Config.DiskFaults names them.
func DiskFaults() []string {
	return []string{"bit-rot", "fail-sync", "fail-write", "lost-write", "short-write"}
}

// storage lists those faults of disks that a generated plan may have.
func (c *Config) storage() []string {
	able, _ := disk.Troubles(c.kind(), c.DiskEngine)
	usual := slices.DeleteFunc([]string{"slow-sync", "full"}, func(name string) bool { return !slices.Contains(able, name) })
	return append(usual, c.DiskFaults...)
}

// kind is what the data lies on.
func (c *Config) kind() disk.Kind {
	if c.Disk == "" {
		return disk.Plain
	}
	return c.Disk
}

// ownDisk is the kind of disk that each member has for itself, "" for none.
func (c *Config) ownDisk() string {
	if c.kind() == disk.Plain {
		return ""
	}
	return string(c.Disk)
}

// CheckDisk tells what is wrong with Disk, DiskEngine, DiskFaults and MachineFaults, among
// which may be that this machine has no such disk. Validate does so too.
func (c *Config) CheckDisk() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	c.checkDisk(bad)
	c.checkMachine(bad)
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
		if err := disk.Available(kind, c.DiskEngine); err != nil {
			bad("%w", err)
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

// unable tells of faults why the disks, or the machine, cannot do them, and what would.
func (c *Config) unable() map[string]string {
	why := maps.Clone(c.lacks())
	if len(c.keeps()) == 0 {
		why["power-failure"] = fmt.Sprintf("on --disk %s nothing loses its power: %s", c.kind(), needs(disk.Ext4, disk.XFS, disk.Btrfs))
	}
	able, _ := disk.Troubles(c.kind(), c.DiskEngine)
	all, _ := disk.Troubles(disk.FUSE, "")
	for _, name := range slices.DeleteFunc(all, func(name string) bool { return slices.Contains(able, name) }) {
		why[name] = fmt.Sprintf("on --disk %s no disk fails so: %s", c.kind(), needsTrouble(name))
	}
	return why
}

// needsTrouble says which disks would do for a fault by which they fail while they have power.
func needsTrouble(fault string) string {
	var ways, kinds []string
	if disk.Available(disk.FUSE, "") == nil {
		ways = append(ways, "--disk "+string(disk.FUSE))
	}
	for _, k := range disk.Kinds() {
		if can, below := disk.Troubles(k, disk.Block); below && slices.Contains(can, fault) && disk.Available(k, disk.Block) == nil {
			kinds = append(kinds, string(k))
		}
	}
	if len(kinds) > 0 {
		ways = append(ways, fmt.Sprintf("--disk %s with --disk-engine %s", oneOf(kinds), disk.Block))
	}
	if len(ways) == 0 {
		return needs(disk.FUSE)
	}
	return "use " + strings.Join(ways, ", or ")
}

// Needs says what a fault, by its first word, needs that not every run has: the flag that
// gives it, or why this machine has no such thing. It is "" for a fault that needs nothing.
func Needs(fault string) string {
	var plain Config
	why := plain.unable()[fault]
	if _, flag, ok := strings.Cut(why, "on --disk plain "); ok {
		_, flag, _ = strings.Cut(flag, ": ")
		return flag
	}
	return why
}

// needs says which disk would do, or why none is to be had here.
func needs(kinds ...disk.Kind) string {
	var able []string
	for _, k := range kinds {
		if disk.Available(k, "") == nil {
			able = append(able, string(k))
		}
	}
	if len(able) > 0 {
		return "use --disk " + oneOf(able)
	}
	why := disk.Available(kinds[0], "")
	if inner := errors.Unwrap(why); inner != nil { // without what kind it is about
		why = inner
	}
	return fmt.Sprintf("--disk %s is not available here: %v", oneOf(words(kinds)), why)
}

// oneOf lists words of which one will do.
func oneOf(words []string) string {
	last := len(words) - 1
	if last == 0 {
		return words[0]
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// keeps are the states in which disks may come back, none if nothing takes their power.
func (c *Config) keeps() []string { return disk.States(c.kind(), c.DiskEngine) }

// varies tells whether values vary in size, so that some of them can be torn, and that
// files are soon full of which members begin another then.
func (c *Config) varies() bool {
	return c.ValueSize == 0 && c.Own == nil && c.ownDisk() != ""
}

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
	undo, err := r.guarded()
	if err != nil {
		return err
	}
	r.disks, err = disk.Open(ctx, disk.Options{
		Kind:    r.cfg.kind(),
		Engine:  r.cfg.DiskEngine,
		Members: r.cfg.Names(),
		Mount:   func(member string) string { return mount[member] },
		Spill:   r.dir.String(),
		Seed:    r.cfg.Seed,
		Guard:   undo,
	})
	if err == nil && r.disks.Note() != "" {
		r.note("", r.disks.Note())
	}
	return err
}

// guarded returns what undoes the run's traces on the machine when the harness is killed.
func (r *run) guarded() (*guard.Guard, error) {
	var err error
	if r.guard == nil {
		r.guard, err = guard.Open()
	}
	return r.guard, err
}

// sweep undoes what harnesses left that were killed, and those too that were to undo it.
func (r *run) sweep() {
	undone, err := guard.Sweep()
	if len(undone) > 0 {
		r.note("", fmt.Sprintf("what a killed harness had left is undone, %s, such as: %s", count.Many(len(undone), "thing"), undone[0]))
	}
	if err != nil {
		r.note("", "what a harness left that was killed is still there: "+err.Error())
	}
}

// volume is the disk of a member, nil if it has none of its own.
func (r *run) volume(name string) disk.Volume {
	if r.disks == nil {
		return nil
	}
	return r.disks.Volume(name)
}

// volumes are the disks of all members that have one of their own.
func (r *run) volumes() map[string]disk.Volume {
	all := make(map[string]disk.Volume)
	for _, name := range r.cfg.Names() {
		if v := r.volume(name); v != nil {
			all[name] = v
		}
	}
	return all
}

// dataDir is where the data of a member goes.
func (r *run) dataDir(name string) string {
	if v := r.volume(name); v != nil {
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
	if v := r.volume(name); v != nil {
		return v.Settle()
	}
	return nil
}

// eachDisk does something with all disks at once.
func (r *run) eachDisk(do func(name string, v disk.Volume) error) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var errs []error
	for name, v := range r.volumes() {
		wg.Go(func() {
			if err := do(name, v); err != nil {
				mu.Lock()
				defer mu.Unlock()
				errs = append(errs, fmt.Errorf("the disk of %s: %w", name, err))
			}
		})
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
// thing that is left.
func (r *run) closeDisks(v checker.Verdict) (left []string) {
	var errs []error
	if r.disks != nil {
		if v != checker.Valid || r.cfg.KeepData {
			errs = append(errs, r.eachDisk(func(name string, v disk.Volume) error {
				return disk.Aside(func() error {
					return copyTree(r.dir.Path(results.NodesDir, name, dataName), v.Dir(), maxKept)
				})
			}))
		}
		errs = append(errs, r.disks.Close())
		for _, name := range r.cfg.Names() {
			os.Remove(r.dir.Path(results.NodesDir, name, diskName)) // if it is empty
			os.Remove(r.dir.Path(results.NodesDir, name))
		}
	}
	if r.guard != nil {
		errs = append(errs, r.guard.Close())
	}
	if err := errors.Join(errs...); err != nil {
		left = strings.Split(err.Error(), "\n")
	}
	return left
}
