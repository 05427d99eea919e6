package harness

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"
)

// chaosResults is where the run directories of tests go that name no other place: one
// for each user, who share the directory for temporary files.
func chaosResults() string {
	return filepath.Join(os.TempDir(), fmt.Sprintf("usurper-%d", os.Getuid()))
}

// artifacts tells whether go test was asked to keep what tests leave (-artifacts).
func artifacts() bool {
	f := flag.Lookup("test.artifacts")
	return f != nil && f.Value.String() == "true"
}

// lasting returns root, or where run directories go instead if root is below a
// t.TempDir() of the test or of one that it is part of: that is removed when the
// test has ended, before anybody can look at a run that failed.
func lasting(t *testing.T, root string) string {
	path, err := filepath.Abs(root)
	if err != nil {
		return root
	}
	own := filepath.Dir(t.TempDir())
	if below(path, own) || ofParent(path, filepath.Dir(own), t.Name()) {
		return chaosResults()
	}
	return root
}

func below(path, dir string) bool {
	rel, err := filepath.Rel(dir, path)
	return err == nil && filepath.IsLocal(rel)
}

// ofParent tells whether path is below a directory in temp that package testing has
// made for a test of which this one is a part: its name, and a number.
func ofParent(path, temp, test string) bool {
	rel, err := filepath.Rel(temp, path)
	if err != nil || !filepath.IsLocal(rel) {
		return false
	}
	first, _, nested := strings.Cut(filepath.ToSlash(rel), "/")
	number := func(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }
	for i, r := range test {
		if r != '/' {
			continue
		}
		if rest, ok := strings.CutPrefix(plain(first), plain(test[:i])); ok && nested && number(rest) {
			return true
		}
	}
	return false
}

// plain is what all versions of package testing keep of a test's name in that of
// a directory.
func plain(name string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsNumber(r) {
			return r
		}
		return -1
	}, name)
}
