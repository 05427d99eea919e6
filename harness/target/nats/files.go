package nats

import "github.com/usurper/usurper/harness/target"

var _ target.Filed = (*Target)(nil)

// DataFiles implements target.Filed. The log is that of each Raft group, the db what streams hold.
func (*Target) DataFiles() map[string][]string {
	return map[string][]string{
		"wal":      {"jetstream/$SYS/_js_/*/msgs/*.blk"},
		"vote":     {"tav.idx"},
		"snapshot": {"snap.*"},
		"db":       {"jetstream/*/streams/*/msgs/*.blk"},
	}
}
