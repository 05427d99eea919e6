package zookeeper

import "github.com/usurper/usurper/harness/target"

var _ target.Filed = (*Target)(nil)

// DataFiles implements target.Filed. The epochs are what a member has promised and entered; they and snapshots
// are written as *.tmp and renamed.
func (*Target) DataFiles() map[string][]string {
	return map[string][]string{
		"wal":      {"log.*"},
		"snapshot": {"snapshot.*"},
		"vote":     {"acceptedEpoch*", "currentEpoch*"},
	}
}
