package serve

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	nights "github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/results"
)

// index knows the runs and nights below a directory. It looks anew when somebody asks,
// in a goroutine of its own, and keeps what it has read of what has not changed.
type index struct {
	root *os.Root
	ask  chan struct{}

	mu      sync.Mutex
	entries map[string]*entry // by path
	going   chan struct{}     // closed when the scan that is going on ends; nil: none is
	found   int               // by that scan, so far
	whole   bool              // a scan has ended
	last    time.Time         // when
	failed  error             // why it could not read the directory itself
}

// Bounds of the index.
const (
	maxDepth   = 5
	maxEntries = 200_000
	fresh      = time.Second            // what was read is not read anew for so long
	patience   = 150 * time.Millisecond // how long an answer waits for a scan
)

func newIndex(root *os.Root) *index {
	return &index{root: root, ask: make(chan struct{}, 1), entries: make(map[string]*entry)}
}

// keep scans at once, and whenever it is asked to.
func (x *index) keep(ctx context.Context) {
	for {
		x.scan(ctx)
		select {
		case <-ctx.Done():
			return
		case <-x.ask:
		}
	}
}

// listing is what the index can say now.
type listing struct {
	entries []*entry
	whole   bool // all that there is
	failed  error
}

// now returns what is known, after a look at what is new, unless that takes long.
func (x *index) now(ctx context.Context) listing {
	x.mu.Lock()
	stale := time.Since(x.last) > fresh
	x.mu.Unlock()
	if stale {
		select {
		case x.ask <- struct{}{}:
		default:
		}
	}
	end := time.Now().Add(patience)
	for stale && ctx.Err() == nil && time.Now().Before(end) {
		x.mu.Lock()
		going := x.going
		stale = time.Since(x.last) > fresh
		x.mu.Unlock()
		if going == nil { // it has yet to begin, or has just ended
			time.Sleep(time.Millisecond)
			continue
		}
		select {
		case <-going:
		case <-time.After(time.Until(end)):
		}
	}
	x.mu.Lock()
	defer x.mu.Unlock()
	l := listing{whole: x.whole, failed: x.failed, entries: make([]*entry, 0, len(x.entries))}
	for _, e := range x.entries {
		l.entries = append(l.entries, e)
	}
	return l
}

// scan walks the directory, the newest runs first.
func (x *index) scan(ctx context.Context) {
	going := make(chan struct{})
	x.mu.Lock()
	x.going, x.found = going, 0
	x.mu.Unlock()
	seen := make(map[string]bool)
	err := x.walk(ctx, ".", 0, seen)
	x.mu.Lock()
	defer x.mu.Unlock()
	if ctx.Err() == nil {
		for p := range x.entries {
			if !seen[p] {
				delete(x.entries, p)
			}
		}
		x.whole, x.last, x.failed = true, time.Now(), err
	}
	x.going = nil
	close(going)
}

// walk looks at one directory. Links are not followed: "latest" is no run of its own.
func (x *index) walk(ctx context.Context, dir string, depth int, seen map[string]bool) error {
	info, err := x.root.Lstat(dir)
	if err != nil {
		return err
	}
	if dir != "." && x.known(dir, info, seen) {
		return nil
	}
	list, err := fs.ReadDir(x.root.FS(), dir)
	if err != nil {
		return err
	}
	has := func(names ...string) bool {
		return slices.ContainsFunc(list, func(e fs.DirEntry) bool { return slices.Contains(names, e.Name()) })
	}
	switch {
	case has(results.HistoryFile, results.PackedFile, results.ZstdFile, results.VerdictFile):
		x.add(readRun(x.root, dir, info), seen)
		return nil
	case has(nights.LogFile):
		x.add(readNight(x.root, dir, info), seen)
	}
	if depth == maxDepth {
		return nil
	}
	for i := len(list) - 1; i >= 0 && ctx.Err() == nil && len(seen) < maxEntries; i-- {
		if name := list[i].Name(); list[i].IsDir() && !strings.HasPrefix(name, ".") && fs.ValidPath(path.Join(dir, name)) {
			x.walk(ctx, path.Join(dir, name), depth+1, seen) // of those below, one that cannot be read is none
		}
	}
	return nil
}

// known tells whether what is known of a run still holds.
func (x *index) known(dir string, info fs.FileInfo, seen map[string]bool) bool {
	x.mu.Lock()
	e := x.entries[dir]
	x.mu.Unlock()
	if e == nil || e.Night || !e.changed.Equal(info.ModTime()) {
		return false
	}
	if !e.settled() {
		changed := *e
		changed.look(x.root)
		e = &changed
	}
	x.add(e, seen)
	return true
}

func (x *index) add(e *entry, seen map[string]bool) {
	seen[e.Path] = true
	x.mu.Lock()
	defer x.mu.Unlock()
	x.entries[e.Path] = e
	x.found++
}

// run returns what is known of one run, read now.
func (x *index) run(dir string) (*entry, error) {
	info, err := x.root.Lstat(dir)
	if err != nil {
		return nil, err
	}
	if !info.IsDir() {
		return nil, errNoFile
	}
	for _, name := range []string{results.HistoryFile, results.PackedFile, results.ZstdFile, results.VerdictFile} {
		if _, err := x.root.Lstat(path.Join(dir, name)); err == nil {
			return readRun(x.root, dir, info), nil
		} else if !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return nil, errNoRun
}
