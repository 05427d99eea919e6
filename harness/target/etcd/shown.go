package etcd

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
	"github.com/usurper/usurper/harness/target"
)

var (
	_ target.Shower      = (*Target)(nil)
	_ target.Failpointed = (*Target)(nil)
)

// Shows lists what the tap tells: etcd writes no trace.
func (t *Target) Shows() []history.RaftWhat { return tap.Shows() }

// A variable that gofail makes for a failpoint, as the symbols of a binary name it.
var failpointSymbol = regexp.MustCompile(`__fp_([A-Za-z_][A-Za-z0-9_]*)`)

// HasFailpoint looks for the failpoint in the binary. A script, or another program,
// that starts etcd may have any.
func (t *Target) HasFailpoint(name string) error {
	binary, err := os.ReadFile(t.o.Binary)
	if err != nil || !executable(binary) {
		return nil
	}
	last := path.Base(name)
	if !bytes.Contains(binary, []byte("go.etcd.io/etcd/server")) {
		return nil
	}
	if !bytes.Contains(binary, []byte("go.etcd.io/gofail/runtime")) {
		return fmt.Errorf("failpoint %s: %s was built without failpoints: enable them with gofail before the build", name, t.o.Binary)
	}
	if bytes.Contains(binary, []byte(last)) {
		return nil
	}
	var names []string
	for _, m := range failpointSymbol.FindAllSubmatch(binary, -1) {
		names = append(names, string(m[1]))
	}
	slices.Sort(names)
	return fmt.Errorf("failpoint %s: %s has none of this name%s", name, t.o.Binary, nearest(last, slices.Compact(names)))
}

// executable tells a program from a script.
func executable(b []byte) bool {
	for _, magic := range []string{"\x7fELF", "\xcf\xfa\xed\xfe", "MZ"} {
		if bytes.HasPrefix(b, []byte(magic)) {
			return true
		}
	}
	return false
}

// nearest is a hint at the name that was meant.
func nearest(name string, names []string) string {
	best, distance := "", 4
	for _, n := range names {
		if d := levenshtein.ComputeDistance(strings.ToLower(name), strings.ToLower(n)); d < distance {
			best, distance = n, d
		}
	}
	if best == "" {
		return ""
	}
	return " (did you mean " + best + "?)"
}
