package ovsdb

import (
	"bytes"
	"crypto/sha1"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/usurper/usurper/harness/target"
)

const (
	database     = "usurper"
	databaseFile = "usurper.db"
	controlFile  = "ctl" // the socket of a member's administrators
)

// The tables: values by key, the items of sets, the writes that were made last, and a
// number that every read raises.
const (
	tableValues = "value"
	tableItems  = "item"
	tableDone   = "done"
	tableTurn   = "turn"
)

// begin writes the file that m begins with, unless it has one.
//
// Every member begins with the same snapshot, whose servers are all members at their
// advertised addresses; ovsdb(5) documents the format. ovsdb-tool could make the first
// member's file alone, and would have it listen where others dial it: behind a proxy the
// two addresses differ.
func (t *Target) begin(m target.Member) error {
	path := filepath.Join(m.DataDir, databaseFile)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	write := func() ([]byte, error) { return genesis(m, t.o.Election.Milliseconds()) }
	if t.o.Standalone {
		write = firstRecords
	}
	b, err := write()
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", b, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// genesis is what m's file begins with: the snapshot, and that the term in which it was
// made has begun, so that no election is in that one.
func genesis(m target.Member, election int64) ([]byte, error) {
	servers := make(map[string]string)
	for name, addr := range m.Advertised {
		servers[serverID(name)] = "tcp:" + addr
	}
	if len(servers) == 0 && len(m.Peers) == 0 { // it is alone
		servers[serverID(m.Name)] = "tcp:" + m.PeerAddr
	}
	if servers[serverID(m.Name)] == "" {
		return nil, errors.New("the advertised addresses lack its own")
	}
	b, err := record(clustered, map[string]any{
		"server_id":           serverID(m.Name),
		"local_address":       "tcp:" + m.PeerAddr,
		"name":                database,
		"cluster_id":          idOf("cluster"),
		"prev_term":           1,
		"prev_index":          1,
		"prev_eid":            idOf("snapshot"),
		"prev_election_timer": election,
		"prev_servers":        servers,
		"prev_data":           []any{schema(), firstRows()},
	})
	if err != nil {
		return nil, err
	}
	term, err := record(clustered, map[string]any{"term": 1})
	return append(b, term...), err
}

// firstRecords is what the file of a member that shares no log begins with.
func firstRecords() ([]byte, error) {
	b, err := record(standalone, schema())
	if err != nil {
		return nil, err
	}
	rows, err := record(standalone, firstRows())
	return append(b, rows...), err
}

func firstRows() map[string]any {
	return map[string]any{tableTurn: map[string]any{idOf(tableTurn): map[string]any{"n": 0}}}
}

// The formats of database files.
const (
	clustered  = "CLUSTER"
	standalone = "JSON"
)

// record makes a record of a database file.
func record(format string, body any) ([]byte, error) {
	line, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	line = append(line, '\n')
	var b bytes.Buffer
	fmt.Fprintf(&b, "OVSDB %s %d %x\n", format, len(line), sha1.Sum(line))
	b.Write(line)
	return b.Bytes(), nil
}

// schema is that of the database.
func schema() any {
	table := func(columns map[string]string, indexes ...[]string) any {
		typed := make(map[string]any)
		for name, kind := range columns {
			typed[name] = map[string]any{"type": kind}
		}
		t := map[string]any{"columns": typed}
		if len(indexes) > 0 {
			t["indexes"] = indexes
		}
		return t
	}
	return map[string]any{
		"name": database, "version": "1.0.0",
		"tables": map[string]any{
			tableValues: table(map[string]string{"key": "string", "value": "string"}, []string{"key"}),
			tableItems:  table(map[string]string{"key": "string", "value": "string"}),
			tableDone:   table(map[string]string{"request": "string"}, []string{"request"}),
			tableTurn:   table(map[string]string{"n": "integer"}),
		},
	}
}

// serverID is the id of a member of this name.
func serverID(name string) string { return idOf("server " + name) }

// idOf makes a UUID (version 5) of a word.
func idOf(word string) string {
	h := sha1.Sum([]byte("usurper " + word))
	h[6] = h[6]&0x0f | 0x50
	h[8] = h[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", h[:4], h[4:6], h[6:8], h[8:10], h[10:16])
}
