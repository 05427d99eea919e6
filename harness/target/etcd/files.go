package etcd

import "github.com/usurper/usurper/harness/target"

var _ target.Filed = (*Target)(nil)

// DataFiles implements target.Filed. Term and vote are in the log; pages of the database have no checksums.
// Each class has what is written under another name first, and renamed then.
func (*Target) DataFiles() map[string][]string {
	return map[string][]string{
		"wal":      {"*.wal", "member/wal/*.tmp"},
		"snapshot": {"*.snap", "*.snap.db", "member/snap/tmp*"},
		"db":       {"db", "db.tmp.*"},
	}
}
