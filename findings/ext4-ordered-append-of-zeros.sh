#!/usr/bin/env bash
# ext4, data=ordered: after a power failure an append that was not synced is there, in zeros
#
# Version:     Linux 6.18.44, ext4 with its defaults, e2fsprogs 1.47.0
# Expectation: In the default mode a file's data is written out before the metadata that goes with
#              it is committed (ext4(5), and "Data Mode" in the kernel's admin-guide/ext4.rst).
#              So an append is there after a power failure, with its data, or the file has
#              its old size. Logs count on that: redis.conf speaks of a tail that is cut off, and
#              of mounts without data=ordered.
# Behaviour:   That holds for blocks that are new. An append within a block that the file has
#              already changes the size at once, in memory, and nothing ties the data to it: the next
#              commit, every 5 s or when anybody syncs any file there, keeps the size; the data
#              follows when its page is written, up to 30 s later. In between a power
#              failure leaves zeros. The same without delayed allocation and with nodioread_nolock. With
#              data=journal the data is there; xfs has the old size.
#              (filesystems/ext4/journal.rst is careful: it promises no state of data at all.)
# Seen:        defaults: 150 bytes, 50 of them zeros
#              nodelalloc: 150 bytes, 50 of them zeros
#              data=journal: 150 bytes, 0 of them zeros
# Date:        2026-12-01
#
# The power failure is the ioctl FS_IOC_SHUTDOWN with flag 2: from then on nothing is written, and
# the file system recovers from its journal when it is mounted again. What that does to two libraries:
# dque-safe-mode-loses-items.sh, tidwall-wal-zeros-are-entries.sh; to Redis: redis/redis#5177.
# Needs root, a loop device, mkfs.ext4 and a C compiler. Ends with 0 as long as it is so.
set -euo pipefail
[ "$(id -u)" -eq 0 ] || { echo "run it as root: it mounts a disk" >&2; exit 2; }
dir=$(mktemp -d)
trap 'umount "$dir/disk" 2>/dev/null || true; rm -rf --one-file-system "$dir"' EXIT
cd "$dir"
cat >finding.c <<'C'
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

int main(void) {
	char x[150];
	memset(x, 'x', sizeof x);
	int file = open("disk/file", O_WRONLY | O_CREAT | O_APPEND, 0644);
	if (write(file, x, 100) != 100 || fsync(file) != 0) return 1;
	if (write(file, x, 50) != 50) return 1;

	int other = open("disk/other", O_WRONLY | O_CREAT, 0644); /* somebody else's */
	if (write(other, x, 1) != 1 || fsync(other) != 0) return 1;
	sleep(1);

	uint32_t nothing_more = 2;
	return ioctl(file, 0x8004587d, &nothing_more) != 0;
}
C
cc -o finding finding.c
mkdir disk

# after OPTIONS prints the size of the file after the failure, and how many bytes of it are zeros.
after() {
	rm -f image
	truncate -s 256M image
	mkfs.ext4 -q -b 4096 image
	mount -o "loop,$1" image disk
	./finding
	umount disk
	mount -o "loop,$1" image disk
	echo "$(stat -c %s disk/file) bytes, $(tr -d x <disk/file | wc -c) of them zeros"
	umount disk
}
seen=$(for options in defaults nodelalloc data=journal; do echo "$options: $(after $options)"; done)
echo "$seen"
[ "$seen" = "defaults: 150 bytes, 50 of them zeros
nodelalloc: 150 bytes, 50 of them zeros
data=journal: 150 bytes, 0 of them zeros" ]
