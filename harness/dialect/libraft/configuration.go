package libraft

import (
	"bytes"
	"encoding/binary"
	"strconv"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// configuration is an entry that says who the members are: where it stands in the log, and
// where its bytes are among those of the entries that are sent with it.
type configuration struct {
	at       history.Pos
	from, of uint64
}

// tell says who votes, of the bytes of the entries.
func (f configuration) tell(c *tap.Cluster, data []byte) {
	ids, ok := voters(data[f.from : f.from+f.of])
	switch {
	case ok:
		c.VotersByID("", f.at, ids)
	case f.at.Index > 1: // the first entry of a log says it from the start
		c.Reconfigured("")
	}
}

// voters reads what raft_configuration_encode writes: the version of the format, how many
// servers there are, and of each its id, its address, which ends with a zero, and its role.
func voters(b []byte) (ids []string, ok bool) {
	const format, head, voter, least = 1, 9, 1, 8 + 1 + 1
	if len(b) < head || b[0] != format {
		return nil, false
	}
	n := binary.LittleEndian.Uint64(b[1:])
	b = b[head:]
	for range min(n, uint64(len(b))/least+1) {
		if len(b) < least {
			return nil, false
		}
		id := binary.LittleEndian.Uint64(b)
		end := bytes.IndexByte(b[8:], 0) + 8
		if end < 8 || len(b) < end+2 {
			return nil, false
		}
		if b[end+1] == voter {
			ids = append(ids, strconv.FormatUint(id, 10))
		}
		b = b[end+2:]
	}
	return ids, len(b) < 8 // what fills the last word
}
