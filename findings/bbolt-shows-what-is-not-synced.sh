#!/usr/bin/env bash
# bbolt: a View sees what an Update has not synced yet, and a power failure takes it back
#
# Version:     go.etcd.io/bbolt v1.5.0, Go 1.26.8, Linux 6.18, ext4 with its defaults
# Expectation: The README calls transactions ACID. What one transaction has read of another is
#              committed, so it is there after a power failure.
# Behaviour:   A commit writes its meta page, by which readers find the new tree, and syncs it then. A View
#              that begins between the two sees the new values before Update has returned; does the
#              power fail before the sync is done, they are gone. A server that answers reads by View
#              shows a client a value, and an older one after its restart. Writing and syncing under one
#              lock was tried in etcd-io/bbolt pull request 1004, which was closed: the sync
#              is about persistence only. (Pebble does the same: cockroachdb/pebble issue 810.)
# Seen:        before the failure a View shows "new"; after it: "old"
# Date:        2026-12-01
#
# strace holds the program at the sync of the meta page. Then the file system is shut down
# (FS_IOC_SHUTDOWN, flag 2: nothing more is written), and recovers. Needs root, a loop device,
# mkfs.ext4, strace and Go. Ends with 0 as long as it is so.
set -euo pipefail
[ "$(id -u)" -eq 0 ] || { echo "run it as root: it mounts a disk" >&2; exit 2; }
dir=$(mktemp -d)
tracer=
held=
finish() {
	[ -z "$tracer" ] || kill -KILL $tracer $held 2>/dev/null || true
	umount "$dir/disk" 2>/dev/null || true
	rm -rf --one-file-system "$dir"
}
trap finish EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.24

require go.etcd.io/bbolt v1.5.0
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"syscall"
	"time"
	"unsafe"

	"go.etcd.io/bbolt"
)

func main() {
	runtime.LockOSThread() // one thread syncs, so that its calls can be counted
	if os.Args[1] == "cut" {
		disk, err := os.Open("disk")
		must(err)
		flag := uint32(2)
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, disk.Fd(), 0x8004587d, uintptr(unsafe.Pointer(&flag))); errno != 0 {
			log.Fatal(errno)
		}
		return
	}
	db, err := bbolt.Open("disk/db", 0o600, nil)
	must(err)
	if os.Args[1] == "show" {
		fmt.Println(get(db))
		return
	}
	put(db, "old")
	go func() {
		for get(db) != "new" {
			time.Sleep(10 * time.Millisecond)
		}
		fmt.Println(get(db))
	}()
	put(db, "new")
	log.Fatal("the sync of the meta page was not held")
}

func put(db *bbolt.DB, value string) {
	must(db.Update(func(tx *bbolt.Tx) error {
		bucket, err := tx.CreateBucketIfNotExists([]byte("bucket"))
		must(err)
		return bucket.Put([]byte("key"), []byte(value))
	}))
}

func get(db *bbolt.DB) (value string) {
	must(db.View(func(tx *bbolt.Tx) error {
		value = string(tx.Bucket([]byte("bucket")).Get([]byte("key")))
		return nil
	}))
	return value
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
GO
GOFLAGS=-mod=mod go build -o finding . 2>/dev/null
mkdir disk
truncate -s 256M image
mkfs.ext4 -q -b 4096 image
mount -o loop image disk

# The 5th: of a new file, of the pages and the meta page of "old", of the pages of "new", of its meta page.
strace -f -qq -o trace -e trace=fdatasync -e inject=fdatasync:delay_enter=600s:when=5 ./finding fill >shown 2>errors &
tracer=$!
for _ in $(seq 300); do
	[ ! -s shown ] || break
	sleep 0.1
done
held=$(pgrep -P $tracer)
before=$(cat shown)
./finding cut
{ kill -KILL $tracer $held; wait $tracer; } 2>/dev/null || true
while kill -0 $held 2>/dev/null; do sleep 0.1; done
tracer=
umount disk
mount -o loop image disk

after=$(./finding show)
echo "before the failure a View shows \"$before\"; after it: \"$after\""
[ "$before" = new ] && [ "$after" = old ]
