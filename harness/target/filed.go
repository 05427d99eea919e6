package target

import (
	"bytes"
	"os"
)

// Filed is a Target that knows which files its members keep, by classes that faults of
// files may name.
type Filed interface {
	// DataFiles maps classes to patterns, as of path.Match, of paths below a member's data
	// directory, or of names alone. Usual classes are wal, for what is appended and synced before
	// it is answered; vote, where term and vote are apart from that; snapshot; and db.
	DataFiles() map[string][]string
}

// DataFiles returns the patterns of a class of files of t's members: of what t does not
// know as a class, what the word says as a pattern; of "" none, which stands for all files.
func DataFiles(t Target, class string) []string {
	if class == "" {
		return nil
	}
	if f, ok := t.(Filed); ok {
		if patterns := f.DataFiles()[class]; len(patterns) > 0 {
			return patterns
		}
	}
	return []string{class}
}

// Provide writes a file of configuration into a member's data directory, unless it is there as
// it should be: the disk may be one that fails just now.
func Provide(path string, content []byte) error {
	if have, err := os.ReadFile(path); err == nil && bytes.Equal(have, content) {
		return nil
	}
	return os.WriteFile(path, content, 0o644)
}
