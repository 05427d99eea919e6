#!/usr/bin/env bash
# OpenSMTPD accepts mail that is on no disk yet: a power failure loses it
#
# Version:     Debian's opensmtpd 6.8.0p2-4+b4, Linux 6.18, ext4 with its defaults
# Expectation: "250" after the data means that the server has taken responsibility: it is not to
#              lose the message for as little as a host that crashes later (RFC 5321, 6.1). Its client
#              deletes it.
# Behaviour:   smtpd writes message and envelope, renames them into its queue, answers, and syncs
#              nothing of that: strace shows no fsync at all, though the program has the call. What was
#              accepted in the last half a minute or so, since the file system wrote it out by itself, is
#              gone after a power failure, without a bounce: nobody is told. (Debian's nullmailer 2.2 syncs
#              file and directory: 3 of 3 were there after the same.)
# Seen:        20 mails accepted with 250, 0 syncs; in the queue before the failure 20, after it 0
# Date:        2026-12-01
#
# It runs in mount namespaces of its own, where /etc, /run, /var/lib and /var/spool are copies. The
# power failure is the ioctl FS_IOC_SHUTDOWN with flag 2 on the disk of the queue: nothing more is written;
# the file system recovers when it is mounted again. There is nobody whom the mail could be sent on to.
# Needs root, a loop device, mkfs.ext4, strace, python3, Debian 12 and the libraries that the package
# depends on, free ports 23025 and 23026 on 127.0.0.1. Ends with 0 as long as it is so.
set -euo pipefail
[ "$(id -u)" -eq 0 ] || { echo "run it as root: it mounts a disk" >&2; exit 2; }
if [ "${1:-}" != inside ]; then
	dir=$(mktemp -d)
	trap 'rm -rf --one-file-system "$dir"' EXIT
	chmod 755 "$dir"
	(cd "$dir" && apt-get download -qq opensmtpd=6.8.0p2-4+b4 2>/dev/null && dpkg -x opensmtpd_*.deb .)
	unshare --mount "$0" inside "$dir"
	exit
fi

dir=$2
tracer=
# finish ends smtpd; the mounts end with the namespace.
finish() {
	[ -z "$tracer" ] || { kill -KILL $tracer $(members); wait $tracer; } 2>/dev/null || true
	umount /var/spool/smtpd 2>/dev/null || true
}
trap finish EXIT
cd "$dir"
mkdir copies
mount -t tmpfs none copies
mkdir copies/etc copies/work
mount -t overlay -o lowerdir=/etc,upperdir=copies/etc,workdir=copies/work none /etc
for path in /run /var/lib /var/spool; do mount -t tmpfs none $path; done
for user in opensmtpd:990 opensmtpq:991; do
	echo "${user%:*}:x:${user#*:}:${user#*:}::/var/lib/opensmtpd/empty:/usr/sbin/nologin" >>/etc/passwd
	echo "${user%:*}:x:${user#*:}:" >>/etc/group
done
mkdir -p /var/lib/opensmtpd/empty /var/spool/smtpd
chgrp opensmtpq usr/sbin/smtpctl
chmod 2755 usr/sbin/smtpctl
echo host.example.com >/etc/mailname
cat >smtpd.conf <<'CONF'
listen on 127.0.0.1 port 23025
action "out" relay host "smtp://127.0.0.1:23026"
match from any for any action "out"
CONF
cat >finding.py <<'PYTHON'
import fcntl, os, smtplib, struct, sys

if sys.argv[1] == "cut":
    fcntl.ioctl(os.open("/var/spool/smtpd", os.O_RDONLY), 0x8004587D, struct.pack("I", 2))
    sys.exit()
accepted = 0
for i in range(int(sys.argv[2])):
    with smtplib.SMTP("127.0.0.1", 23025) as smtp:
        smtp.ehlo("client.example.com")
        smtp.mail("from@example.com")
        smtp.rcpt("to@example.org")
        accepted += smtp.data(f"Subject: {i}\r\n\r\nHello\r\n")[0] == 250
print(accepted)
PYTHON
truncate -s 256M image
mkfs.ext4 -q image
mount -o loop image /var/spool/smtpd
chmod 711 /var/spool/smtpd

members() { pgrep -g "$tracer" -x smtpd || true; }
queue() { usr/sbin/smtpctl show queue | wc -l; }
# start starts smtpd and waits until it answers.
start() {
	setsid strace -f -qq -o trace -e trace=fsync,fdatasync,sync,syncfs,sync_file_range "$dir/usr/sbin/smtpd" -d -f smtpd.conf >log 2>&1 &
	tracer=$!
	for _ in $(seq 100); do
		! usr/sbin/smtpctl show stats >/dev/null 2>&1 || return 0
		sleep 0.1
	done
	echo "no smtpd: $(tail -1 log)" >&2
	exit 2
}
start
sync -f /var/spool/smtpd
accepted=$(python3 finding.py send 20)
before=$(queue)
kill -STOP $(members)
python3 finding.py cut
{ kill -KILL $(members) $tracer; wait $tracer; } 2>/dev/null || true
syncs=$(grep -c sync trace || true)
for _ in $(seq 50); do
	! umount /var/spool/smtpd 2>/dev/null || break
	sleep 0.1
done
mount -o loop image /var/spool/smtpd
start
after=$(queue)
echo "$accepted mails accepted with 250, $syncs syncs; in the queue before the failure $before, after it $after"
[ "$accepted" = 20 ] && [ "$before" = 20 ] && [ "$after" -lt 20 ]
