package reference

import "github.com/usurper/usurper/harness/target"

var _ target.Filed = (*Target)(nil)

// DataFiles implements target.Filed. Term and vote are in the log, whose next file is the spare.
func (*Target) DataFiles() map[string][]string {
	return map[string][]string{
		"wal":      {"*.wal", "spare.tmp"},
		"snapshot": {"*.snap", "*.snap.tmp"},
	}
}
