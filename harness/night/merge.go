package night

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/night/entry"
)

// Merge joins nights, or shards of them, from their directories: into one directory a
// night below root, with its entries ([entry.ReadAll]), the facts of its parts
// ([entry.ReadParts]) and the runs that were kept. What is joined there already stays, so
// that it may be done again and in any order. It returns the directories, the night that
// began last at the end. Nothing is written if shards contradict each other, or if a night
// of the name was made below root, which this is not to change.
func Merge(root string, dirs []string) ([]string, error) {
	parts, err := entry.ReadParts(dirs)
	if err != nil {
		return nil, err
	}
	begun := make(map[string]time.Time)
	of := make(map[string][]string) // the directories of each night
	for _, p := range parts {
		if b, ok := begun[p.Night]; !ok || p.Begun.After(b) {
			begun[p.Night] = p.Begun
		}
	}
	for _, dir := range dirs {
		here, err := entry.ReadParts([]string{dir})
		if err != nil {
			return nil, err
		}
		for _, p := range here {
			if !slices.Contains(of[p.Night], dir) {
				of[p.Night] = append(of[p.Night], dir)
			}
		}
	}
	var joined []string
	for night := range of {
		to := filepath.Join(root, night)
		if !named.MatchString(night) {
			return nil, fmt.Errorf("the night %.70q has a name that no night has: leave out %s", night, of[night][0])
		}
		for _, name := range []string{planFile, entry.FactsFile} {
			if _, err := os.Lstat(filepath.Join(to, name)); !errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("%s is a night that was made there: merge into another folder, with --results", to)
			}
		}
		joined = append(joined, night)
	}
	slices.SortFunc(joined, func(a, b string) int { return cmp.Or(begun[a].Compare(begun[b]), cmp.Compare(a, b)) })
	for i, night := range joined {
		joined[i] = filepath.Join(root, night)
		if err := join(joined[i], of[night]); err != nil {
			return nil, err
		}
	}
	if len(joined) > 0 {
		Point(root, latest, filepath.Base(joined[len(joined)-1]))
	}
	return joined, nil
}

// join joins the parts of one night in a directory. The facts come last, since they say
// that the rest is there.
func join(to string, dirs []string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return fmt.Errorf("merge nights: %w", err)
	}
	lock, err := hold(to)
	if err != nil {
		return err
	}
	defer lock.Close()
	told := slices.Clone(dirs)
	if _, err := os.Stat(filepath.Join(to, entry.PartsFile)); err == nil {
		told = append([]string{to}, dirs...)
	}
	parts, err := entry.ReadParts(told)
	if err != nil {
		return err
	}
	all, err := entry.ReadAll(append([]string{to}, dirs...))
	if err != nil {
		return err
	}
	kept := make(map[string]bool)
	for i := range all {
		e := &all[i]
		if beside := filepath.Dir(e.Dir); e.Dir == "" || !keptRun.MatchString(filepath.Base(e.Dir)) || beside != filepath.Clean(to) && !slices.ContainsFunc(dirs, func(dir string) bool { return filepath.Clean(dir) == beside }) {
			continue // nothing was kept, or it was not copied with its night
		}
		if err := bring(to, e); err != nil {
			return err
		}
		kept[filepath.Base(e.Dir)] = true
	}
	if err := entry.WriteLog(filepath.Join(to, entry.LogFile), all); err != nil {
		return err
	}
	if err := sweep(to, kept); err != nil {
		return err
	}
	return entry.WriteParts(to, parts)
}

// keptRun is how the directories of kept runs are called.
var keptRun = regexp.MustCompile(`^[0-9]+-seed[0-9]+$`)

// sweep removes kept runs of which no entry tells any more.
func sweep(to string, kept map[string]bool) error {
	files, err := os.ReadDir(to)
	if err != nil {
		return fmt.Errorf("merge nights: %w", err)
	}
	for _, f := range files {
		if name := f.Name(); f.IsDir() && !kept[name] && (keptRun.MatchString(name) || strings.HasPrefix(name, beingCopied)) {
			if err := os.RemoveAll(filepath.Join(to, name)); err != nil {
				return fmt.Errorf("merge nights: %w", err)
			}
		}
	}
	return nil
}

// beingCopied is how the names of directories begin to which runs are copied.
const beingCopied = ".run-"

// bring copies the run that an entry kept to the directory of the joined night.
func bring(to string, e *entry.Entry) error {
	from, dir := e.Dir, filepath.Join(to, filepath.Base(e.Dir))
	e.Dir = dir
	if same, err := sameFile(from, dir); err != nil || same {
		return err
	}
	temp, err := os.MkdirTemp(to, beingCopied+"*")
	if err != nil {
		return fmt.Errorf("merge nights: %w", err)
	}
	defer os.RemoveAll(temp) // what is left of it
	whole := filepath.Join(temp, "run")
	err = os.CopyFS(whole, os.DirFS(from))
	if err == nil {
		err = os.RemoveAll(dir) // of another time that the run was made, or of a copy that was cut off
	}
	if err == nil {
		err = os.Rename(whole, dir)
	}
	if err != nil {
		return fmt.Errorf("merge nights: copy the run %s: %w", from, err)
	}
	return nil
}

func sameFile(a, b string) (bool, error) {
	one, err := os.Stat(a)
	if err != nil {
		return false, fmt.Errorf("merge nights: %w", err)
	}
	other, err := os.Stat(b)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("merge nights: %w", err)
	}
	return os.SameFile(one, other), nil
}
