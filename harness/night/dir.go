package night

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/usurper/usurper/harness/night/entry"
)

// What a night's directory holds besides what package entry says, and the directories of
// the runs that are kept.
const (
	planFile = "plan.json"
	workDir  = "under-way" // where runs go on; of no worth once they have ended
	latest   = "latest"
)

// resumable is how long after its beginning a night that was killed may go on. After that
// the same command means another night.
const resumable = 24 * time.Hour

// Night is a night, or a shard of one, that goes on in this process alone.
type Night struct {
	Plan Plan
	// Dir is the directory of the night.
	Dir string
	// Resumed says that it was begun by another process.
	Resumed bool

	facts   entry.Facts
	entries []entry.Entry
	known   int          // how many of them are of before
	gauge   *gauge       // how many runs go on side by side, unless the plan says so
	done    map[int]bool // the numbers of the plan that have an entry
	log     *entry.Log
	lock    *os.File
}

// Open begins a night below a folder, or goes on with the one that the same program was
// asked for by the same command there and that has not ended: not by its plan, not by
// the clock, and begun no longer than a day ago unless it has a name. A night that is under way in another
// process is an error.
func Open(root string, r Request, now time.Time) (*Night, error) {
	if err := r.Validate(); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(root, 0o755); err != nil {
		return nil, fmt.Errorf("make the folder of nights: %w", err)
	}
	n, err := resume(root, &r, now)
	if n == nil && err == nil {
		n, err = begin(root, r, now)
	}
	if err != nil {
		return nil, err
	}
	if err := n.load(); err != nil {
		n.Close()
		return nil, fmt.Errorf("go on with a night: %w: mend that, or move %s away to begin another", err, n.Dir)
	}
	Point(root, latest, filepath.Base(n.Dir))
	return n, nil
}

// resume returns the night that the request means, nil if there is none.
func resume(root string, r *Request, now time.Time) (*Night, error) {
	plans, err := filepath.Glob(filepath.Join(quoteGlob(root), "*", planFile))
	if err != nil {
		return nil, err
	}
	slices.Sort(plans)
	for _, path := range slices.Backward(plans) {
		dir := filepath.Dir(path)
		if info, err := os.Lstat(dir); err != nil || !info.IsDir() { // "latest"
			continue
		}
		p, err := readPlan(path)
		if err != nil || !same(&p.Request, r) || r.name() == "" && now.Sub(p.Begun) > resumable || !p.Limit.IsZero() && !now.Before(p.Limit) {
			continue // one that cannot be read is left alone
		}
		if facts, err := entry.ReadFacts(dir); err == nil && !facts.Ended.IsZero() {
			continue
		}
		lock, err := hold(dir)
		if err != nil {
			return nil, err
		}
		return &Night{Plan: p, Dir: dir, Resumed: true, lock: lock}, nil
	}
	return nil, nil
}

// begin makes the directory of a new night, with its plan in it from the first moment on.
func begin(root string, r Request, now time.Time) (*Night, error) {
	temp, err := os.MkdirTemp(root, ".night-*")
	if err != nil {
		return nil, fmt.Errorf("begin a night: %w", err)
	}
	defer os.RemoveAll(temp) // of no effect once it is renamed
	if err := os.Chmod(temp, 0o755); err != nil {
		return nil, fmt.Errorf("begin a night: %w", err)
	}
	lock, err := hold(temp)
	if err != nil {
		return nil, err
	}
	for k := 0; ; k++ {
		p := r.plan(now, k)
		dir := filepath.Join(root, p.folder())
		if _, err := os.Lstat(dir); err == nil {
			if r.name() != "" {
				lock.Close()
				return nil, taken(dir, &r)
			}
			continue
		}
		p.Favour = favours(Earlier(root, p.Night))
		if err := writePlan(temp, p); err != nil {
			lock.Close()
			return nil, fmt.Errorf("begin a night: %w", err)
		}
		err := os.Rename(temp, dir)
		if errors.Is(err, fs.ErrExist) || errors.Is(err, syscall.ENOTEMPTY) {
			continue // somebody else has just begun one
		}
		if err != nil {
			lock.Close()
			return nil, fmt.Errorf("begin a night: %w", err)
		}
		return &Night{Plan: p, Dir: dir, lock: lock}, nil
	}
}

// plan is that of the k-th night, from 0, that begins on a day by this request; k is of no
// effect on one that has a name.
func (r *Request) plan(now time.Time, k int) Plan {
	p := Plan{Format: planFormat, Night: r.name(), Seed: r.Seed, Begun: now, Limit: r.limit(now), Request: *r}
	switch {
	case p.Night == "":
		p.Night = name(now, k)
		if p.Seed == 0 {
			p.Seed = DaySeed(now, k)
		}
	case p.Seed == 0:
		p.Seed = NameSeed(p.Night)
	}
	return p
}

// taken says why the night of a name cannot go on in its directory.
func taken(dir string, r *Request) error {
	p, err := readPlan(filepath.Join(dir, planFile))
	facts, _ := entry.ReadFacts(dir) // of one that was killed at once there are none
	why := "its time is over"
	switch {
	case err != nil:
		why = err.Error()
	case !same(&p.Request, r):
		why = "it was asked for by another command, or of another build"
	case !facts.Ended.IsZero():
		why = "it has ended"
	}
	return fmt.Errorf("there is a night of this name in %s, which cannot go on: %s: give another --name or --seed, or other --results", dir, why)
}

// load reads what the night has done so far, and clears away what was in the midst of it.
func (n *Night) load() error {
	n.done, n.gauge = make(map[int]bool), newGauge(runtime.GOMAXPROCS(0))
	path := filepath.Join(n.Dir, entry.LogFile)
	var err error
	if n.log, err = entry.Open(path); err != nil {
		return err
	}
	err = entry.Read(path, func(e entry.Entry) error {
		n.entries = append(n.entries, e)
		n.gauge.take(&e, false)
		if e.Control == "" {
			n.done[e.Number] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	n.known = len(n.entries)
	if err := n.clear(); err != nil {
		return err
	}
	n.settle()
	return nil
}

// clear removes what goes on in the night, or did when it was killed: members may write to
// it until they are ended too.
func (n *Night) clear() error {
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err := os.RemoveAll(filepath.Join(n.Dir, workDir))
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("clear away what was left of interrupted runs: %w", err)
		}
	}
}

// settle makes the facts of what the plan says.
func (n *Night) settle() {
	n.facts = entry.Facts{}
	p, f, s := &n.Plan, &n.facts, n.Plan.Shard.whole()
	f.Night, f.Seed, f.Begun, f.Command = p.Night, p.Seed, p.Begun, p.Command
	f.Shard, f.Shards, f.Runs, f.Failures, f.MaxUnknown = s.I, s.N, p.share(), p.Failures, p.MaxUnknown
	if !p.Limit.IsZero() {
		f.For = p.Limit.Sub(p.Begun)
	}
	f.Cells = p.cells()
}

// Facts are what is known of the night besides its runs.
func (n *Night) Facts() entry.Facts { return n.facts }

// Entries are the runs of the night so far, which nobody may change.
func (n *Night) Entries() []entry.Entry { return n.entries }

// Close lets go of the night.
func (n *Night) Close() error {
	var err error
	if n.log != nil {
		err = n.log.Close()
	}
	return errors.Join(err, n.lock.Close())
}

// patience is how long a killed night's lock and processes may outlive it: one that was
// just being started shares the lock until it is another program.
const patience = 3 * time.Second

// hold takes the lock of a night, which ends with this process, and is no other's.
func hold(dir string) (*os.File, error) {
	path := filepath.Join(dir, entry.LockFile)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open a night: %w", err)
	}
	for end := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) || time.Now().After(end) {
			break
		}
	}
	if errors.Is(err, syscall.EWOULDBLOCK) {
		pid, _ := os.ReadFile(path)
		f.Close()
		return nil, fmt.Errorf("the night %s is under way (process %s): wait for it, or end that process first", dir, strings.TrimSpace(string(pid)))
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteString(strconv.Itoa(os.Getpid()) + "\n")
	}
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("lock the night %s: %w", dir, err)
	}
	return f, nil
}

func writePlan(dir string, p Plan) error {
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, planFile), append(text, '\n'), 0o644)
}

func readPlan(path string) (p Plan, err error) {
	text, err := os.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err == nil && p.Format > planFormat {
		err = fmt.Errorf("format %d is newer than this usurper, which knows %d: use a newer one", p.Format, planFormat)
	}
	if err != nil {
		return p, fmt.Errorf("read the plan of a night %s: %w", path, err)
	}
	return p, nil
}

// Point makes a link in a folder, or turns the one that is there. Where links cannot be
// had there is none.
func Point(dir, link, to string) {
	temp, err := os.MkdirTemp(dir, "."+link+"-*")
	if err != nil {
		return
	}
	defer os.RemoveAll(temp)
	next := filepath.Join(temp, link)
	if os.Symlink(to, next) == nil {
		os.Rename(next, filepath.Join(dir, link)) // or there is none
	}
}

// quoteGlob lets a path mean itself in a pattern.
func quoteGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "?", `\?`, "[", `\[`).Replace(path)
}
