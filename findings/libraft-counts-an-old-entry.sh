#!/usr/bin/env bash
# libraft (C-raft, below dqlite): a leader calls a command done that nobody else has
#
# Version:     libraft 0.15.0 (Debian 12: libraft-dev, libraft2 0.15.0-1)
# Expectation: a command is done once a majority has its entry (Raft §5.3, §5.4.2), and each
#              later leader has it.
# Behaviour:   an answer to AppendEntries names the follower's last entry, "as hint", which
#              may be one of an earlier term that nobody committed; and the leader takes
#              that index for what the follower has of *its* log. So a heartbeat to a follower
#              with such an entry makes the leader count it in for every entry up to there, also
#              for those that it makes afterwards and never sends. In a cluster of three that is a majority:
#              the command is answered as done, and the follower with the old entry may win
#              the next election and have its own in that place.
# Seen:        leader of term 2: the command is done, committed up to 2
#              appends that others have had since: 0 and 0
#              next leader: the follower with the old entry
# Date:        2026-12-01
#
# The library's own fixture: three servers in one process, in virtual time. Needs gcc and
# Debian's packages (apt-get download, nothing is installed). Ends with 0 as long as it is so.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
apt-get download -q libraft-dev=0.15.0-1 libraft2=0.15.0-1 libuv1 >/dev/null 2>&1
for package in ./*.deb; do dpkg -x "$package" root; done
lib=$(dirname "$(find root -name 'libraft.so.2')")
cat >main.c <<'C'
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include <raft.h>
#include <raft/fixture.h>

static int apply(struct raft_fsm *fsm, const struct raft_buffer *buf, void **result)
{
	(void)fsm;
	(void)buf;
	*result = NULL;
	return 0;
}

static int status = -1;

static void answered(struct raft_apply *req, int s, void *result)
{
	(void)req;
	(void)result;
	status = s;
}

static struct raft_buffer command(void)
{
	struct raft_buffer buf = {.base = raft_malloc(8), .len = 8};
	memset(buf.base, 0, buf.len);
	return buf;
}

int main(void)
{
	static struct raft_fixture f;
	static struct raft_fsm fsms[3];
	struct raft_configuration members;
	assert(raft_fixture_initialize(&f) == 0);
	for (int i = 0; i < 3; i++) {
		fsms[i].version = 1;
		fsms[i].apply = apply;
		assert(raft_fixture_grow(&f, &fsms[i]) == 0);
	}
	assert(raft_fixture_configuration(&f, 3, &members) == 0);
	assert(raft_fixture_bootstrap(&f, &members) == 0);
	for (unsigned i = 0; i < 3; i++)
		raft_fixture_set_term(&f, i, 1);

	/* Two entries of term 1 that the first server alone has, as its leader then. */
	for (int i = 0; i < 2; i++) {
		struct raft_entry e = {.term = 1, .type = RAFT_COMMAND, .buf = command()};
		raft_fixture_add_entry(&f, 0, &e);
	}
	assert(raft_fixture_start(&f) == 0);

	/* The second wins term 2 with the third's vote; both others answer a heartbeat. */
	raft_fixture_elect(&f, 1);
	struct raft *leader = raft_fixture_get(&f, 1);
	unsigned had[3];
	for (unsigned i = 0; i < 3; i++)
		had[i] = raft_fixture_n_recv(&f, i, RAFT_IO_APPEND_ENTRIES);

	/* From now on nothing that it sends arrives, and it is given a command. */
	raft_fixture_saturate(&f, 1, 0);
	raft_fixture_saturate(&f, 1, 2);
	struct raft_apply req;
	struct raft_buffer buf = command();
	assert(raft_apply(leader, &req, &buf, 1, answered) == 0);
	raft_fixture_step_until_elapsed(&f, 200);
	printf("leader of term %llu: the command is %s, committed up to %llu\n", leader->current_term,
	       status == 0 ? "done" : "not done", leader->commit_index);
	printf("appends that others have had since: %u and %u\n",
	       raft_fixture_n_recv(&f, 0, RAFT_IO_APPEND_ENTRIES) - had[0],
	       raft_fixture_n_recv(&f, 2, RAFT_IO_APPEND_ENTRIES) - had[2]);

	raft_fixture_kill(&f, 1);
	raft_fixture_step_until_has_no_leader(&f, 20000);
	raft_fixture_elect(&f, 0);
	if (raft_fixture_get(&f, 0)->state == RAFT_LEADER)
		printf("next leader: the follower with the old entry\n");
	return 0;
}
C
gcc -Wall -Wno-deprecated-declarations -I root/usr/include -o stand main.c -L "$lib" -l:libraft.so.2 -Wl,-rpath-link,"$lib"
out=$(LD_LIBRARY_PATH=$dir/$lib ./stand)
echo "$out"
[ "$out" = 'leader of term 2: the command is done, committed up to 2
appends that others have had since: 0 and 0
next leader: the follower with the old entry' ]
