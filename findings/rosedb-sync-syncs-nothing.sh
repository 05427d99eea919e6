#!/usr/bin/env bash
# rosedb and lotusdb: with the option Sync nothing is ever synced
#
# Version:     github.com/rosedblabs/rosedb/v2 v2.4.0, github.com/lotusdblabs/lotusdb/v2 v2.1.0 (on
#              github.com/rosedblabs/wal v1.3.8 and v1.3.6), Go 1.26.8, Linux 6.18, ext4 with its defaults
# Expectation: Options.Sync "is whether to synchronize writes through os buffer cache and down
#              onto the actual disk"; true means "write followed by fsync". What Put or
#              Commit acknowledged is there after a power failure.
# Behaviour:   Both write a batch by WriteAll of the log, which by its comment does not sync whatever
#              the options are; after it they sync only if the batch asks for it and
#              the database does not: if options.Sync && !db.options.Sync. So Options.Sync
#              syncs nothing, and takes the sync from batches that ask for one. lotusdb's
#              PutWithOptions drops the WriteOptions.Sync that it is given, since the database would sync.
#              What is synced is a batch that asks for it, in a database that does not.
# Seen:        rosedb   options: sync   write: plain    0 of 100 acknowledged writes are there
#              rosedb   options: sync   write: batch    0 of 100 acknowledged writes are there
#              rosedb   options: plain  write: batch  100 of 100 acknowledged writes are there
#              lotusdb  options: sync   write: plain    0 of 100 acknowledged writes are there
#              lotusdb  options: sync   write: put      0 of 100 acknowledged writes are there
#              lotusdb  options: sync   write: batch    0 of 100 acknowledged writes are there
#              lotusdb  options: plain  write: put      0 of 100 acknowledged writes are there
#              lotusdb  options: plain  write: batch  100 of 100 acknowledged writes are there
# Date:        2026-12-01
#
# The file system is shut down (FS_IOC_SHUTDOWN, flag 2: nothing more is written) once
# all is acknowledged, and recovers. Needs root, a loop device, mkfs.ext4 and Go. Ends
# with 0 as long as it is so.
set -euo pipefail
[ "$(id -u)" -eq 0 ] || { echo "run it as root: it mounts a disk" >&2; exit 2; }
dir=$(mktemp -d)
export TMPDIR=$dir # lotusdb leaves folders there
finish() {
	umount "$dir/disk" 2>/dev/null || true
	rm -rf --one-file-system "$dir"
}
trap finish EXIT
cd "$dir"
mkdir disk rosedb lotusdb
cat >main.go <<'GO'
package main

import (
	"fmt"
	"log"
	"os"
	"syscall"
	"unsafe"
)

// finding fill|show sync|plain plain|put|batch: whether the database is to sync, and who
// else asks for it.
func main() {
	put, get := open("disk/data", os.Args[2] == "sync", os.Args[3])
	there := 0
	for i := 0; i <= 100; i++ {
		key := []byte(fmt.Sprint("key", i))
		if os.Args[1] == "fill" {
			must(put(key))
			if i == 0 {
				syscall.Sync() // the database itself, and a first key, are on the disk
			}
		} else if _, err := get(key); err == nil && i > 0 {
			there++
		}
	}
	if os.Args[1] == "show" {
		fmt.Println(there)
		return
	}
	disk, err := os.Open("disk")
	must(err)
	flag := uint32(2)
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, disk.Fd(), 0x8004587d, uintptr(unsafe.Pointer(&flag))); errno != 0 {
		log.Fatal(errno)
	}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
GO
cat >rosedb/open.go <<'GO'
package main

import "github.com/rosedblabs/rosedb/v2"

func open(dir string, db bool, one string) (put func([]byte) error, get func([]byte) ([]byte, error)) {
	options := rosedb.DefaultOptions
	options.DirPath, options.Sync = dir, db
	store, err := rosedb.Open(options)
	must(err)
	return func(key []byte) error {
		if one == "plain" {
			return store.Put(key, key)
		}
		b := store.NewBatch(rosedb.BatchOptions{Sync: true})
		must(b.Put(key, key))
		return b.Commit()
	}, store.Get
}
GO
cat >lotusdb/open.go <<'GO'
package main

import "github.com/lotusdblabs/lotusdb/v2"

func open(dir string, db bool, one string) (put func([]byte) error, get func([]byte) ([]byte, error)) {
	options := lotusdb.DefaultOptions
	options.DirPath, options.Sync = dir, db
	store, err := lotusdb.Open(options)
	must(err)
	return func(key []byte) error {
		asked := lotusdb.WriteOptions{Sync: one != "plain"}
		if one != "batch" {
			return store.PutWithOptions(key, key, asked)
		}
		b := store.NewBatch(lotusdb.BatchOptions{WriteOptions: asked})
		must(b.Put(key, key))
		return b.Commit()
	}, store.Get
}
GO
build() { # DATABASE MODULE VERSION
	cp main.go "$1"
	printf 'module finding\n\ngo 1.24\n\nrequire %s %s\n' "$2" "$3" >"$1/go.mod"
	GOFLAGS=-mod=mod go build -C "$1" -o ../finding-"$1" . 2>/dev/null
}
build rosedb github.com/rosedblabs/rosedb/v2 v2.4.0
build lotusdb github.com/lotusdblabs/lotusdb/v2 v2.1.0

there() { # DATABASE DB ONE: how many of 100 acknowledged writes are there after the failure
	rm -f image
	truncate -s 256M image
	mkfs.ext4 -q -b 4096 image
	mount -o loop image disk
	"./finding-$1" fill "$2" "$3"
	umount disk
	mount -o loop image disk
	"./finding-$1" show "$2" "$3"
	umount disk
}
so=
for case in 'rosedb sync plain' 'rosedb sync batch' 'rosedb plain batch' \
	'lotusdb sync plain' 'lotusdb sync put' 'lotusdb sync batch' 'lotusdb plain put' 'lotusdb plain batch'; do
	read -r database db one <<<"$case"
	n=$(there $database $db $one)
	printf '%-8s options: %-6s write: %-6s %3d of 100 acknowledged writes are there\n' $database $db $one $n
	so+="$n "
done
[ "$so" = "0 0 100 0 0 0 0 100 " ]
