package serve

import (
	"os"
	"path"
	"time"

	nights "github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/results"
)

// Where locks tell nothing, what grew within such a time is taken to be under way: the
// history of a run, the log of a night, whose runs may be long.
const (
	quietFor      = time.Minute
	nightQuietFor = 30 * time.Minute
)

// goesOn tells whether a run without verdict is under way, which its process says by a lock.
// Of a run of an older usurper, of another machine, or where there are no locks, it is a
// guess.
func goesOn(root *os.Root, dir string) bool {
	if held, known := lockOf(root, path.Join(dir, results.HeldFile), results.IsHeld); known {
		return held
	}
	return grew(root, path.Join(dir, results.HistoryFile), quietFor)
}

// nightGoesOn is goesOn for a night, of which unended says that it has yet to end by its own
// word.
func nightGoesOn(root *os.Root, dir string, unended bool) bool {
	if held, known := lockOf(root, path.Join(dir, nights.LockFile), results.IsLocked); known {
		return held
	}
	return unended && grew(root, path.Join(dir, nights.LogFile), nightQuietFor)
}

func lockOf(root *os.Root, name string, ask func(*os.File) (held, known bool)) (held, known bool) {
	f, _, err := open(root, name)
	if err != nil {
		return false, false
	}
	defer f.Close()
	return ask(f)
}

func grew(root *os.Root, name string, within time.Duration) bool {
	info, err := root.Lstat(name)
	return err == nil && time.Since(info.ModTime()) < within
}
