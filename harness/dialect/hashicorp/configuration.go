package hashicorp

import (
	"bytes"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// configuration is an entry that says who the members are, or what a snapshot says of it.
type configuration struct {
	at     history.Pos
	voters []string // ids
	known  bool     // voters are all of them
}

// begun is how what EncodeConfiguration writes begins, but for the byte that says how many
// servers there are.
var begun = []byte("\x81\xa7Servers")

// tell says who votes. The first entry of a log says it from the start, and those that
// old versions wrote do not name the members.
func (f configuration) tell(c *tap.Cluster) {
	switch {
	case f.known:
		c.VotersByID("", f.at, f.voters)
	case f.at.Index > 1:
		c.Reconfigured("")
	}
}

// voters reads what EncodeConfiguration writes: a list of servers, each with an address, an
// ID and whether it votes (Suffrage 0).
func voters(b []byte) (ids []string, ok bool) {
	if !bytes.HasPrefix(b, begun) {
		return nil, false
	}
	b = b[len(begun):]
	servers, n := read(b)
	if n <= 0 || servers.kind != list {
		return nil, false
	}
	b = b[n:]
	for range servers.n {
		pairs, n := read(b)
		if n <= 0 || pairs.kind != table {
			return nil, false
		}
		b = b[n:]
		id, votes := "", true
		for range pairs.n {
			key, value, n, err := keyed(b)
			if n == 0 || err != nil || value.kind == list || value.kind == table {
				return nil, false
			}
			switch {
			case string(key) == "ID" && value.kind == raw:
				id = string(b[n-int(value.n) : n])
			case string(key) == "Suffrage":
				votes = value == item{integer, 0}
			}
			b = b[n:]
		}
		if id == "" {
			return nil, false
		}
		if votes {
			ids = append(ids, id)
		}
	}
	return ids, len(b) == 0
}
