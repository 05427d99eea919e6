#!/usr/bin/env bash
# goleveldb and pebble: one flipped bit in the midst of a journal of synced writes, and Open
# succeeds: goleveldb leaves out a few of them and has those after it, pebble leaves out all the rest
#
# Version:     github.com/syndtr/goleveldb v1.0.1-0.20220721030215-126854af5e6d,
#              github.com/cockroachdb/pebble v1.1.5, Go 1.26.8
# Expectation: Each write was made with Sync and its store closed. The record that fails its
#              checksum is no torn tail, for whole records follow it; goleveldb's DefaultStrict has
#              StrictJournalChecksum in it. Open says that it is damaged.
# Behaviour:   Both return no error. goleveldb drops what is left of the block (32 KiB) from the damaged record
#              on, here 5 of 1000, and replays the blocks after it: a hole amid acknowledged
#              writes. Only with StrictJournal, which is not in DefaultStrict, does it refuse. pebble 1
#              takes the damage for the end of the log, and says so in a line of its logger only.
#              A replicated log upon either has lost entries that its member has acknowledged.
# Seen:        goleveldb: 995 of 1000, without 500 to 504; with StrictJournal refused. pebble: 500 of 1000, without 500 to 999
# Date:        2026-12-01
#
# Needs Go. Ends with 0 as long as it is so.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.24

require (
	github.com/cockroachdb/pebble v1.1.5
	github.com/syndtr/goleveldb v1.0.1-0.20220721030215-126854af5e6d
)
MOD
cat >main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/cockroachdb/pebble"
	"github.com/syndtr/goleveldb/leveldb"
	"github.com/syndtr/goleveldb/leveldb/opt"
)

const writes = 1000

func key(i int) []byte { return fmt.Appendf(nil, "key-%04d", i) }

// flip damages the value of key 500 in the one journal of a closed store.
func flip(store string) {
	logs, err := filepath.Glob(store + "/*.log")
	must(err)
	if len(logs) != 1 {
		log.Fatalf("not one journal but %v", logs)
	}
	text, err := os.ReadFile(logs[0])
	must(err)
	text[bytes.Index(text, key(500))+20] ^= 1
	must(os.WriteFile(logs[0], text, 0o644))
}

// tell prints which of the writes are there.
func tell(name string, has func(key []byte) bool) {
	first, last, there := -1, -1, 0
	for i := range writes {
		if has(key(i)) {
			there++
			continue
		}
		if last = i; first < 0 {
			first = i
		}
	}
	fmt.Printf("%s: %d of %d, without %d to %d\n", name, there, writes, first, last)
}

func main() {
	value := bytes.Repeat([]byte("v"), 100)

	l, err := leveldb.OpenFile("l", nil)
	must(err)
	for i := range writes {
		must(l.Put(key(i), value, &opt.WriteOptions{Sync: true}))
	}
	must(l.Close())
	flip("l")
	_, err = leveldb.OpenFile("l", &opt.Options{Strict: opt.DefaultStrict | opt.StrictJournal})
	fmt.Println("goleveldb, StrictJournal: refused:", err != nil)
	l, err = leveldb.OpenFile("l", nil)
	must(err)
	tell("goleveldb", func(key []byte) bool { _, err := l.Get(key, nil); return err == nil })
	must(l.Close())

	p, err := pebble.Open("p", nil)
	must(err)
	for i := range writes {
		must(p.Set(key(i), value, pebble.Sync))
	}
	must(p.Close())
	flip("p")
	p, err = pebble.Open("p", nil)
	must(err)
	tell("pebble", func(key []byte) bool {
		_, closer, err := p.Get(key)
		if err == nil {
			must(closer.Close())
		}
		return err == nil
	})
	must(p.Close())
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
GO
GOFLAGS=-mod=mod go build -o finding . 2>/dev/null
shown=$(./finding 2>errors)
printf '%s\n' "$shown"
[ "$shown" = 'goleveldb, StrictJournal: refused: true
goleveldb: 995 of 1000, without 500 to 504
pebble: 500 of 1000, without 500 to 999' ]
