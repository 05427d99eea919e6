// Package guard undoes what a harness leaves behind on the machine when it is killed:
// processes, mounts, loop devices, cgroups, directories.
//
// What has to be undone is promised before it is done, in a journal that two others can
// read: a small process that outlives the harness by a moment, and, if that was killed
// too, the next harness (Sweep). Whoever undoes holds the journal's lock, so that no two
// of them are ever at it.
package guard

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

// Undo is one thing to undo. It is known again by what it was made from, since mount
// points, loop devices and the like are used again by others: whatever lies there that was
// not promised is let alone.
type Undo struct {
	// What is one of the constants below.
	What string
	// Of is a mark of processes, a mount point, a loop device, a cgroup or a path.
	Of string
	// From is, of a mount, what is mounted as the kernel lists it (a device, or the name of
	// a FUSE file system), and, of a loop device, its backing file; else "".
	From string
}

// What may have to be undone. Processes are killed first; then everything is undone in
// the reverse order of its promises.
const (
	Kill    = "kill"    // all processes that have this mark: a number, their limit of file locks
	Unmount = "unmount" // a mount point: for some seconds plainly, at last lazily
	Detach  = "detach"  // a loop device, from its file
	Leave   = "leave"   // a cgroup: it is thawed, its processes are killed, and it is removed
	Remove  = "remove"  // a file, or a directory with all that is in it, on one file system
)

// String is what errors say of it.
func (u Undo) String() string { return u.What + " " + u.Of }

// Guard is the promises of one harness.
type Guard struct {
	journal *journal
	cmd     *exec.Cmd
	told    strings.Builder // what the outliving process says in the end

	mu    sync.Mutex
	alive io.WriteCloser // the outliving process's standard input
	next  int
	open  map[Undo][]int // numbers in the journal of what was promised
	err   error
}

// Open starts the process that outlives this one, and a journal. What the journals of
// others hold is Sweep's to undo.
func Open() (*Guard, error) { return open(folder()) }

func open(folder string) (*Guard, error) {
	j, err := create(folder)
	if err != nil {
		return nil, fmt.Errorf("open guard: %w", err)
	}
	g := &Guard{journal: j, open: map[Undo][]int{}}
	g.cmd = j.undoing()
	g.cmd.Stdout = &g.told
	if g.alive, err = g.cmd.StdinPipe(); err == nil {
		err = g.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open guard: %w", err), j.discard())
	}
	return g, nil
}

// Promise says what will have to be undone, before it is done. It returns once it is
// certain that it will be, however this process ends.
func (g *Guard) Promise(u Undo) error {
	fields, err := u.fields()
	if err != nil {
		return fmt.Errorf("promise to %s: %w", u, err)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.err != nil {
		return g.err
	}
	g.next++
	g.open[u] = append(g.open[u], g.next)
	if err := g.journal.write("+", fmt.Sprint(g.next), fields...); err != nil {
		g.err = fmt.Errorf("promise to %s: %w", u, err)
	} else if _, err := io.WriteString(g.alive, "\n"); err != nil {
		g.err = fmt.Errorf("promise to %s: the process that outlives the harness is gone: %w", u, err)
	}
	return g.err
}

// Fulfilled takes back a promise: it is undone already.
func (g *Guard) Fulfilled(u Undo) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := g.open[u]; len(n) > 0 && g.journal != nil {
		g.journal.write("-", fmt.Sprint(n[len(n)-1])) // else it is undone a second time, which is harmless
		if g.open[u] = n[:len(n)-1]; len(g.open[u]) == 0 {
			delete(g.open, u)
		}
	}
}

// Close undoes what is still promised, and says what could not be undone: the next Sweep
// tries that again. It may be called twice.
func (g *Guard) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.journal == nil {
		return nil
	}
	defer func() { g.journal = nil }()
	if g.err == nil {
		g.err = errors.New("the guard is closed")
	}
	g.alive.Close()
	if err := g.cmd.Wait(); err != nil { // somebody killed it
		_, err := g.journal.undo()
		return err
	}
	_, err := told(g.told.String())
	g.journal.close()
	return err
}

// fields are what the journal says of it. Of a mount they end with how the kernel lists its
// place and its source.
func (u Undo) fields() ([]string, error) {
	if strings.ContainsAny(u.Of+u.From, "\t\n\r\\") {
		return nil, errors.New("names with tabs, line ends or backslashes cannot be promised: use another directory")
	}
	switch u.What {
	case Kill:
		if u.Of == "" || u.Of == "0" || strings.Trim(u.Of, "0123456789") != "" {
			return nil, errors.New("a mark is a number")
		}
		return []string{u.What, u.Of}, nil
	case Unmount, Detach:
		if u.From == "" {
			return nil, errors.New("it does not say from what it is, by which it is known again")
		}
	case Leave, Remove:
	default:
		return nil, errors.New("nobody knows how")
	}
	of := filepath.Clean(u.Of)
	if !filepath.IsAbs(of) || of == "/" {
		return nil, errors.New("that is not the absolute path of something")
	}
	if above, err := filepath.EvalSymlinks(filepath.Dir(of)); err == nil { // the kernel lists mounts without links
		of = filepath.Join(above, filepath.Base(of))
	}
	from := or(u.From, "-")
	space, sharp := strings.NewReplacer(" ", `\040`), strings.NewReplacer(" ", `\040`, "#", `\043`)
	return []string{u.What, of, from, space.Replace(of), sharp.Replace(from)}, nil
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

// undoing is the process that undoes what a journal holds once its standard input ends. It
// says on its standard output what it did.
func (j *journal) undoing() *exec.Cmd {
	cmd := exec.Command("/bin/sh", "-c", script, "usurper-guard", j.path)
	cmd.Dir = "/" // so that it keeps nothing busy
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.ExtraFiles = []*os.File{j.file, j.reader}
	return cmd
}
