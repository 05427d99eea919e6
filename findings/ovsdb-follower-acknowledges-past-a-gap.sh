#!/usr/bin/env bash
# A member of an OVSDB cluster that could not write for a moment acknowledges what comes later, and never starts again
#
# Version:     ovsdb-server 3.1.0, Debian's openvswitch-common 3.1.0-2+deb12u1
# Expectation: Raft, 5.3: who acknowledges an entry has it and all before it on its disk, so that
#              what a majority has acknowledged is there for good. ovsdb(7): transactions are
#              durable.
# Behaviour:   Writes of a follower's file fail for a while (here by a limit of its size, which is
#              lifted again; a full disk does the same). It stays up, keeps those entries in memory
#              alone, and acknowledges them with the first that it can write again: with the other
#              follower down, the leader commits by its word. Its file has a gap then. Started
#              again, it refuses it, so that two of three members that nobody lost cannot go on.
#              That such a member does not start was seen by others after a full disk:
#              kubeovn/kube-ovn#1968.
# Seen:        n1 committed a transaction with n3 alone, which lacks entries
#              n3, started again: record 9 with index 11 skips past expected index 6
# Date:        2026-12-01
#
# Takes the package by apt-get download (its libraries have to be there), prlimit, free ports
# 23301-23323 on 127.0.0.1 and some ten seconds. Ends with 0 as long as it is so.
set -euo pipefail
dir=$(mktemp -d)
declare -A pid
stop() { for n in "${!pid[@]}"; do kill -KILL "${pid[$n]}" 2>/dev/null || true; wait "${pid[$n]}" 2>/dev/null || true; done; }
trap 'stop; rm -rf "$dir"' EXIT
(cd "$dir" && apt-get -qq download openvswitch-common 2>/dev/null && dpkg -x openvswitch-common_*.deb unpacked) ||
	{ echo "openvswitch-common is not to be had: apt-get update" >&2; exit 2; }
PATH=$dir/unpacked/usr/bin:$dir/unpacked/usr/sbin:$PATH
ovsdb-server --version | head -1

# start N starts a member: clients dial it at 2330N, others at 2332N. A file that is too large
# is an error to it, and no signal; what it says goes through a pipe, which has no size.
start() {
	(trap '' XFSZ; exec ovsdb-server "$dir/n$1.db" --remote="ptcp:2330$1:127.0.0.1" --unixctl="$dir/n$1.ctl" -vconsole:warn 2> >(exec cat >"$dir/n$1.err")) &
	pid[$1]=$!
}
status() { timeout 2 ovs-appctl -t "$dir/n$1.ctl" cluster/status kept 2>/dev/null || true; }
leads() { [[ $(status "$1") == *"Role: leader"* ]]; }
follows() { [[ $(status "$1") == *"Status: cluster member"*"Role: follower"*"Leader: "[!u]* ]]; }
failed() { grep -q 'raft|ERR|I/O error' "$dir/n3.err"; }
# await COMMAND… waits until it succeeds.
await() {
	for _ in $(seq 200); do
		! "$@" || return 0
		sleep 0.1
	done
	echo "waited in vain: $*" >&2
	exit 2
}
insert() { timeout 10 ovsdb-client transact tcp:127.0.0.1:23301 "[\"kept\", {\"op\": \"insert\", \"table\": \"value\", \"row\": {\"v\": $1}}]"; }

echo '{"name": "kept", "version": "1.0.0", "tables": {"value": {"columns": {"v": {"type": "integer"}}}}}' >"$dir/schema"
ovsdb-tool create-cluster "$dir/n1.db" "$dir/schema" tcp:127.0.0.1:23321
for n in 2 3; do ovsdb-tool join-cluster "$dir/n$n.db" kept "tcp:127.0.0.1:2332$n" tcp:127.0.0.1:23321; done
start 1; await leads 1
start 2; await follows 2
start 3; await follows 3
insert 1 >/dev/null
sleep 1

prlimit --pid "${pid[3]}" --fsize="$(stat -c %s "$dir/n3.db"):"
for v in 2 3 4 5 6; do insert $v >/dev/null; done
await failed
prlimit --pid "${pid[3]}" --fsize=unlimited:
sleep 1
leads 1 && follows 3 || { echo "another leads" >&2; exit 2; }
kill -KILL "${pid[2]}"; wait "${pid[2]}" 2>/dev/null || true
[[ $(insert 7) == *uuid* ]] || { echo "the two did not commit"; exit 1; }
echo "n1 committed a transaction with n3 alone, which lacks entries"
kill -KILL "${pid[3]}"; wait "${pid[3]}" 2>/dev/null || true
start 3
wait "${pid[3]}" || true
refused() { grep -q 'record [0-9]* with index' "$dir/n3.err"; }
await refused
grep -om 1 'record [0-9]* with index.*' "$dir/n3.err" | sed 's/^/n3, started again: /' || { cat "$dir/n3.err"; exit 1; }
