package nats

import "github.com/usurper/usurper/harness/target"

var _ target.Filed = (*Target)(nil)

// DataFiles implements target.Filed. The log is that of each Raft group, the db what streams hold, the index what
// is known of either without reading it all, meta what they are and who has them. Most is written as *.tmp and renamed.
func (*Target) DataFiles() map[string][]string {
	return map[string][]string{
		"wal":      {"jetstream/$SYS/_js_/*/msgs/*.blk*"},
		"vote":     {"tav.idx*"},
		"snapshot": {"snap.*"},
		"db":       {"jetstream/*/streams/*/msgs/*.blk*"},
		"index":    {"index.db*"},
		"meta":     {"meta.inf*", "meta.sum*", "peers.idx*", "commit.idx*"},
	}
}
