#!/usr/bin/env bash
# A write that ZooKeeper's members truncate comes back on one of them, from a snapshot
#
# Version:     Apache ZooKeeper 3.8.0, Debian's zookeeper 3.8.0-11+deb12u2, OpenJDK 17
# Expectation: A leader's write that no majority took is removed when that member follows
#              another one: "TRUNC" removes it from its log. All members hold the same.
# Behaviour:   A member that is elected takes a snapshot before anybody follows it, of all
#              that is in its log, committed or not. If nobody does follow it, and it is told
#              to truncate later, the log is cut, and what is in memory is loaded anew: from
#              that snapshot, which still has the write. From then on this member alone
#              shows it, for good; its log says "Digests are not matching". Much like
#              ZOOKEEPER-1549, which speaks of a DIFF.
# Seen:        n1: [kept, other, zookeeper]  n2: [kept, other, zookeeper]  n3: [kept, lost, other, zookeeper]
# Date:        2026-12-01
#
# That nobody follows is brought about here by a wrong port in one member's file; usurper
# came upon it by cutting leaders off, in the 60 s of `usurper run --target zookeeper`.
# Needs the packages zookeeper and openjdk-17-jre-headless, free ports 23101-23133 on
# 127.0.0.1, and a minute. Ends with 0 as long as it is so.
set -euo pipefail
dir=$(mktemp -d)
declare -A pid
stop() { for n in "$@"; do [ -z "${pid[$n]:-}" ] || { kill -KILL "${pid[$n]}" 2>/dev/null || true; wait "${pid[$n]}" 2>/dev/null || true; pid[$n]=; }; done; }
trap 'stop 1 2 3 writer; rm -rf "$dir"' EXIT
path=/usr/share/java/zookeeper.jar:/usr/share/java/slf4j-simple.jar
flags=(-Xmx96m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -cp "$path" -Dorg.slf4j.simpleLogger.defaultLogLevel=warn)

# start N [PORT] starts a member; PORT is where it looks for n3 in the place of the right one.
start() {
	mkdir -p "$dir/n$1"
	echo "$1" >"$dir/n$1/myid"
	cat >"$dir/n$1.cfg" <<-END
		tickTime=200
		initLimit=25
		syncLimit=5
		dataDir=$dir/n$1
		clientPortAddress=127.0.0.1
		clientPort=2310$1
		maxSessionTimeout=60000
		admin.enableServer=false
		4lw.commands.whitelist=srvr
		server.1=127.0.0.1:23111:23121
		server.2=127.0.0.1:23112:23122
		server.3=127.0.0.1:${2:-23113}:23123
	END
	java "${flags[@]}" org.apache.zookeeper.server.quorum.QuorumPeerMain "$dir/n$1.cfg" >>"$dir/n$1.log" 2>&1 &
	pid[$1]=$!
}
mode() { { exec 3<>"/dev/tcp/127.0.0.1/2310$1" && printf srvr >&3 && timeout 2 cat <&3 | sed -n 's/^Mode: //p'; } 2>/dev/null || true; }
# await N MODE waits until a member says that it is a leader or follower.
await() {
	for _ in $(seq 150); do
		[ "$(mode "$1")" != "$2" ] || return 0
		sleep 0.2
	done
	echo "n$1 is no $2: $(tail -1 "$dir/n$1.log")" >&2
	exit 2
}
# client N COMMAND… is ZooKeeper's own, at one member.
client() {
	local n=$1
	shift
	timeout 20 java "${flags[@]}" org.apache.zookeeper.ZooKeeperMain -server "127.0.0.1:2310$n" "$@" 2>/dev/null
}

# logged PATTERN N FILES waits until one of the files of a member has it.
logged() {
	for _ in $(seq 150); do
		! grep -qasr --include="$3.*" "$1" "$dir/n$2/version-2" || return 0
		sleep 0.2
	done
	return 1
}

start 3; start 2
await 3 leader
start 1
await 1 follower; await 2 follower
# n3 puts a write into its log that nobody else gets: from a session that was there before.
mkfifo "$dir/words"
java "${flags[@]}" -Djline.terminal=jline.UnsupportedTerminal org.apache.zookeeper.ZooKeeperMain -timeout 60000 -server 127.0.0.1:23103 <"$dir/words" >"$dir/writer" 2>&1 &
pid[writer]=$!
exec 4>"$dir/words"
echo "create /kept x" >&4
logged /kept 1 log || { echo "no write: $(tail -1 "$dir/writer")" >&2; exit 2; }
kill -STOP "${pid[1]}" "${pid[2]}"
echo "create /lost x" >&4
logged /lost 3 log || { echo "n3 has not logged the write" >&2; exit 2; }
stop 1 2 writer
exec 4>&-
# n1 elects n3, which has more, and cannot follow it.
start 1 23199
logged /lost 3 snapshot || { echo "n3 took no snapshot: it may be mended" >&2; exit 1; }
stop 1 3
# The others go on without the write; n3 joins them, before there is another one (else it
# would be sent everything).
start 1; start 2
await 2 leader
start 3
await 3 follower
client 2 create /other x >/dev/null
shown=()
for n in 1 2 3; do
	shown[$n]=$(client $n ls / | tail -1)
	printf 'n%d: %s  ' $n "${shown[$n]}"
done
echo
grep -h -o 'Truncating log to get in sync with the leader.*' "$dir/n3.log" || true
grep -h -o -m1 'Digests are not matching' "$dir/n3.log" || true
[[ ${shown[1]} == "${shown[2]}" && ${shown[1]} != *lost* && ${shown[3]} == *lost* ]]
