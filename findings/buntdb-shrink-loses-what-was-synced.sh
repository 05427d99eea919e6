#!/usr/bin/env bash
# buntdb, SyncPolicy Always: a power failure after Shrink empties the database, without an error
#
# Version:     github.com/tidwall/buntdb v1.3.0, Go 1.26.8, Linux 6.18, xfs with its defaults
# Expectation: With Always each Update is synced before it returns ("very safe", says the
#              documentation): it is there after a power failure, whether the file was shrunk since or not.
# Behaviour:   Shrink (by default buntdb calls it by itself, once the file has 32 MB and twice what
#              is in it) writes all items to a new file, which it renames over the old one
#              and never syncs. Until the next Update everything that was synced is in the
#              page cache alone. xfs may keep the rename and not yet the data, right after and still
#              5 s later: the file is empty then, and so is the database, which opens as a
#              new one would. ext4 starts to write such a file when it is renamed: everything was
#              there in 33 of 34 failures right after Shrink, and in one Open said "invalid database".
# Seen:        100 items acknowledged; shrunk; after the failure 0
#              not shrunk: 100
# Date:        2026-12-01
#
# The power failure is the ioctl FS_IOC_SHUTDOWN with flag 1: xfs writes its own log, as it does from
# time to time anyway, and nothing more; the file system recovers when it is mounted again.
# Needs root, a loop device, mkfs.xfs (xfsprogs) and Go. Ends with 0 as long as it is so.
set -euo pipefail
[ "$(id -u)" -eq 0 ] || { echo "run it as root: it mounts a disk" >&2; exit 2; }
dir=$(mktemp -d)
pid=
finish() {
	[ -z "$pid" ] || kill -KILL "$pid" 2>/dev/null || true
	umount "$dir/disk" 2>/dev/null || true
	rm -rf --one-file-system "$dir"
}
trap finish EXIT
cd "$dir"
cat >go.mod <<'MOD'
module finding

go 1.24

require github.com/tidwall/buntdb v1.3.0
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"log"
	"os"
	"strings"
	"syscall"
	"unsafe"

	"github.com/tidwall/buntdb"
)

func main() {
	if os.Args[1] == "cut" {
		disk, err := os.Open("disk")
		must(err)
		flag := uint32(1)
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, disk.Fd(), 0x8004587d, uintptr(unsafe.Pointer(&flag))); errno != 0 {
			log.Fatal(errno)
		}
		return
	}
	db, err := buntdb.Open("disk/db")
	must(err)
	if os.Args[1] == "show" {
		must(db.View(func(tx *buntdb.Tx) error {
			n, err := tx.Len()
			fmt.Println(n)
			return err
		}))
		return
	}
	must(db.SetConfig(buntdb.Config{SyncPolicy: buntdb.Always}))
	for i := range 100 {
		must(db.Update(func(tx *buntdb.Tx) error {
			_, _, err := tx.Set(fmt.Sprint(i), strings.Repeat("x", 1000), nil)
			return err
		}))
	}
	if os.Args[1] == "shrink" {
		must(db.Shrink())
	}
	fmt.Println("acknowledged")
	select {}
}

func must(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
GO
GOFLAGS=-mod=mod go build -o finding . 2>/dev/null
mkdir disk

# after WHAT prints how many items there are after the failure.
after() {
	rm -f image said
	truncate -s 320M image
	mkfs.xfs -q image
	mount -o loop image disk
	sync -f disk
	./finding "$1" >said &
	pid=$!
	for _ in $(seq 300); do
		! grep -q acknowledged said || break
		sleep 0.1
	done
	grep -q acknowledged said
	kill -STOP $pid
	./finding cut
	kill -KILL $pid
	wait $pid 2>/dev/null || true
	pid=
	umount disk
	mount -o loop image disk
	there=$(./finding show)
	umount disk
}
after shrink
shrunk=$there
after leave
echo "100 items acknowledged; shrunk; after the failure $shrunk"
echo "not shrunk: $there"
[ "$shrunk" = 0 ] && [ "$there" = 100 ]
