#!/usr/bin/env bash
# Chromium that root starts under nice -n 19 sets its threads back to nice 0
#
# Version:     Debian's chromium-headless-shell 156.0.8078.114-1~deb12u1
# Expectation: A browser started with `nice -n 19`, so that what is measured beside it has
#              the processors, stays there: niceness is inherited by threads and children,
#              and a program that wants less of it needs a privilege that few have.
# Behaviour:   Chromium sets the priority of each of its threads by what it is for. Root
#              has the privilege, so its threads go back to 0; in
#              the full browser (package chromium) some go on to -8. A browser test that
#              runs in the background of a benchmark, as root as in most CI, takes as much
#              as the benchmark does, or more. Without CAP_SYS_NICE the threads stay at 19:
#              setpriv --bounding-set=-sys_nice --inh-caps=-sys_nice nice -n 19 chromium …
# Seen:        as root: 26 of 26 threads at nice 0; without CAP_SYS_NICE: 0 of 27
# Date:        2026-11-30
#
# Needs root, Debian 12 and the libraries that the package depends on. Ends with 0 as long
# as it is so.
set -euo pipefail
[ "$(id -u)" -eq 0 ] || { echo "run it as root, which it is about" >&2; exit 2; }
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 "$dir"
for package in chromium-headless-shell chromium-common; do
	apt-get download -qq $package=156.0.8078.114-1~deb12u1 2>/dev/null
	dpkg -x "$package"_*.deb .
done
shell=$dir/usr/lib/chromium/chromium-headless-shell

# raised starts the browser under nice -n 19 by a command, and prints how many threads of
# its first process are at a lower niceness, and of how many.
raised() {
	local pid before=0 now
	setsid "$@" nice -n 19 "$shell" --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
		--user-data-dir="$dir/data" --remote-debugging-port=0 about:blank >"$dir/out" 2>&1 &
	pid=$!
	for _ in $(seq 60); do # until it has started all of them
		sleep 1
		now=$(ps -Lo ni= -p $pid | wc -l || true)
		[ "$now" -gt 10 ] && [ "$now" -eq "$before" ] && break
		before=$now
	done
	ps -Lo ni= -p $pid | awk '$1<19 {n++} END {print n+0, NR}'
	kill $pid
	wait $pid 2>/dev/null || true
	rm -rf "$dir/data"
}
read -r root all < <(raised env)
echo "as root: $root of $all threads at nice 0"
read -r plain of < <(raised setpriv --bounding-set=-sys_nice --inh-caps=-sys_nice)
echo "without CAP_SYS_NICE: $plain of $of"
[ "$all" -gt 10 ] && [ "$of" -gt 10 ] || { echo "the browser did not start: $(tail -1 "$dir/out")" >&2; exit 2; }
[ "$root" -gt $((all / 2)) ] && [ "$plain" -eq 0 ]
