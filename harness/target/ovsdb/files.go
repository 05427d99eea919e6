package ovsdb

import "github.com/usurper/usurper/harness/target"

var _ target.Filed = (*Target)(nil)

// DataFiles implements target.Filed. One file holds all, as a log with a checksum a record. It is written anew as *.tmp.
func (*Target) DataFiles() map[string][]string {
	return map[string][]string{
		"wal": {databaseFile, databaseFile + ".tmp"},
		"db":  {databaseFile, databaseFile + ".tmp"},
	}
}
