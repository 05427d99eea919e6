package zookeeper

import (
	"encoding/binary"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// room is where members talk, and what a watch makes of it.
type room struct {
	t      *testing.T
	watch  *tap.Watch
	events []history.Raft
	id     uint64
}

func newRoom(t *testing.T) *room {
	r := &room{t: t}
	r.watch = Dialect().Watch([]string{"n1", "n2", "n3"}, func(e history.Raft) { r.events = append(r.events, e) })
	return r
}

// line is one connection.
type line struct {
	*room
	from, to          string
	forward, backward fabric.Splitter
}

func (r *room) dial(from, to string) *line {
	f, b := r.watch.Open(from, to)
	return &line{r, from, to, f, b}
}

// says lets one end say something, and returns the classes of its frames.
func (l *line) says(who string, what ...[]byte) (classes []string) {
	l.t.Helper()
	splitter, link := l.forward, fabric.Link{From: l.from, To: l.to}
	if who == l.to {
		splitter, link = l.backward, fabric.Link{From: l.to, To: l.from}
	}
	for _, b := range what {
		for cut := range b { // whatever of it has come, it is not whole
			if cut > 0 && cut < 64 {
				n, _, err := splitter.Next(b[:cut:cut])
				require.NoError(l.t, err)
				require.Zero(l.t, n, "%d of %d bytes", cut, len(b))
			}
		}
		for len(b) > 0 {
			n, class, err := splitter.Next(b)
			require.NoError(l.t, err)
			require.NotZero(l.t, n)
			classes = append(classes, class)
			l.id++
			f := fabric.Frame{ID: l.id, Link: link, Class: class, Meaning: splitter.(fabric.Teller).Told()}
			l.watch.Frame(fabric.Sent, f)
			l.watch.Frame(fabric.Delivered, f)
			b = b[n:]
		}
	}
	return classes
}

// told are the events so far, in short.
func (r *room) told(what ...history.RaftWhat) (all []string) {
	r.watch.Flush()
	for _, e := range r.events {
		for _, w := range what {
			if e.What != w || e.Stage == history.Delivered {
				continue
			}
			text := fmt.Sprintf("%s %s %d", e.Node, e.What, e.Term)
			switch e.What {
			case history.RaftVote:
				text += fmt.Sprintf(" for %s %v", e.Peer, e.Granted)
			case history.RaftLeader, history.RaftCandidate:
				text += fmt.Sprintf(" from %d:%d", e.Last.Term, uint32(e.Last.Index))
			case history.RaftCommit, history.RaftAck:
				text += fmt.Sprintf(" of %d:%d", e.EntryTerm, uint32(e.Index))
			}
			all = append(all, text)
		}
	}
	return all
}

func bytesOf(parts ...any) (b []byte) {
	for _, p := range parts {
		switch p := p.(type) {
		case int:
			b = binary.BigEndian.AppendUint32(b, uint32(p))
		case uint64:
			b = binary.BigEndian.AppendUint64(b, p)
		case string:
			b = append(binary.BigEndian.AppendUint32(b, uint32(len(p))), p...)
		case []byte:
			b = append(b, p...)
		}
	}
	return b
}

// zxid is the n-th transaction of an epoch.
func zxid(epoch, n int) uint64 { return uint64(epoch)<<32 | uint64(n) }

// pack is a quorum packet; nil data are none.
func pack(kind int, zxid uint64, data ...any) []byte {
	size := -1
	d := bytesOf(data...)
	if len(d) > 0 {
		size = len(d)
	}
	return bytesOf(kind, zxid, size, d, -1)
}

func helloOf(number int, addr string) []byte {
	return bytesOf([]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0}, uint64(number), addr)
}

// note is a notification: a state, whom it is for, with what, in which round.
func note(state, leader, round, epoch int, at uint64) []byte {
	body := bytesOf(state, uint64(leader), at, uint64(round), uint64(epoch), 2, "server.1=a\nversion=0")
	return bytesOf(string(body))
}

func followerOf(number int, accepted int) []byte {
	return pack(followerInfo, zxid(accepted, 0), uint64(number), 0x10000, uint64(0))
}

func proposes(epoch int) []byte { return pack(leaderInfo, zxid(epoch, 0), 0x10000) }

func promises(current int, last uint64) []byte { return pack(ackEpoch, last, current) }

// elects lets n3 stand with a log, known to n1 and n2 by what it says to them, in the
// order of their numbers.
func (r *room) elects(epoch int, at uint64) {
	for _, to := range []string{"n1", "n2"} {
		l := r.dial("n3", to)
		require.Equal(r.t, []string{classHello}, l.says("n3", helloOf(3, "127.0.0.1:7")))
		require.Equal(r.t, []string{classNotification}, l.says("n3", note(looking, 3, 7, epoch, at)))
		require.Equal(r.t, []string{classNotification}, l.says(to, note(looking, 3, 7, epoch, at)))
	}
}

// follows lets one member follow n3 as far as its promise.
func (r *room) follows(name string, epoch, current int, last uint64) *line {
	l := r.dial(name, "n3")
	number := int(name[1] - '0')
	require.Equal(r.t, []string{classFollower}, l.says(name, followerOf(number, epoch-1)))
	l.says("n3", proposes(epoch))
	l.says(name, promises(current, last))
	return l
}

func TestElection(t *testing.T) {
	r := newRoom(t)
	r.elects(4, zxid(4, 9))
	l := r.dial("n1", "n3")
	require.Equal(t, []string{classFollower}, l.says("n1", followerOf(1, 4)))
	require.Equal(t, []string{"vote"}, l.says("n3", proposes(5)))
	require.Equal(t, []string{"vote-response"}, l.says("n1", promises(4, zxid(4, 8))))
	require.Equal(t, []string{classSync}, l.says("n3", pack(diff, zxid(4, 9))))
	require.Equal(t, []string{classSync, classSync}, l.says("n3", pack(proposal, zxid(4, 9), "x"), pack(commit, zxid(4, 9))))
	require.Equal(t, []string{"append"}, l.says("n3", pack(newLeader, zxid(5, 0), "server.1")))
	require.Equal(t, []string{"append-response"}, l.says("n1", pack(ack, zxid(5, 0))))
	require.Equal(t, []string{"append"}, l.says("n3", pack(upToDate, 1<<64-1)))
	require.Equal(t, []string{"append-response"}, l.says("n1", pack(ack, zxid(5, 0))))
	require.Equal(t, []string{"heartbeat"}, l.says("n3", pack(ping, zxid(5, 0))))
	require.Equal(t, []string{"heartbeat-response"}, l.says("n1", pack(ping, zxid(5, 0), uint64(7), 4000)))
	require.Equal(t, []string{"n3 candidate 5 from 4:9", "n1 vote 5 for n3 true", "n3 leader 5 from 4:9"},
		r.told(history.RaftCandidate, history.RaftVote, history.RaftLeader, history.RaftCommit))
	require.Empty(t, r.watch.Strange())
}

func TestReplication(t *testing.T) {
	r := newRoom(t)
	r.elects(4, zxid(4, 9))
	n1, n2 := r.follows("n1", 5, 4, zxid(4, 9)), r.follows("n2", 5, 4, zxid(4, 9))
	for _, l := range []*line{n1, n2} {
		l.says("n3", pack(diff, zxid(4, 9)), pack(newLeader, zxid(5, 0)))
		l.says(l.from, pack(ack, zxid(5, 0)))
		require.Equal(t, []string{"append"}, l.says("n3", pack(proposal, zxid(5, 1), "put")))
	}
	require.Equal(t, []string{"append-response"}, n1.says("n1", pack(ack, zxid(5, 1))))
	require.Equal(t, []string{"append"}, n1.says("n3", pack(commit, zxid(5, 1))))
	require.Equal(t, []string{"n1 ack 5 of 5:1", "n3 commit 5 of 5:1"}, r.told(history.RaftAck, history.RaftCommit))
}

// Who is ahead, ZooKeeper decides by the epoch of the last leader that was followed, and
// then by the last transaction.
func TestVotes(t *testing.T) {
	for _, tc := range []struct {
		name    string
		current int
		last    uint64
		granted bool
	}{
		{"it has the same", 4, zxid(3, 9), true},
		{"it is behind", 4, zxid(3, 8), true},
		{"it is ahead", 4, zxid(3, 10), false},
		{"it has more of an epoch before", 3, zxid(3, 12), true},
		{"it has followed a later leader, and has less", 5, zxid(3, 2), false},
		{"it has promised the epoch before", -1, zxid(3, 2), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			r := newRoom(t)
			r.elects(4, zxid(3, 9))
			r.follows("n1", 6, tc.current, tc.last)
			require.Equal(t, []string{"n3 candidate 6 from 3:9", fmt.Sprintf("n1 vote 6 for n3 %v", tc.granted)},
				r.told(history.RaftCandidate, history.RaftVote))
		})
	}
}

// A vote is what made the leader. Who joins later promises, and does not vote: nor does
// it who knows no log of the elected one's refuse.
func TestPromisesThatAreNoVotes(t *testing.T) {
	r := newRoom(t)
	r.elects(4, zxid(4, 9))
	r.follows("n1", 5, 4, zxid(4, 9)).says("n3", pack(newLeader, zxid(5, 0)))
	late := r.dial("n2", "n3")
	late.says("n2", followerOf(2, 4))
	require.Equal(t, []string{classFollower}, late.says("n3", proposes(5)), "no request: it leads")
	require.Equal(t, []string{classPromise}, late.says("n2", promises(4, zxid(4, 12))))
	late.says("n3", pack(trunc, zxid(4, 9)), pack(proposal, zxid(5, 1), "x"))
	require.Equal(t, []string{"n1 vote 5 for n3 true"}, r.told(history.RaftVote))

	observer := r.dial("n4", "n3")
	require.Equal(t, []string{classFollower}, observer.says("n4", pack(observerInfo, 0, uint64(4), 0x10000, uint64(0))))
	require.Equal(t, []string{classFollower}, observer.says("n3", proposes(5)))
	require.Equal(t, []string{classPromise}, observer.says("n4", promises(4, zxid(4, 9))))
	require.Equal(t, []string{classRequest}, observer.says("n4", pack(ack, zxid(5, 0))))

	unheard := newRoom(t)
	unheard.follows("n1", 6, 5, zxid(4, 99))
	require.Equal(t, []string{"n1 vote 6 for n3 true"}, unheard.told(history.RaftVote))
}

// A promise that does not say what it has to is not guessed, and not forgotten.
func TestPromiseWithoutAnEpoch(t *testing.T) {
	r := newRoom(t)
	r.elects(4, zxid(4, 9))
	l := r.dial("n1", "n3")
	l.says("n1", followerOf(1, 4))
	l.says("n3", proposes(5))
	require.Equal(t, []string{classPromise}, l.says("n1", pack(ackEpoch, zxid(4, 8))))
	require.Equal(t, map[string]uint64{"a promise without the epoch of the one who gives it": 1}, r.watch.Strange())
}

// An epoch is proposed again by another, if its first prospective leader died before a
// majority had heard of it: each member still votes once.
func TestSameEpochAfterACrash(t *testing.T) {
	r := newRoom(t)
	r.elects(4, zxid(4, 9))
	l := r.dial("n1", "n3")
	l.says("n1", followerOf(1, 4))
	l.says("n3", proposes(5)) // and dies; n1 never hears of it
	next := r.dial("n1", "n2")
	next.says("n1", followerOf(1, 4))
	next.says("n2", proposes(5))
	next.says("n1", promises(4, zxid(4, 8)))
	next.says("n2", pack(newLeader, zxid(5, 0)))
	back := r.dial("n3", "n2")
	back.says("n3", followerOf(3, 5))
	back.says("n2", proposes(5))
	back.says("n3", promises(-1, zxid(4, 9)))
	require.Equal(t, []string{"n3 candidate 5 from 4:9", "n2 candidate 5 from 0:0", "n1 vote 5 for n2 true", "n2 leader 5 from 0:0"},
		r.told(history.RaftCandidate, history.RaftVote, history.RaftLeader))
}

// A follower that lost its connection before the leader went on promises no second time.
func TestPromiseRepeated(t *testing.T) {
	r := newRoom(t)
	r.elects(4, zxid(4, 9))
	r.follows("n1", 5, 4, zxid(4, 9))
	r.follows("n1", 5, -1, zxid(4, 9))
	require.Equal(t, []string{"n1 vote 5 for n3 true", "n1 vote 5 for n3 false"}, r.told(history.RaftVote))
}

// What was said in an earlier round is said again on a new connection: it takes nothing
// back.
func TestLookingRepeated(t *testing.T) {
	r := newRoom(t)
	old := r.dial("n3", "n2")
	old.says("n3", helloOf(3, "127.0.0.1:7"), note(looking, 3, 6, 3, zxid(3, 2)))
	r.dial("n3", "n1").says("n3", helloOf(3, "127.0.0.1:7"), note(looking, 3, 7, 4, zxid(4, 9)))
	r.dial("n3", "n2").says("n3", helloOf(3, "127.0.0.1:7"), note(looking, 3, 6, 3, zxid(3, 2)))
	l := r.follows("n1", 5, 4, zxid(4, 9))
	l.says("n3", pack(newLeader, zxid(5, 0)), pack(upToDate, 1<<64-1))
	require.Equal(t, []string{"n3 candidate 5 from 4:9", "n1 vote 5 for n3 true"}, r.told(history.RaftCandidate, history.RaftVote))
	require.Empty(t, r.told(history.RaftCommit))
}

// Who votes for another says nothing of its own log; who leads, who it is.
func TestWhoIsWho(t *testing.T) {
	r := newRoom(t)
	l := r.dial("n3", "n2")
	l.says("n3", helloOf(3, "127.0.0.1:7"), note(looking, 2, 7, 4, zxid(4, 9)))
	l.says("n2", note(looking, 2, 7, 4, zxid(4, 9)), note(leading, 2, 7, 5, zxid(4, 9)))
	back := r.dial("n3", "n2")
	back.says("n3", followerOf(3, 4))
	back.says("n2", proposes(5))
	require.Equal(t, []string{"n2 candidate 5 from 4:9"}, r.told(history.RaftCandidate))

	_, _, err := r.dial("n1", "n2").forward.Next(helloOf(3, "127.0.0.1:7"))
	require.ErrorContains(t, err, "n1 introduces itself as \"3\", which is n3")
}

// Where some members have no vote, who decides is not known.
func TestObservers(t *testing.T) {
	for config, plain := range map[string]bool{
		"server.1=a:1:2:participant\nserver.2=b:1:2:participant\nversion=0":              true,
		"server.1=a:1:2:participant\nserver.2=b:1:2:observer\nversion=0":                 false,
		"server.1=a:1:2:participant\nserver.2=b:1:2:participant\ngroup.1=1:2\nversion=0": false,
	} {
		r := newRoom(t)
		l := r.dial("n2", "n1")
		l.says("n2", helloOf(2, "127.0.0.1:7"))
		for range 2 {
			l.says("n2", bytesOf(string(bytesOf(looking, uint64(2), uint64(0), uint64(1), uint64(0), 2, config))))
		}
		if plain {
			require.Empty(t, r.events)
			continue
		}
		require.Len(t, r.events, 1, config)
		require.Equal(t, history.RaftConfig, r.events[0].What)
	}
}

// A leader that was elected with nothing of its epoch but its beginning has committed no
// transaction of that name.
func TestBeginningOfAnEpochIsNoTransaction(t *testing.T) {
	r := newRoom(t)
	r.elects(4, zxid(4, 0))
	l := r.follows("n1", 5, 4, zxid(3, 9))
	l.says("n3", pack(newLeader, zxid(5, 0)), pack(upToDate, 1<<64-1))
	l.says("n1", pack(ack, zxid(5, 0)))
	require.Empty(t, r.told(history.RaftCommit, history.RaftAck))
}

// snapshotOf is a snapshot with a session, rights and some znodes.
func snapshotOf(end string) []byte {
	stat := make([]byte, statSize)
	b := bytesOf(1, uint64(77), 4000)
	b = bytesOf(b, 2, uint64(1), 1, 31, "world", "anyone", uint64(2), 0)
	b = bytesOf(b, "", "", uint64(1), stat)
	b = bytesOf(b, "/zookeeper", -1, uint64(1), stat)
	b = bytesOf(b, "/values/a", "some data", uint64(1), stat)
	return bytesOf(b, "/", end)
}

func TestSnapshot(t *testing.T) {
	r := newRoom(t)
	r.elects(4, zxid(4, 9))
	l := r.follows("n1", 5, 4, zxid(2, 1))
	l.says("n3", pack(snap, zxid(4, 9)))
	b := snapshotOf(signature)
	for len(b) > 0 { // in pieces: never behind a byte that is to come
		n, class := 0, ""
		for cut := 1; n == 0; cut++ {
			var err error
			n, class, err = l.backward.Next(b[:cut:cut])
			require.NoError(t, err)
			require.LessOrEqual(t, n, cut)
		}
		require.Equal(t, "snapshot", class)
		b = b[n:]
	}
	require.Equal(t, []string{"append"}, l.says("n3", pack(newLeader, zxid(5, 0))))

	var whole scan
	whole.begin()
	end, b := 0, append(snapshotOf(signature), pack(newLeader, zxid(5, 0))...)
	for whole.inside() {
		n, err := whole.next(b[end:])
		require.NoError(t, err)
		end += n
	}
	require.Equal(t, len(snapshotOf(signature)), end)
	for what, b := range map[string][]byte{
		"does not end as one does": snapshotOf("BenWasThere"),
		"-2 records":               bytesOf(-2),
		"a string of":              bytesOf(0, 0, 1<<30),
		"a list of 5000 rights":    bytesOf(0, 1, uint64(1), 5000),
	} {
		var s scan
		s.begin()
		var err error
		for n := 0; len(b) > 0 && err == nil; b = b[n:] {
			n, err = s.next(b)
		}
		require.ErrorContains(t, err, what)
	}
}

func TestWhatIsNotZooKeeper(t *testing.T) {
	for what, b := range map[string]string{
		"sslQuorum=false":               "\x16\x03\x01\x02\x00\x01\x00",
		"is not how a member":           "POST /raft HTTP/1.1\r\n",
		"00 00 00 01 00 00 00 02 is no": "\x00\x00\x00\x01\x00\x00\x00\x02",
	} {
		_, _, err := newRoom(t).dial("n1", "n2").forward.Next([]byte(b))
		require.ErrorContains(t, err, what)
	}
	_, _, err := newRoom(t).dial("n1", "n2").backward.Next([]byte("+OK\r\n"))
	require.ErrorContains(t, err, "speaks first")

	l := newRoom(t).dial("n1", "n2")
	l.says("n1", followerOf(1, 0))
	require.Equal(t, []string{classUnknown}, l.says("n1", pack(40, 0)))
	require.Equal(t, map[string]uint64{"a packet of type 40 from a follower": 1}, l.watch.Strange())
	for what, b := range map[string][]byte{
		"a packet of type 80":          bytesOf(80, uint64(0), -1, -1),
		"with 1073741824 bytes":        bytesOf(ping, uint64(0), 1<<30, -1),
		"with 100000 identities":       bytesOf(ping, uint64(0), -1, 100_000),
		"with -7 bytes":                bytesOf(ping, uint64(0), -7, -1),
		"a string of 1073741824 bytes": bytesOf(request, uint64(0), -1, 1, 1<<30),
	} {
		_, _, err := l.backward.Next(b)
		require.ErrorContains(t, err, what)
	}
	l = newRoom(t).dial("n1", "n2")
	_, _, err = l.forward.Next(bytesOf(electionHello, []byte{0}, uint64(1), 1<<20))
	require.ErrorContains(t, err, "1048576 bytes of addresses")
	l.says("n1", helloOf(1, "127.0.0.1:7"))
	_, _, err = l.forward.Next(bytesOf(12))
	require.ErrorContains(t, err, "a notification of 12 bytes")
}

func TestBegins(t *testing.T) {
	for _, b := range [][]byte{
		followerOf(1, 7), pack(observerInfo, 0, uint64(4), 0x10000, uint64(0)), pack(leaderInfo, zxid(3, 0), 0x10000), helloOf(1, "127.0.0.1:7"),
	} {
		require.True(t, begins(b))
		require.False(t, begins(b[:12]), "too short to tell")
	}
	require.False(t, begins([]byte("GET /raft/stream/message/8211f1d0f64f3269 HTTP/1.1")))
	require.False(t, begins(make([]byte, 64)))
}

func TestRewrite(t *testing.T) {
	reach := func(backend string) (string, bool) {
		return "127.0.0.99:9101", backend == "127.0.0.1:7710"
	}
	rewrite := func(l *line, b []byte) []byte {
		_, _, err := l.forward.Next(b)
		require.NoError(t, err)
		return l.forward.(fabric.Rewriter).Rewrite(b, reach)
	}
	l := newRoom(t).dial("n1", "n3")
	require.Equal(t, helloOf(1, "127.0.0.99:9101"), rewrite(l, helloOf(1, "127.0.0.1:7710")))
	require.Nil(t, rewrite(l, note(looking, 1, 1, 0, 0)))
	require.Nil(t, rewrite(newRoom(t).dial("n1", "n3"), helloOf(1, "127.0.0.2:7710")), "nobody known is there")
	both := rewrite(newRoom(t).dial("n1", "n3"), helloOf(1, "127.0.0.2:7710|127.0.0.1:7710"))
	require.Equal(t, helloOf(1, "127.0.0.2:7710|127.0.0.99:9101"), both)
	require.Nil(t, rewrite(newRoom(t).dial("n1", "n3"), followerOf(1, 0)))
	require.NotImplements(t, (*fabric.Rewriter)(nil), l.backward)
}

func TestNoMemoryForHeartbeats(t *testing.T) {
	r := newRoom(t)
	r.elects(4, zxid(4, 9))
	l := r.follows("n1", 5, 4, zxid(4, 9))
	l.says("n3", pack(newLeader, zxid(5, 0)))
	beat, answer, acks := pack(ping, zxid(5, 0)), pack(ping, zxid(5, 0), uint64(7), 4000), pack(ack, zxid(5, 0))
	require.Zero(t, testing.AllocsPerRun(100, func() {
		l.backward.Next(beat)
		l.forward.Next(answer)
		l.forward.Next(acks)
	}))
}

// A leader's traffic under load: proposals of 100 bytes, commits, and acknowledgements.
func BenchmarkDecoder(b *testing.B) {
	w := Dialect().Watch([]string{"n1", "n2", "n3"}, func(history.Raft) {})
	forward, backward := w.Open("n1", "n3")
	take := func(s fabric.Splitter, b []byte) {
		for len(b) > 0 {
			n, _, err := s.Next(b)
			if n == 0 || err != nil {
				panic(err)
			}
			b = b[n:]
		}
	}
	take(forward, followerOf(1, 4))
	take(backward, proposes(5))
	take(forward, promises(4, zxid(4, 9)))
	take(backward, pack(newLeader, zxid(5, 0)))
	var says, answers []byte
	for i := range 100 {
		says = append(says, pack(proposal, zxid(5, i+1), make([]byte, 500))...)
		says = append(says, pack(commit, zxid(5, i+1))...)
		answers = append(answers, pack(ack, zxid(5, i+1))...)
	}
	b.SetBytes(int64(len(says) + len(answers)))
	b.ReportAllocs()
	for b.Loop() {
		take(backward, says)
		take(forward, answers)
	}
}
