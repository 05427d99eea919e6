package finding

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Files are written beside their place and moved there, so that who is killed leaves the
// old or the new one. What is being written, and what a killed writer left of it, has a
// name that begins with a dot.

// write puts v into a file, unless it is there already.
func write(path string, v any) error {
	text, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	text = append(text, '\n')
	if old, err := os.ReadFile(path); err == nil && bytes.Equal(old, text) {
		return nil
	}
	if err := replace(path, text); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func replace(path string, text []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // of no effect once it is moved
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// read takes v from a file.
func read(path string, v any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s is damaged, or was not written to its end: %w", path, err)
	}
	return nil
}

// list returns the names in a directory that are no half-written ones, in order; none
// if there is no such directory.
func list(dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var names []string
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), ".") {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// readAll reads every file of JSON in a directory. Those that cannot be read are told to
// damaged, and passed over.
func readAll[T any](dir string, damaged func(string), each func(name string, v T)) {
	names, err := list(dir)
	if err != nil {
		damaged(err.Error())
	}
	for _, name := range names {
		if !strings.HasSuffix(name, ".json") {
			continue
		}
		var v T
		if err := read(filepath.Join(dir, name), &v); err != nil {
			damaged(err.Error())
			continue
		}
		each(name, v)
	}
}
