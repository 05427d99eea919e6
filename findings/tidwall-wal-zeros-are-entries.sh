#!/usr/bin/env bash
# tidwall/wal: after a power failure during a Write the log has entries that nobody wrote, as many as
# that write had bytes
#
# Version:     github.com/tidwall/wal v1.2.1, Go 1.26.8, Linux 6.18, ext4 with its defaults
# Expectation: Each Write is synced (NoSync is off by default) and the README promises a high
#              durability. After a power failure the log holds what was acknowledged, and
#              perhaps the write under way; or Open says ErrCorrupt, as it does for a torn entry.
# Behaviour:   An entry is its length and its bytes, without a checksum. ext4 may keep the new
#              size of a file and not yet its data, so that a write that was not synced yet is zeros
#              after the failure: each of them is read as an entry of length 0. Open succeeds, LastIndex
#              has grown, and who goes on behind the entry that was acknowledged last
#              gets ErrOutOfOrder. Issue 21 asks for a repair of torn tails; this one is not noticed.
# Seen:        20 entries acknowledged; after the failure 121, of which 101 are empty; Write(21): out of order
# Date:        2026-12-01
#
# strace holds the program at its 21st fsync, until another file on that disk was synced: ext4
# writes its journal then, as it does every 5 s anyway. Then the file system is shut down
# (FS_IOC_SHUTDOWN, flag 2: nothing more is written), and recovers.
# Needs root, a loop device, mkfs.ext4, strace and Go. Ends with 0 as long as it is so.
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

require github.com/tidwall/wal v1.2.1
MOD
cat >main.go <<'GO'
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/tidwall/wal"
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
	entries, err := wal.Open("disk/wal", nil)
	must(err)
	if os.Args[1] == "fill" {
		for i := uint64(1); ; i++ {
			must(entries.Write(i, bytes.Repeat([]byte("x"), 100)))
			fmt.Println(i)
		}
	}
	last, err := entries.LastIndex()
	must(err)
	empty := 0
	for i := uint64(1); i <= last; i++ {
		entry, err := entries.Read(i)
		must(err)
		if len(entry) == 0 {
			empty++
		}
	}
	fmt.Println(last, empty, entries.Write(21, []byte("x")))
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

strace -f -qq -o trace -e trace=fsync -e inject=fsync:delay_enter=600s:when=21 ./finding fill >acknowledged 2>errors &
tracer=$!
for _ in $(seq 300); do
	[[ $(grep -c 'fsync(' trace 2>/dev/null) -lt 21 ]] || break
	sleep 0.1
done
held=$(pgrep -P $tracer)
[ "$(tail -1 acknowledged)" = 20 ] || { echo "not 20 entries: $(tail -1 errors)" >&2; exit 2; }
touch disk/other
sync disk/other
./finding cut
{ kill -KILL $tracer $held; wait $tracer; } 2>/dev/null || true
while kill -0 $held 2>/dev/null; do sleep 0.1; done
tracer=
umount disk
mount -o loop image disk

shown=$(./finding show)
read -r last empty next <<<"$shown"
echo "20 entries acknowledged; after the failure $last, of which $empty are empty; Write(21): $next"
[ "$last" -gt 21 ] && [ "$empty" -gt 0 ]
