// Package results writes and finds run directories. A run directory is all that
// is needed to judge a run again:
//
//	config.json         everything that was set, defaults included, and by which
//	                    build of what it was done
//	plan.txt            the plan, written before the run
//	history.jsonl       what happened, written as it happened
//	capture.pcapng      what members sent each other, if that was asked for
//	schedule.txt        in which order messages came, until the faults ended
//	plan-executed.txt   the plan as it came to pass, from the history
//	verdict.json        what the checkers found
//	report.txt          the same for people
//	report.html         the run as a page
//	summary.svg         the run as a small picture
//	nodes/n1/           the log, the traces and the data of each member
//	left-out.txt        what of them a valid run does not keep
//	held.lock           locked while the run is under way; gone once it is judged
package results

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"time"
)

// Names of the files of a run directory.
const (
	ConfigFile   = "config.json"
	PlanFile     = "plan.txt"
	ExecutedFile = "plan-executed.txt"
	ScheduleFile = "schedule.txt"
	CaptureFile  = "capture.pcapng"
	HistoryFile  = "history.jsonl"
	PackedFile   = HistoryFile + ".gz" // the history, compressed by gzip or zstd
	ZstdFile     = HistoryFile + ".zst"
	VerdictFile  = "verdict.json"
	ReportFile   = "report.txt"
	PageFile     = "report.html"
	StillFile    = "summary.svg"
	NodesDir     = "nodes"
	LeftOutFile  = "left-out.txt"
	HeldFile     = "held.lock" // see Hold
	latest       = "latest"
)

// ErrNotARun says that a directory holds no run.
var ErrNotARun = errors.New("not a run directory")

// Dir is one run directory.
type Dir struct {
	path    string
	history string // the file that was named, if there are several; "" for whichever is there
	open    *opener
}

// Create makes a new run directory below root, named after the time and label.
// Concurrent calls get different directories.
func Create(root, label string, now time.Time) (Dir, error) {
	if err := os.MkdirAll(root, 0o755); err != nil {
		return Dir{}, fmt.Errorf("create results directory: %w", err)
	}
	base := now.Format("20060102-150405")
	if label != "" {
		base += "-" + label
	}
	for n := 1; ; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s.%d", base, n)
		}
		path := filepath.Join(root, name)
		err := os.Mkdir(path, 0o755)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return Dir{}, fmt.Errorf("create run directory: %w", err)
		}
		return Dir{path: path}, nil
	}
}

// MakeLatest points the link "latest" beside the directory at it; it is called
// once there is a history to be found. Where links cannot be had there is no
// latest.
func (d Dir) MakeLatest() {
	root, name := filepath.Split(d.path)
	link := filepath.Join(root, latest)
	next := filepath.Join(root, "."+name+".latest")
	if os.Symlink(name, next) == nil && os.Rename(next, link) != nil {
		os.Remove(next)
	}
}

// Open finds the run at path: a run directory, its history file, or a results
// directory, of which it takes the latest run, or that of the latest night.
func Open(path string) (Dir, error) {
	info, err := os.Stat(path)
	if err != nil {
		return Dir{}, fmt.Errorf("open run: %w", err)
	}
	if !info.IsDir() {
		if !slices.Contains(histories(), filepath.Base(path)) {
			return Dir{}, fmt.Errorf("open run: %s is %w: name a run directory or its %s", path, ErrNotARun, HistoryFile)
		}
		dir := Dir{path: filepath.Dir(path)}
		if dir.History() != filepath.Clean(path) { // there are two
			dir.history = path
		}
		return dir, nil
	}
	for _, dir := range []string{path, filepath.Join(path, latest), filepath.Join(path, latest, latest)} {
		if _, found := historyIn(dir); found {
			return Dir{path: dir}, nil
		}
	}
	return Dir{}, fmt.Errorf("open run: %s is %w: it has no %s", path, ErrNotARun, HistoryFile)
}

// List returns the runs below root, oldest first.
func List(root string) ([]Dir, error) {
	entries, err := os.ReadDir(root)
	if err != nil {
		return nil, fmt.Errorf("list runs: %w", err)
	}
	var runs []Dir
	for _, e := range entries {
		path := filepath.Join(root, e.Name())
		if _, found := historyIn(path); found && e.IsDir() {
			runs = append(runs, Dir{path: path})
		}
	}
	sort.Slice(runs, func(i, j int) bool { return runs[i].path < runs[j].path })
	return runs, nil
}

// String returns the directory's path.
func (d Dir) String() string { return d.path }

// Name returns the last element of the directory's path, that of the directory
// itself if the path is a link such as latest.
func (d Dir) Name() string { return filepath.Base(d.Real()) }

// Path returns the path of something in the directory.
func (d Dir) Path(elem ...string) string {
	return filepath.Join(append([]string{d.path}, elem...)...)
}

// History returns the path of the history, compressed or not: of the file that Open was
// given, if it was one.
func (d Dir) History() string {
	if d.history != "" {
		return d.history
	}
	path, _ := historyIn(d.path)
	return path
}

// histories are the names that the history may have, the usual one last.
func histories() []string { return []string{PackedFile, ZstdFile, HistoryFile} }

// historyIn finds the history in a directory, and tells whether there is one.
func historyIn(dir string) (path string, found bool) {
	for _, name := range histories() {
		path = filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, true
		}
	}
	return path, false
}

// WriteText writes a file of the directory, whole or not at all.
func (d Dir) WriteText(name, text string) error {
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	return d.write(name, []byte(text))
}

// WriteJSON writes v, indented, as a file of the directory, whole or not at all.
func (d Dir) WriteJSON(name string, v any) error {
	b, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return d.write(name, append(b, '\n'))
}

// ReadJSON reads a file that WriteJSON wrote.
func (d Dir) ReadJSON(name string, v any) error {
	b, err := os.ReadFile(d.Path(name))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if err := json.Unmarshal(b, v); err != nil {
		return fmt.Errorf("read %s: %w", d.Path(name), err)
	}
	return nil
}

// ReadExactJSON is ReadJSON, but a field that v lacks is an error.
func (d Dir) ReadExactJSON(name string, v any) error {
	b, err := os.ReadFile(d.Path(name))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("read %s: %w", d.Path(name), err)
	}
	return nil
}

func (d Dir) write(name string, b []byte) error {
	temp := d.Path("." + name + ".new")
	if err := os.WriteFile(temp, b, 0o644); err != nil {
		os.Remove(temp)
		return fmt.Errorf("write %s: %w", name, err)
	}
	if err := os.Rename(temp, d.Path(name)); err != nil {
		os.Remove(temp)
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}
