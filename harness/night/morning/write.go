package morning

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// The files of a report.
const (
	SummaryFile = "summary.md"
	JUnitFile   = "junit.xml"
	JSONFile    = "night.json"
	MetricsFile = "metrics.prom"
)

// Files are their names.
func Files() []string { return []string{SummaryFile, JUnitFile, JSONFile, MetricsFile} }

// Write writes the report's files in a directory, which is made if there is none, each
// in the place of the one that is there: a reader has the old or the new.
func (r *Report) Write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("write the night's report: %w", err)
	}
	for _, f := range []struct {
		name  string
		write func(io.Writer) error
	}{
		{SummaryFile, func(w io.Writer) error { _, err := io.WriteString(w, r.Summary()); return err }},
		{JUnitFile, r.JUnit},
		{JSONFile, r.JSON},
		{MetricsFile, r.Metrics},
	} {
		var text bytes.Buffer
		err := f.write(&text)
		if err == nil {
			err = replace(filepath.Join(dir, f.name), text.Bytes())
		}
		if err != nil {
			return fmt.Errorf("write the night's %s: %w", f.name, err)
		}
	}
	return nil
}

// JSON writes the report as docs/night.schema.json describes it.
func (r *Report) JSON(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(r)
}

// replace writes a file that is whole at any moment.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // of no effect once it is renamed
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
