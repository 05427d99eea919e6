package system

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/disk"
)

// use is what a member makes of its disk.
type use struct {
	empty     bool   // nothing is on it
	unused    bool   // its processes wrote nothing to it, but to files elsewhere
	elsewhere string // says which files they have open there to write to; "" for none
}

// settled is how long a process may take for what it writes once, such as its
// configuration.
const settled = time.Second

// behind is how much later than a file elsewhere one on the disk may be written, by a member that
// writes to both by turns, on a busy machine.
const behind = 2 * time.Second

// used tells what a member makes of its disk.
func (s *system) used(name string) use {
	return useOf(s.disks[name].Dir(), s.cluster.Processes()[name])
}

// useOf tells what processes make of a directory on a disk. Who opens a file for each write holds none,
// and is not said to write elsewhere as long as anything on the disk was written since it
// began to run.
func useOf(dir string, pids []int) (u use) {
	o := open{disk: dir, beside: filepath.Dir(filepath.Dir(dir))}
	var on time.Time
	_ = disk.Aside(func() error {
		on = newest(dir)
		for _, pid := range pids {
			o.look(pid)
		}
		return nil
	})
	u.empty = on.IsZero()
	if len(o.files) == 0 {
		return u
	}
	slices.Sort(o.files)
	u.elsewhere = fmt.Sprintf("writes to %s, which is not on its disk", o.files[0])
	if n := len(o.files); n > 1 {
		u.elsewhere = fmt.Sprintf("writes to %d files that are not on its disk, the first of them %s", n, o.files[0])
	}
	begun := began(pids).Add(settled)
	u.unused = !o.onDisk && !on.After(begun) && o.newest.After(begun.Add(behind))
	return u
}

// open is what processes have open to write to.
type open struct {
	disk, beside string // the member's directory on its disk; that in which the harness has what it reads of the member

	onDisk bool     // there is such a file on the disk
	files  []string // those elsewhere that hold anything
	newest time.Time
}

// look takes the files of a process.
func (o *open) look(pid int) {
	proc := filepath.Join("/proc", strconv.Itoa(pid))
	fds, _ := os.ReadDir(filepath.Join(proc, "fd")) // it may be gone
	for _, fd := range fds {
		link := filepath.Join(proc, "fd", fd.Name())
		how, err := os.Lstat(link)
		if err != nil || how.Mode()&0o200 == 0 { // it is only read
			continue
		}
		if path, err := os.Readlink(link); err == nil {
			o.file(link, path)
		}
	}
	maps, _ := os.ReadFile(filepath.Join(proc, "maps"))
	for line := range strings.Lines(string(maps)) {
		if f := strings.Fields(line); len(f) > 5 && strings.HasPrefix(f[1], "rw") && strings.HasSuffix(f[1], "s") {
			o.onDisk = o.onDisk || within(f[5], o.disk)
		}
	}
}

// file takes one. What has no name any more, is memory or the kernel's, and what the harness
// reads of the member keeps no data.
func (o *open) file(link, path string) {
	info, err := os.Stat(link)
	switch {
	case err != nil || !info.Mode().IsRegular():
	case within(path, o.disk):
		o.onDisk = true
	case info.Size() == 0 || strings.HasSuffix(path, " (deleted)") || filepath.Dir(path) == o.beside:
	case slices.ContainsFunc([]string{"/dev", "/proc", "/sys"}, func(dir string) bool { return within(path, dir) }):
	case !slices.Contains(o.files, path):
		o.files = append(o.files, path)
		if info.ModTime().After(o.newest) {
			o.newest = info.ModTime()
		}
	}
}

func within(path, dir string) bool { return path == dir || strings.HasPrefix(path, dir+"/") }

// newest is when the files below a directory that hold anything were last written to; zero
// if there is none.
func newest(dir string) (at time.Time) {
	_ = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil && info.Size() > 0 && info.ModTime().After(at) {
			at = info.ModTime()
		}
		return nil
	})
	return at
}

// began is when the first of some processes began to run; now if nobody tells.
func began(pids []int) (at time.Time) {
	up, _ := os.ReadFile("/proc/uptime")
	seconds, _, _ := strings.Cut(string(up), " ")
	uptime, err := strconv.ParseFloat(seconds, 64)
	at = time.Now()
	now := at
	for _, pid := range pids {
		stat, _ := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
		_, rest, _ := strings.Cut(string(stat), ") ")
		f := strings.Fields(rest)
		if err != nil || len(f) < 20 {
			return now
		}
		ticks, bad := strconv.ParseFloat(f[19], 64)
		if bad != nil {
			return now
		}
		if t := now.Add(-time.Duration((uptime - ticks/clockTicks) * float64(time.Second))); t.Before(at) {
			at = t
		}
	}
	return at
}

// clockTicks is how many of the kernel's ticks a program sees a second.
const clockTicks = 100
