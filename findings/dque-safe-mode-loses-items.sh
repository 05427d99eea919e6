#!/usr/bin/env bash
# dque in safe mode: a power failure during an Enqueue removes items that were acknowledged before it
#
# Version:     github.com/joncrlsn/dque v0.0.0-20211108142734-c2ef48c5192a, Go
#              1.26.8, Linux 6.18, ext4 with its defaults
# Expectation: In safe mode, the default, each Enqueue ends with an fsync, and the README
#              says that there is little risk of losing data. An item whose Enqueue has returned is
#              there after a power failure; the one under way may be or not.
# Behaviour:   A segment is appended to, and four bytes of zero are the mark that its first
#              item was taken out. ext4 may keep the new size of a file and not yet its data, so that a
#              write that was not synced yet is zeros after the failure: dque reads it as a row of
#              such marks, and as many items are gone from the head of the queue, without an error.
#              (Are there more marks than items, or is the row no multiple of four, Open fails, since
#              pull request 17, which saw such zeros in turbo mode.)
# Seen:        200 items acknowledged, none taken out; after the failure 154, the first is number 47
# Date:        2026-12-01
#
# strace holds the program at its 201st fsync, until another file on that disk was synced: ext4
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

require github.com/joncrlsn/dque v0.0.0-20211108142734-c2ef48c5192a
MOD
cat >main.go <<'GO'
package main

import (
	"fmt"
	"log"
	"os"
	"runtime"
	"syscall"
	"unsafe"

	"github.com/joncrlsn/dque"
)

type Item struct {
	Number int
	Data   [103]byte
}

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
	queue, err := dque.NewOrOpen("queue", "disk", 10000, func() interface{} { return &Item{} })
	must(err)
	if os.Args[1] == "fill" {
		for i := 1; ; i++ {
			must(queue.Enqueue(&Item{Number: i}))
			fmt.Println(i)
		}
	}
	first, err := queue.Peek()
	must(err)
	fmt.Println(queue.Size(), first.(*Item).Number)
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

strace -f -qq -o trace -e trace=fsync -e inject=fsync:delay_enter=600s:when=201 ./finding fill >acknowledged 2>errors &
tracer=$!
for _ in $(seq 300); do
	[[ $(grep -c 'fsync(' trace 2>/dev/null) -lt 201 ]] || break
	sleep 0.1
done
held=$(pgrep -P $tracer)
[ "$(tail -1 acknowledged)" = 200 ] || { echo "not 200 items: $(tail -1 errors)" >&2; exit 2; }
touch disk/other
sync disk/other
./finding cut
{ kill -KILL $tracer $held; wait $tracer; } 2>/dev/null || true
while kill -0 $held 2>/dev/null; do sleep 0.1; done
tracer=
umount disk
mount -o loop image disk

shown=$(./finding show)
read -r size first <<<"$shown"
echo "200 items acknowledged, none taken out; after the failure $size, the first is number $first"
[ "$size" -lt 200 ] && [ "$first" -gt 1 ]
