package night

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/night/entry"
)

// What a run leaves in the folder that it works in, besides its run directory.
const (
	entryFile = "entry.json" // see Leave
	saidFile  = "said.txt"   // what it said of how it went
)

// Process makes runs, each in a process of its own, so that whatever becomes of one
// leaves the night and the others alone. No such process outlives this one.
type Process struct {
	// Argv is the usurper that is called, with what comes before its arguments.
	Argv []string
	// Memory bounds what a run and all that descends from it hold of memory of their own,
	// Disk what they write, both in bytes; 0 does not.
	Memory, Disk uint64

	once sync.Once
	self os.FileInfo // the program as it was when the first run began
}

const (
	// looks is how often a run's memory and disk are looked at.
	looks = 2 * time.Second
	// grace is how long a run that is interrupted may take to wind down, and one that hangs
	// to say where.
	grace      = 30 * time.Second
	stackGrace = 5 * time.Second
	// fullBelow is how many bytes a disk has left that is full.
	fullBelow = 1 << 20
)

// Run makes a run in an empty folder, work. It reports false, and nothing is known of the
// run, if ctx ended before the run did; unless it was invalid all the same.
func (p *Process) Run(ctx context.Context, j Job, work string) (entry.Entry, bool) {
	began := time.Now()
	e, err := p.make(ctx, j, work)
	e.Started, e.Elapsed = began, time.Since(began)
	if err != nil && e.Class != entry.Invalid { // which nothing masks
		e.Class, e.Why = entry.Broken, verdict.Printable(err.Error())
	}
	return e, ctx.Err() == nil || e.Class == entry.Invalid
}

// make returns the entry that the run left, or says why there is none that counts.
func (p *Process) make(ctx context.Context, j Job, work string) (e entry.Entry, err error) {
	said := filepath.Join(work, saidFile)
	args := append(slices.Clone(j.Args), "--results="+work, "--entry="+filepath.Join(work, entryFile))
	kills := oomKills()
	end, err := p.call(ctx, args, j.Cell.Bound, work, said)
	if err != nil {
		return e, fmt.Errorf("start a run: %w", err)
	}
	oom := oomKills() > kills
	e, left := readEntry(filepath.Join(work, entryFile))
	if lack := starved(&e, oom, end.full); left == nil && lack != "" {
		e.Class, e.Breaches = entry.Broken, nil
		return e, errors.New(lack + ": " + e.Why)
	}
	switch {
	case end.broken != nil:
		return e, end.broken
	case left == nil:
		return e, nil
	case !errors.Is(left, fs.ErrNotExist):
		return e, left
	}
	return e, p.why(end.exit, said, oom)
}

// starved says what members died of if all that a run found is that they did, which is no
// bug of theirs where the kernel kills for want of memory, the disk is full, or the
// machine has no thread or memory more for them.
func starved(e *entry.Entry, oom, full bool) string {
	if len(e.Breaches) == 0 {
		return ""
	}
	killed, refused := true, false
	for _, b := range e.Breaches {
		if b.Checker != "node-logs" {
			return ""
		}
		refused = refused || refusal.MatchString(b.Text)
		killed = killed && b.Rule == "a node died by itself" && strings.Contains(b.Text, "killed")
	}
	switch {
	case oom && killed:
		return "out of memory: the kernel killed processes meanwhile, a member among them"
	case full:
		return "out of disk: there was no room left meanwhile, and a member died"
	case refused:
		return "out of threads or memory: the machine refused a member some, and it died"
	}
	return ""
}

// refusal is in the last words of a process that the machine refused a thread or memory.
var refusal = regexp.MustCompile(`fatal error: (newosproc|runtime: (out of memory|cannot allocate memory))|unable to create (new )?native thread`)

// Work calls usurper for something that goes on until it is done or bound is over, in an
// empty folder, and waits for it. An error says why it is not done.
func (p *Process) Work(ctx context.Context, args []string, bound time.Duration, work string) error {
	said := filepath.Join(work, saidFile)
	end, err := p.call(ctx, args, bound, work, said)
	switch {
	case err != nil:
		return err
	case ctx.Err() != nil || end.exit == nil && end.broken == nil:
		return nil
	case end.broken != nil:
		return end.broken
	}
	return p.why(end.exit, said, false)
}

// ending is how a call of usurper ended.
type ending struct {
	broken error // why it was ended, nil if it was not
	exit   error // how it ended by itself
	full   bool  // the disk was, meanwhile
}

// call calls usurper in a process that dies with this one, and waits for it; what it says
// goes to a file.
func (p *Process) call(ctx context.Context, args []string, bound time.Duration, work, said string) (end ending, err error) {
	if err := p.unchanged(); err != nil {
		return end, err
	}
	out, err := os.Create(said)
	if err != nil {
		return end, err
	}
	defer out.Close()
	cmd := exec.Command(p.Argv[0], append(p.Argv[1:len(p.Argv):len(p.Argv)], args...)...)
	cmd.Stderr = out
	cmd.SysProcAttr = leashed()
	in, err := cmd.StdinPipe() // at whose end it knows that the night is gone
	if err != nil {
		return end, err
	}
	defer in.Close()
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		// A process dies with the thread that started it, which is to be this one's alone.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return end, err
	}
	return p.attend(ctx, cmd, bound, work, ended), nil
}

// unchanged makes sure that all runs are by one program: whoever builds another in its
// place would have half a night of each.
func (p *Process) unchanged() error {
	now, err := os.Stat(p.Argv[0])
	if err != nil {
		return fmt.Errorf("find the program of the runs: %w", err)
	}
	p.once.Do(func() { p.self = now })
	if !os.SameFile(p.self, now) || !p.self.ModTime().Equal(now.ModTime()) {
		return fmt.Errorf("%s has been replaced since the night began: end the night, and begin one with the new program", p.Argv[0])
	}
	return nil
}

// attend waits for a run to end, and ends it if it must.
func (p *Process) attend(ctx context.Context, cmd *exec.Cmd, limit time.Duration, work string, ended <-chan error) (e ending) {
	defer func() { e.full = e.full || free(work) < fullBelow }()
	look := time.NewTicker(looks)
	defer look.Stop()
	bound := time.NewTimer(limit)
	defer bound.Stop()
	for {
		select {
		case e.exit = <-ended:
			return e
		case <-ctx.Done():
			e.broken, e.exit = errors.New("the night was interrupted"), end(cmd, syscall.SIGTERM, grace, ended)
			return e
		case <-bound.C:
			e.broken, e.exit = fmt.Errorf("the run hangs: given up after %s", limit), end(cmd, syscall.SIGQUIT, stackGrace, ended)
			return e
		case <-look.C:
			e.full = e.full || free(work) < fullBelow
			if e.broken = p.over(cmd.Process.Pid, work); e.broken != nil {
				e.exit = end(cmd, syscall.SIGKILL, grace, ended)
				return e
			}
		}
	}
}

// end ends a process by a signal, and kills it if that does not do.
func end(cmd *exec.Cmd, sig syscall.Signal, within time.Duration, ended <-chan error) error {
	cmd.Process.Signal(sig)
	select {
	case exit := <-ended:
		return exit
	case <-time.After(within):
		cmd.Process.Kill()
		return <-ended
	}
}

// over tells whether a run takes more than it may.
func (p *Process) over(pid int, work string) error {
	if held := memory(pid); p.Memory > 0 && held > p.Memory {
		return fmt.Errorf("out of memory: the run and its members held %s, more than the %s that a run may", humanize.IBytes(held), humanize.IBytes(p.Memory))
	}
	if written := size(work); p.Disk > 0 && written > p.Disk {
		return fmt.Errorf("out of disk: the run wrote %s, more than the %s that a run may", humanize.IBytes(written), humanize.IBytes(p.Disk))
	}
	return nil
}

// why says what broke a run that left no entry.
func (p *Process) why(exit error, said string, oom bool) error {
	text := tail(said)
	switch crash := crashIn(text); {
	case crash != "":
		return errors.New("the run crashed: " + crash)
	case oom:
		return errors.New("out of memory: the kernel killed processes meanwhile, and the run ended without a result")
	}
	lines := strings.Split(strings.TrimSpace(text), "\n")
	last := strings.TrimPrefix(lines[len(lines)-1], "usurper: ")
	var status *exec.ExitError
	if errors.As(exit, &status) && status.Exited() && last != "" {
		return errors.New(last)
	}
	if exit == nil {
		return errors.New("the run ended well, but left no result")
	}
	return fmt.Errorf("the run ended without a result: %w", exit)
}

// crashIn finds what a Go program says when it crashes, "" if it does not.
func crashIn(text string) string {
	for line := range strings.Lines(text) {
		for _, sign := range []string{"panic: ", "fatal error: ", "runtime: out of memory"} {
			if strings.HasPrefix(line, sign) {
				return strings.TrimSpace(line)
			}
		}
	}
	return ""
}

// saidTail is how much of the end of what a run said is looked at.
const saidTail = 256 << 10

// tail is the end of a text file, as far as it can be read.
func tail(path string) string {
	f, err := os.Open(path)
	if err != nil {
		return ""
	}
	defer f.Close()
	if info, err := f.Stat(); err == nil && info.Size() > saidTail {
		f.Seek(-saidTail, io.SeekEnd)
	}
	text, _ := io.ReadAll(f)
	return string(bytes.ToValidUTF8(text, []byte("?")))
}

// size is how many bytes the files below a folder take.
func size(dir string) uint64 {
	var sum uint64
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil {
			return nil // it was removed meanwhile
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			sum += uint64(info.Size())
		}
		return nil
	})
	return sum
}

// Leash lets this process, which is a run's, end when the night that started it is gone:
// when its input ends. Whatever it started goes with it, as when it is killed.
func Leash(in io.Reader, exit func(status int)) {
	go func() {
		io.Copy(io.Discard, in)
		exit(2)
	}()
}

// Leave writes what became of a run to a file, for the night that it belongs to, whole or
// not at all.
func Leave(path string, e entry.Entry) error {
	text, err := json.Marshal(e)
	if err == nil {
		err = os.WriteFile(path+".new", append(text, '\n'), 0o644)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return fmt.Errorf("leave what became of the run: %w", err)
	}
	return nil
}

func readEntry(path string) (e entry.Entry, err error) {
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	if err == nil {
		err = validate(&e)
	}
	if err != nil {
		return entry.Entry{}, fmt.Errorf("read what became of the run: %w", err)
	}
	return e, nil
}
