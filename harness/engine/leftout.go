package engine

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/results"
)

// leaveOut frees the disk that a valid run no longer needs, and says in its directory
// what was there. A verdict, also a later one, is on the history alone, which holds
// what traces told.
func (r *run) leaveOut(v checker.Verdict) error {
	if v != checker.Valid {
		return nil
	}
	var said []string
	drop := func(what, flag string, keep bool, pattern ...string) {
		if keep {
			return
		}
		var size int64
		for _, name := range r.cfg.Names() {
			for _, p := range pattern {
				paths, _ := filepath.Glob(filepath.Join(r.dir.Path(results.NodesDir, name), p)) // the patterns are good
				for _, path := range paths {
					size += sizeOf(path)
					os.RemoveAll(path)
				}
			}
		}
		if size > 0 {
			said = append(said, fmt.Sprintf("%-6s %8.1f MB  %s keeps them", what, float64(size)/1e6, flag))
		}
	}
	drop("logs", "--keep-logs", r.cfg.KeepLogs, filepath.Base(cluster.LogFile("", "")))
	drop("traces", "--keep-logs", r.cfg.KeepLogs, "trace.*.jsonl")
	drop("data", "--keep-data", r.cfg.KeepData, "data")
	for _, name := range r.cfg.Names() {
		os.Remove(r.dir.Path(results.NodesDir, name)) // if it is empty
	}
	if len(said) == 0 {
		return nil
	}
	return r.dir.WriteText(results.LeftOutFile, fmt.Sprintf("The run was valid, and its members' files were removed:\n%s\nIn go test it is -chaos.keep-logs or Config.KeepLogs, and Config.KeepData. What traces told is in %s.",
		strings.Join(said, "\n"), results.HistoryFile))
}

// sizeOf is how many bytes the files at and below a path have, as far as they can be
// counted.
func sizeOf(path string) (size int64) {
	filepath.WalkDir(path, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if info, err := d.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}
