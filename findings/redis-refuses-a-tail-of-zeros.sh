#!/usr/bin/env bash
# Redis, appendfsync always: it does not start any more after a power failure during a write
#
# Version:     Debian's redis-server 5:7.0.15-1~deb12u10, Linux 6.18, ext4 with its defaults
# Expectation: redis.conf says of aof-load-truncated, which is on: what the append only file
#              lacks at its end after a failure of the system is told in the log and given up, and
#              Redis starts. It warns of mounts without data=ordered; this one is with it. (It says
#              as well that the option is for a file with too few bytes, and for no other damage.)
# Behaviour:   ext4 may keep the new size of a file and not yet its data, so that a write that was
#              not synced yet, and not acknowledged, is zeros after the failure. Only a file that
#              ends too soon counts as truncated; for zeros Redis asks for redis-check-aof --fix and
#              ends. Nothing is lost; but nobody is served before a person comes, with the strictest of settings.
#              Known: redis/redis#5177, valkey-io/valkey#1148, without the cause; redis/redis#14058
#              adds an option for damaged tails, in later versions.
# Seen:        37 writes acknowledged; after the failure: Bad file format reading the append only file
#              with the zeros cut off and half a command in their place: 37 keys
# Date:        2026-12-01
#
# usurper came upon it with everysec, in `usurper run --disk ext4 --target exec --config examples/redis-aof.yaml`.
# strace holds the server at its 40th fdatasync, until another file on that disk was synced: ext4
# writes its journal then, as it does every 5 s anyway. Then the file system is shut down
# (FS_IOC_SHUTDOWN, flag 2: nothing more is written), and recovers.
# Needs root, a loop device, mkfs.ext4, strace, a C compiler and redis-server. Ends with 0 as long as it is so.
set -euo pipefail
[ "$(id -u)" -eq 0 ] || { echo "run it as root: it mounts a disk" >&2; exit 2; }
dir=$(mktemp -d)
tracer=
server=
finish() {
	[ -z "$server" ] || { kill -KILL $tracer $server; wait $server $tracer; } 2>/dev/null || true
	umount "$dir/disk" 2>/dev/null || true
	rm -rf --one-file-system "$dir"
}
trap finish EXIT
cd "$dir"
cat >cut.c <<'C'
#include <fcntl.h>
#include <stdint.h>
#include <sys/ioctl.h>

int main(void) {
	uint32_t nothing_more = 2;
	return ioctl(open("disk", O_RDONLY), 0x8004587d, &nothing_more) != 0;
}
C
cc -o cut cut.c
mkdir disk
truncate -s 256M image
mkfs.ext4 -q -b 4096 image
mount -o loop image disk
run=(redis-server --port 0 --unixsocket "$dir/socket" --dir "$dir/disk" --save '' --appendonly yes --appendfsync always)
ask() { timeout 2 redis-cli -s "$dir/socket" "$@" 2>/dev/null || true; }
# ready waits until the server answers, or is gone.
ready() {
	for _ in $(seq 200); do
		[ "$(ask ping)" != PONG ] || return 0
		kill -0 "$1" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

strace -f -qq -o trace -e trace=fdatasync -e inject=fdatasync:delay_enter=600s:when=40 "${run[@]}" >log 2>&1 &
tracer=$!
ready $tracer || { echo "no server: $(tail -1 log)" >&2; exit 2; }
server=$(pgrep -P $tracer)
acknowledged=0
while [ "$(ask set key$acknowledged 0123456789)" = OK ]; do acknowledged=$((acknowledged + 1)); done
touch disk/other
sync disk/other
./cut
{ kill -KILL $tracer $server; wait $tracer; } 2>/dev/null || true
while kill -0 $server 2>/dev/null; do sleep 0.1; done
server=
umount disk
mount -o loop image disk

"${run[@]}" >log 2>&1 &
server=$!
if ready $server; then
	echo "it started, with $(ask dbsize) keys" >&2
	exit 1
fi
server=
echo "$acknowledged writes acknowledged; after the failure: $(grep -o 'Bad file format reading the append only file' log)"

file=disk/appendonlydir/appendonly.aof.1.incr.aof
{ tr -d '\0' <$file; printf '*3\r\n$3\r\nSE'; } >whole
cat whole >$file
"${run[@]}" >log 2>&1 &
server=$!
ready $server || { echo "no server: $(tail -1 log)" >&2; exit 1; }
keys=$(ask dbsize)
echo "with the zeros cut off and half a command in their place: $keys keys"
[ "$keys" -ge "$acknowledged" ]
