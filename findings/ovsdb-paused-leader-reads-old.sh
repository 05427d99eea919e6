#!/usr/bin/env bash
# A leader of an OVSDB cluster that was paused answers a read from before its successor's write
#
# Version:     ovsdb-server 3.1.0, Debian's openvswitch-common 3.1.0-2+deb12u1
# Expectation: ovsdb(7), "Understanding Cluster Consistency": a read at a follower may be
#              stale, "Transactions on the leader always yield fresh results".
# Behaviour:   A leader asks nobody before it answers a read. One that was stopped while
#              the others elected a new leader and committed a write does not know of
#              either when it goes on: a read that was sent after that write was done, on a
#              connection from before, is answered with the value from before. (Asked
#              whether it leads, in the place of that read, it says so too.) What has
#              to see the newest has to write as well.
# Seen:        n3 has committed 2, then n1 answers: {"id":1,"result":[{"rows":[{"v":1}]}],"error":null}
# Date:        2026-12-01
#
# Takes the package by apt-get download (its libraries have to be there), free ports
# 23201-23223 on 127.0.0.1 and some ten seconds. Ends with 0 as long as it is so.
set -euo pipefail
dir=$(mktemp -d)
declare -A pid
stop() { for n in "${!pid[@]}"; do kill -KILL "${pid[$n]}" 2>/dev/null || true; wait "${pid[$n]}" 2>/dev/null || true; done; }
trap 'stop; rm -rf "$dir"' EXIT
(cd "$dir" && apt-get -qq download openvswitch-common 2>/dev/null && dpkg -x openvswitch-common_*.deb unpacked) ||
	{ echo "openvswitch-common is not to be had: apt-get update" >&2; exit 2; }
PATH=$dir/unpacked/usr/bin:$dir/unpacked/usr/sbin:$PATH
ovsdb-server --version | head -1

# start N starts a member: clients dial it at 2320N, others at 2322N.
start() {
	ovsdb-server "$dir/n$1.db" --remote="ptcp:2320$1:127.0.0.1" --unixctl="$dir/n$1.ctl" --log-file="$dir/n$1.log" -vconsole:off 2>/dev/null &
	pid[$1]=$!
}
status() { timeout 2 ovs-appctl -t "$dir/n$1.ctl" cluster/status kept 2>/dev/null || true; }
leads() { [[ $(status "$1") == *"Role: leader"* ]]; }
follows() { [[ $(status "$1") == *"Status: cluster member"*"Role: follower"*"Leader: "[!u]* ]]; }
successor() { leads 2 || leads 3; }
# await COMMAND… waits until it succeeds.
await() {
	for _ in $(seq 100); do
		! "$@" || return 0
		sleep 0.1
	done
	echo "waited in vain: $*" >&2
	exit 2
}
transact() { timeout 5 ovsdb-client transact "tcp:127.0.0.1:2320$1" "[\"kept\", $2]"; }

echo '{"name": "kept", "version": "1.0.0", "tables": {"value": {"columns": {"v": {"type": "integer"}}}}}' >"$dir/schema"
ovsdb-tool create-cluster "$dir/n1.db" "$dir/schema" tcp:127.0.0.1:23221
for n in 2 3; do ovsdb-tool join-cluster "$dir/n$n.db" kept "tcp:127.0.0.1:2322$n" tcp:127.0.0.1:23221; done
start 1; await leads 1
start 2; await follows 2
start 3; await follows 3
transact 1 '{"op": "insert", "table": "value", "row": {"v": 1}}' >/dev/null
leads 1 || { echo "n1 leads no more" >&2; exit 2; }

exec 3<>/dev/tcp/127.0.0.1/23201 # from before, for the read
kill -STOP "${pid[1]}"
await successor
if leads 2; then next=2; else next=3; fi
wrote=$(transact $next '{"op": "update", "table": "value", "where": [], "row": {"v": 2}}')
[ "$wrote" = '[{"count":1}]' ] || { echo "no write: $wrote" >&2; exit 2; }
# Only now is the read sent; then the leader of before goes on.
printf '%s' '{"id": 1, "method": "transact", "params": ["kept", {"op": "select", "table": "value", "where": [], "columns": ["v"]}]}' >&3
kill -CONT "${pid[1]}"
read -r -t 2 -N 4096 answer <&3 || true
echo "n$next has committed 2, then n1 answers: $answer"
[[ $answer == *'"rows":[{"v":1}]'* ]]
