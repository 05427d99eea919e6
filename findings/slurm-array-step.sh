#!/usr/bin/env bash
# Slurm tells the tasks of one array different things by how its ids were written
#
# Version:     Slurm 22.05.8, slurmctld and slurmd of Debian 12 (22.05.8-4+deb12u3)
# Expectation: --array=1,3,5 and --array=1-5:2 are the same three tasks, so that they get
#              the same SLURM_ARRAY_TASK_MIN, _MAX, _STEP and _COUNT, and the number of a
#              task among its fellows is (ID-MIN)/STEP, from 0 to COUNT-1.
# Behaviour:   Both have MIN 1, MAX 5 and COUNT 3; STEP is 2 for the range and 1 for the
#              list. By that formula the tasks of the list are number 0, 2 and 4 of 3: who
#              shares work out by it does parts of it never, and some that do not exist.
#              A list says no more of itself: what its ids are, no task is told.
# Seen:        1-5:2  id 5  min 1  max 5  step 2  count 3
#              1,3,5  id 5  min 1  max 5  step 1  count 3
# Date:        2026-11-30
#
# Needs Debian 12's packages, root (slurmd) and a few seconds; installs nothing, and
# listens on loopback. Ends with 0 as long as it is so.
set -euo pipefail
dir=$(mktemp -d)
pids=()
away() {
	local status=$?
	[ $status -eq 0 ] || tail -n 5 "$dir"/*.log >&2 || true
	for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
	for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
	rm -rf "$dir"
	exit $status
}
trap away EXIT
cd "$dir"
mkdir debs root etc spool state
slurm=(slurmctld slurmd slurm-client slurm-wlm-basic-plugins libslurm38)
(cd debs && apt-get download -q "${slurm[@]/%/=22.05.8-4+deb12u3}" munge libmunge2 libhwloc15 libjson-c5 liblua5.1-0 \
	libnuma1 libdbus-1-3 libyaml-0-2 liblz4-1 libpam0g libreadline8 >../apt.log 2>&1)
for deb in debs/*.deb; do dpkg -x "$deb" root; done
lib=$(echo "$dir"/root/usr/lib/*-linux-gnu)
export LD_LIBRARY_PATH=$lib:$lib/slurm-wlm:$dir/root/lib/${lib##*/} SLURM_CONF=$dir/etc/slurm.conf PATH=$dir/root/usr/bin:$PATH
free() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
head -c 1024 /dev/urandom >etc/munge.key
chmod 400 etc/munge.key
chmod 700 . etc
cat >"$SLURM_CONF" <<C
ClusterName=finding
SlurmctldHost=localhost(127.0.0.1)
SlurmctldPort=$(free)
SlurmdPort=$(free)
SlurmUser=root
AuthType=auth/munge
AuthInfo=socket=$dir/munge.sock,cred_expire=5
CredType=cred/munge
PluginDir=$lib/slurm-wlm
SlurmctldPidFile=$dir/slurmctld.pid
SlurmdPidFile=$dir/slurmd.pid
SlurmdSpoolDir=$dir/spool
StateSaveLocation=$dir/state
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
SwitchType=switch/none
NodeName=localhost NodeAddr=127.0.0.1 CPUs=8 RealMemory=4000 State=UNKNOWN
PartitionName=all Nodes=localhost Default=YES MaxTime=INFINITE State=UP
C
root/usr/sbin/munged --foreground --key-file "$dir/etc/munge.key" --socket "$dir/munge.sock" --pid-file "$dir/munged.pid" \
	--log-file "$dir/munged.log" --seed-file "$dir/munge.seed" --force >munge.log 2>&1 &
pids+=($!)
# wait_for SECONDS COMMAND… waits until a command succeeds.
wait_for() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { echo "waited in vain: $*" >&2; exit 2; }
		sleep 0.2
	done
}
wait_for 20 test -S munge.sock
root/usr/sbin/slurmctld-wlm -D >slurmctld.log 2>&1 &
pids+=($!)
root/usr/sbin/slurmd-wlm -D -N localhost -d "$dir/root/usr/sbin/slurmstepd-wlm" >slurmd.log 2>&1 &
pids+=($!)
wait_for 60 sh -c 'sinfo -h -o %T | grep -qx idle'
sbatch --version
cat >task.sh <<'T'
#!/bin/sh
echo "id $SLURM_ARRAY_TASK_ID  min $SLURM_ARRAY_TASK_MIN  max $SLURM_ARRAY_TASK_MAX  step $SLURM_ARRAY_TASK_STEP  count $SLURM_ARRAY_TASK_COUNT"
T
# tell ARRAY prints what the tasks of an array are told.
tell() {
	local out=$dir/out-$1
	mkdir "$out"
	sbatch --parsable --mem=0 --array="$1" --output="$out/%a" task.sh >/dev/null
	wait_for 60 sh -c '[ -s "$0/1" ] && [ -s "$0/3" ] && [ -s "$0/5" ]' "$out"
	sed "s/^/$1  /" "$out/1" "$out/3" "$out/5"
}
tell 1-5:2 | tee range
tell 1,3,5 | tee list
grep -qx '1-5:2  id 5  min 1  max 5  step 2  count 3' range
grep -qx '1,3,5  id 5  min 1  max 5  step 1  count 3' list
