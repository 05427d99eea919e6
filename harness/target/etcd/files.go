package etcd

import "github.com/usurper/usurper/harness/target"

var _ target.Filed = (*Target)(nil)

// DataFiles implements target.Filed. Term and vote are in the log; pages of the database have no checksums.
func (*Target) DataFiles() map[string][]string {
	return map[string][]string{
		"wal":      {"*.wal"},
		"snapshot": {"*.snap", "*.snap.db"},
		"db":       {"db"},
	}
}
