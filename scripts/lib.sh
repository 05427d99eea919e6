# Sourced by the scripts: builds the binary into a folder that goes away, and
# makes sure that the scripts work from any folder.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
work=$(mktemp -d)
# gone is whether all that this script has started has ended.
gone() { ! pkill -0 -P $$ 2>/dev/null; }
# away ends that and removes the folder, however the script ends: a run that is told to end
# takes a moment, and writes until then.
away() {
	trap '' INT TERM HUP
	pkill -TERM -P $$ 2>/dev/null || true
	for _ in {1..300}; do gone && break || sleep 0.1; done
	rm -rf "$work"
}
trap away EXIT
trap 'exit 130' INT # a run that is interrupted ends in good order, so that bash would go on
usurper=$work/usurper
go build -o "$usurper" .
machine() { printf '%s, %s processors, %s\n\n' "$(uname -sr)" "$(nproc)" "$(go version | cut -d' ' -f3)"; }
# stat RUN CHECKER NAME prints one number of a verdict.json.
stat() { awk -v c="\"$2\"" -v n="\"$3\":" '$1=="\"checker\":"{in_c=($2==c",")} in_c && $1==n {sub(",","",$2); print $2; exit}' "$1/verdict.json"; }
# stat_time FILE prints when it was last written, in seconds.
stat_time() { command stat -c %.9Y "$1"; }
# median of the numbers on standard input.
median() { sort -n | awk '{v[NR]=$1} END {if (NR) print v[int((NR+1)/2)]; else print "-"}'; }
