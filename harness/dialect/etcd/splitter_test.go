package etcd

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"go.etcd.io/raft/v3/raftpb"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

const (
	getMessages = "GET /raft/stream/message/2 HTTP/1.1\r\nHost: n1\r\nX-Server-From: 2\r\nX-Raft-To: 1\r\n\r\n"
	getAppends  = "GET /raft/stream/msgapp/2 HTTP/1.1\r\nHost: n1\r\nX-Server-From: 2\r\nX-Raft-To: 1\r\n\r\n"
	okChunked   = "HTTP/1.1 200 OK\r\nX-Server-Version: 3.6.16\r\nTransfer-Encoding: chunked\r\n\r\n"
)

// talk is one connection from n2, whose id is 2, to n1, whose id is 1.
type talk struct {
	t        testing.TB
	events   []history.Raft
	o        *tap.Watch
	forward  fabric.Splitter
	backward fabric.Splitter
}

func newTalk(t testing.TB) *talk {
	k := &talk{t: t}
	k.o = Dialect().Watch([]string{"n1", "n2", "n3"}, func(e history.Raft) { k.events = append(k.events, e) })
	k.forward, k.backward = k.o.Open("n2", "n1")
	return k
}

// introduce lets a member say its id on a connection of its own.
func (k *talk) introduce(name string, id int) {
	forward, _ := k.o.Open(name, "n9")
	k.classesOf(forward, fmt.Sprintf("GET /raft/probing HTTP/1.1\r\nX-Server-From: %x\r\n\r\n", id))
}

// splitAll splits b, which comes step bytes at a time, and returns the classes of
// the frames and how long they are.
func splitAll(s fabric.Splitter, b []byte, step int) (frames []string, rest int, err error) {
	from := 0
	for to := min(step, len(b)); ; to = min(to+step, len(b)) {
		for from < to {
			n, class, err := s.Next(b[from:to])
			if err != nil {
				return frames, len(b) - from, err
			}
			if n < 0 || n > to-from {
				panic(fmt.Sprintf("a frame of %d bytes in %d", n, to-from))
			}
			if n == 0 {
				break
			}
			frames = append(frames, fmt.Sprint(class, " ", n))
			from += n
		}
		if to == len(b) {
			return frames, len(b) - from, nil
		}
	}
}

// classesOf is splitAll with all bytes at once, and wants no rest.
func (k *talk) classesOf(s fabric.Splitter, b string) []string {
	k.t.Helper()
	var found []string
	for len(b) > 0 {
		n, class, err := s.Next([]byte(b))
		require.NoError(k.t, err)
		require.NotZero(k.t, n, "%q is left", b)
		found = append(found, class)
		b = b[n:]
	}
	return found
}

func encoded(t testing.TB, m raftpb.Message) []byte {
	b, err := m.Marshal()
	require.NoError(t, err)
	return b
}

// sized puts a length before b.
func sized(b []byte) []byte { return append(binary.BigEndian.AppendUint64(nil, uint64(len(b))), b...) }

// onStream is a message as the message stream has it.
func onStream(t testing.TB, m raftpb.Message) []byte { return sized(encoded(t, m)) }

// continued is a msgapp frame that continues the one before.
func continued(t testing.TB, commit uint64, entries ...raftpb.Entry) []byte {
	b := binary.BigEndian.AppendUint64([]byte{appendEntries}, uint64(len(entries)))
	for _, e := range entries {
		data, err := e.Marshal()
		require.NoError(t, err)
		b = append(b, sized(data)...)
	}
	return binary.BigEndian.AppendUint64(b, commit)
}

func whole(t testing.TB, m raftpb.Message) []byte {
	return append([]byte{appendMessage}, onStream(t, m)...)
}

// chunks puts b in chunks of the given size.
func chunks(b []byte, size int) string {
	var s bytes.Buffer
	for len(b) > 0 {
		n := min(size, len(b))
		fmt.Fprintf(&s, "%x\r\n%s\r\n", n, b[:n])
		b = b[n:]
	}
	return s.String()
}

func post(t testing.TB, m raftpb.Message) string {
	body := encoded(t, m)
	return fmt.Sprintf("POST /raft HTTP/1.1\r\nHost: n1\r\nContent-Length: %d\r\nX-Server-From: 2\r\n\r\n%s", len(body), body)
}

var (
	vote      = raftpb.Message{Type: raftpb.MsgVote, From: 1, To: 2, Term: 5, LogTerm: 4, Index: 40}
	voted     = raftpb.Message{Type: raftpb.MsgVoteResp, From: 1, To: 2, Term: 5}
	heartbeat = raftpb.Message{Type: raftpb.MsgHeartbeat, From: 1, To: 2, Term: 5, Commit: 40}
	linkAlive = raftpb.Message{Type: raftpb.MsgHeartbeat}
)

func entry(term, index uint64) raftpb.Entry {
	return raftpb.Entry{Term: term, Index: index, Data: []byte("some data")}
}

func TestMessageStream(t *testing.T) {
	var payload []byte
	for _, m := range []raftpb.Message{linkAlive, vote, voted, heartbeat} {
		payload = append(payload, onStream(t, m)...)
	}
	want := []string{classOther, classOther, classVote, classVoteResponse, classHeartbeat}
	for _, size := range []int{1, 2, 7, 8, 9, 30, 1000} {
		k := newTalk(t)
		require.Equal(t, []string{classOther}, k.classesOf(k.forward, getMessages))
		require.Equal(t, want, k.classesOf(k.backward, okChunked+chunks(payload, size)), "chunks of %d", size)
		require.Equal(t, []string{classOther}, k.classesOf(k.backward, "0\r\n\r\n"))
	}
}

func TestVoteAnswersAreFollowed(t *testing.T) {
	k := newTalk(t)
	there := fabric.Link{From: "n2", To: "n1"}
	k.classesOf(k.forward, post(t, raftpb.Message{Type: raftpb.MsgVote, From: 2, To: 1, Term: 5, LogTerm: 4, Index: 40}))
	k.classesOf(k.backward, "HTTP/1.1 204 No Content\r\n\r\n")
	answer := post(t, raftpb.Message{Type: raftpb.MsgVoteResp, From: 2, To: 1, Term: 6, Reject: true})
	frame := func(id uint64) fabric.Frame {
		require.Equal(t, []string{classVoteResponse}, k.classesOf(k.forward, answer))
		return fabric.Frame{ID: id, Link: there, Class: classVoteResponse, Meaning: k.forward.(fabric.Teller).Told()}
	}
	five, six := frame(5), frame(6)
	k.o.Frame(fabric.Sent, five)
	k.o.Frame(fabric.Sent, six)
	k.o.Frame(fabric.Held, six)
	k.o.Frame(fabric.Delivered, six)
	k.o.Frame(fabric.Dropped, five)
	var stages []history.Stage
	for _, e := range k.events {
		if e.What == history.RaftVote {
			require.Equal(t, "n2", e.Node)
			require.False(t, e.Granted)
			stages = append(stages, e.Stage)
		}
	}
	require.Equal(t, []history.Stage{history.Sent, history.Sent, history.Delivered, history.Dropped}, stages)
}

func TestAppendStream(t *testing.T) {
	head := raftpb.Message{Type: raftpb.MsgApp, From: 1, To: 2, Term: 5, LogTerm: 4, Index: 40, Entries: []raftpb.Entry{entry(5, 41)}, Commit: 40}
	payload := bytes.Join([][]byte{
		{appendLink},
		whole(t, head),
		continued(t, 41, entry(5, 42), entry(5, 43)),
		{appendLink},
		continued(t, 43),
		continued(t, 43, entry(5, 44)),
	}, nil)
	want := []string{classOther, classOther, classAppend, classAppend, classOther, classAppend, classAppend}
	for _, size := range []int{1, 3, 9, 64, 1000} {
		k := newTalk(t)
		k.classesOf(k.forward, getAppends)
		require.Equal(t, want, k.classesOf(k.backward, okChunked+chunks(payload, size)))
		k.o.Flush()
		require.Len(t, k.events, 3, "nobody acknowledges, so the first commit is told of at once")
		require.Equal(t, history.RaftLeader, k.events[0].What)
		require.Equal(t, "n1", k.events[0].Node)
		commit := k.events[2]
		require.Equal(t, history.RaftCommit, commit.What)
		require.Equal(t, []uint64{5, 43, 5}, []uint64{commit.Term, commit.Index, commit.EntryTerm})
	}
}

func TestAppendStreamOutOfStep(t *testing.T) {
	head := raftpb.Message{Type: raftpb.MsgApp, From: 1, To: 2, Term: 5, LogTerm: 5, Index: 40}
	for name, payload := range map[string][]byte{
		"begins in the middle": continued(t, 41, entry(5, 42)),
		"a gap":                append(whole(t, head), continued(t, 41, entry(5, 42))...),
		"another term":         append(whole(t, head), continued(t, 41, entry(4, 41))...),
		"unknown type":         {9},
		"entry too long":       append(whole(t, head), append([]byte{appendEntries, 0, 0, 0, 0, 0, 0, 0, 1}, bytes.Repeat([]byte{0xff}, 8)...)...),
		"too many entries":     append([]byte{appendEntries}, bytes.Repeat([]byte{0xff}, 8)...),
		"message too long":     append([]byte{appendMessage}, bytes.Repeat([]byte{0xff}, 8)...),
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk(t)
			k.classesOf(k.forward, getAppends)
			_, _, err := splitAll(k.backward, []byte(okChunked+chunks(payload, 1000)), 1<<20)
			require.Error(t, err)
		})
	}
}

func TestSnapshotPost(t *testing.T) {
	m := raftpb.Message{Type: raftpb.MsgSnap, From: 2, To: 1, Term: 7,
		Snapshot: &raftpb.Snapshot{Metadata: raftpb.SnapshotMetadata{Index: 90, Term: 6}}}
	body := append(onStream(t, m), make([]byte, 100_000)...)
	const start = "POST /raft/snapshot HTTP/1.1\r\nHost: n1\r\nX-Server-From: 2\r\n"
	for name, request := range map[string]string{
		"chunked": start + "Transfer-Encoding: chunked\r\n\r\n" + chunks(body, 32<<10) + "0\r\n\r\n",
		"counted": start + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body),
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk(t)
			require.Equal(t, []string{classSnapshot, classSnapshotData}, k.classesOf(k.forward, request))
			require.Equal(t, []string{classOther}, k.classesOf(k.backward, "HTTP/1.1 204 No Content\r\n\r\n"))
			require.Equal(t, []string{classHeartbeat}, k.classesOf(k.forward, post(t, raftpb.Message{Type: raftpb.MsgHeartbeat, From: 2, To: 1, Term: 7})))
			require.Len(t, k.events, 1)
			require.Equal(t, history.RaftLeader, k.events[0].What)

			k = newTalk(t)
			frames, rest, err := splitAll(k.forward, []byte(request), 1000)
			require.NoError(t, err)
			require.Zero(t, rest)
			require.Greater(t, len(frames), 90, "a database is passed on as it comes")
		})
	}
}

// One kept connection may carry requests of all kinds, one after another.
func TestKeptConnection(t *testing.T) {
	k := newTalk(t)
	require.Equal(t, []string{classOther}, k.classesOf(k.forward, "GET /raft/probing HTTP/1.1\r\n\r\n"))
	require.Equal(t, []string{classOther, classOther}, k.classesOf(k.backward, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"))
	require.Equal(t, []string{classOther}, k.classesOf(k.forward, "HEAD /version HTTP/1.1\r\n\r\n"))
	require.Equal(t, []string{classOther}, k.classesOf(k.backward, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n"))
	require.Equal(t, []string{classHeartbeat}, k.classesOf(k.forward, post(t, raftpb.Message{Type: raftpb.MsgHeartbeat, From: 2, To: 1, Term: 1})))
	require.Equal(t, []string{classOther}, k.classesOf(k.backward, "HTTP/1.1 204 No Content\r\n\r\n"))
	require.Equal(t, []string{classOther}, k.classesOf(k.forward, getMessages))
	require.Equal(t, []string{classOther, classOther}, k.classesOf(k.backward, "HTTP/1.1 410 Gone\r\nContent-Length: 3\r\n\r\nabc"), "a refused stream has no messages")
	require.Equal(t, []string{classOther}, k.classesOf(k.forward, getMessages))
	stream := okChunked + chunks(onStream(t, heartbeat), 99) + "0\r\nTrailer: x\r\n\r\n"
	require.Equal(t, []string{classOther, classHeartbeat, classOther}, k.classesOf(k.backward, stream))
	require.Equal(t, []string{classOther}, k.classesOf(k.forward, "GET /members HTTP/1.0\r\n\r\n"))
	require.Equal(t, []string{classOther, classOther}, k.classesOf(k.backward, "HTTP/1.0 200 OK\r\n\r\nand so on until it closes"))
	require.Equal(t, []string{classOther}, k.classesOf(k.backward, "\x00\x01"))
}

// A stream may end in the middle of a message.
func TestStreamCutShort(t *testing.T) {
	k := newTalk(t)
	k.classesOf(k.forward, getMessages)
	stream := okChunked + chunks(onStream(t, heartbeat)[:8], 99) + "0\r\n\r\n"
	require.Equal(t, []string{classOther, classOther}, k.classesOf(k.backward, stream))
	k.classesOf(k.forward, getMessages)
	require.Equal(t, []string{classOther, classHeartbeat}, k.classesOf(k.backward, okChunked+chunks(onStream(t, heartbeat), 99)))
}

// 3.7 leaves out what is zero.
func TestShortMessages(t *testing.T) {
	k := newTalk(t)
	k.classesOf(k.forward, getMessages)
	alive := []byte{0x08, byte(raftpb.MsgHeartbeat)}
	beat := []byte{0x08, byte(raftpb.MsgHeartbeat), 0x10, 2, 0x18, 1, 0x20, 9}
	require.Equal(t, []string{classOther, classOther, classHeartbeat, classOther},
		k.classesOf(k.backward, okChunked+chunks(append(append(sized(alive), sized(beat)...), sized(nil)...), 99)))
	require.Equal(t, uint64(9), k.events[0].Term)
}

func TestUndecodable(t *testing.T) {
	heads := map[string]string{
		"tls":                 "\x16\x03\x01",
		"http2":               "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
		"ssh":                 "SSH-2.0",
		"no version":          "GET /\r\n",
		"garbage header":      "GET / HTTP/1.1\r\nnonsense\r\n\r\n",
		"two lengths":         "POST /raft HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
		"length and chunks":   "POST /raft HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
		"gzip":                "POST /raft HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
		"endless head":        "GET / HTTP/1.1\r\nA: " + string(bytes.Repeat([]byte("a"), maxHead)),
		"chunk length":        "POST /raft HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
		"chunk end":           "POST /raft HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
		"no raft message":     "POST /raft HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
		"message too long":    "POST /raft HTTP/1.1\r\nContent-Length: 99999999\r\n\r\nabc",
		"too many unanswered": string(bytes.Repeat([]byte("GET / HTTP/1.1\r\n\r\n"), maxAsked+1)),
		"sent by another":     getMessages + "GET / HTTP/1.1\r\nX-Server-From: 1\r\n\r\n",
	}
	for name, bad := range heads {
		t.Run(name, func(t *testing.T) {
			k := newTalk(t)
			k.introduce("n1", 1)
			_, _, err := splitAll(k.forward, []byte(bad), 1<<20)
			require.Error(t, err)
		})
	}
	for name, bad := range map[string]string{
		"no answer":       "GET / HTTP/1.1",
		"status":          "HTTP/1.1 2000 OK\r\n\r\n",
		"switches":        "HTTP/1.1 101 Go\r\n\r\n",
		"answers nothing": "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
		"too long":        okChunked + "8\r\n\xff\xff\xff\xff\xff\xff\xff\xff\r\n",
		"from another":    okChunked + chunks(onStream(t, raftpb.Message{Type: raftpb.MsgHeartbeat, From: 3, To: 2, Term: 1}), 99),
	} {
		t.Run(name, func(t *testing.T) {
			k := newTalk(t)
			k.introduce("n3", 3)
			k.classesOf(k.forward, getMessages)
			_, _, err := splitAll(k.backward, []byte(bad), 1<<20)
			require.Error(t, err)
		})
	}
}

// sample is a connection's answers with some of everything.
func sample(t testing.TB) []byte {
	var b bytes.Buffer
	b.WriteString(okChunked)
	payload := bytes.Join([][]byte{onStream(t, linkAlive), onStream(t, vote), onStream(t, voted), onStream(t, heartbeat)}, nil)
	b.WriteString(chunks(payload, 11))
	b.WriteString("0\r\n\r\n" + okChunked)
	head := raftpb.Message{Type: raftpb.MsgApp, From: 1, To: 2, Term: 5, LogTerm: 4, Index: 40, Entries: []raftpb.Entry{entry(5, 41)}}
	b.WriteString(chunks(append(whole(t, head), continued(t, 41, entry(5, 42))...), 13))
	b.WriteString("0\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
	return b.Bytes()
}

func TestFramesDoNotDependOnArrival(t *testing.T) {
	split := func(step int) []string {
		k := newTalk(t)
		k.classesOf(k.forward, getMessages+getAppends+"GET /version HTTP/1.1\r\n\r\n")
		frames, rest, err := splitAll(k.backward, sample(t), step)
		require.NoError(t, err)
		require.Zero(t, rest)
		return frames
	}
	want := split(1 << 20)
	for step := range 40 {
		require.Equal(t, want, split(step+1), "%d bytes at a time", step+1)
	}
}

// Whatever arrives, however it is cut: no panic, no frame beyond its bytes, and
// the same messages.
func FuzzSplitter(f *testing.F) {
	f.Add([]byte(getMessages), sample(f), uint8(1))
	f.Add([]byte(getAppends), sample(f), uint8(7))
	f.Add([]byte(post(f, heartbeat)), []byte("HTTP/1.1 204 No Content\r\n\r\n"), uint8(3))
	f.Add([]byte("POST /raft/snapshot HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n"), []byte("HTTP/1.1 500 No\r\n\r\nx"), uint8(2))
	f.Fuzz(func(t *testing.T, forward, backward []byte, step uint8) {
		run := func(step int) ([]history.Raft, bool) {
			k := newTalk(t)
			_, _, err1 := splitAll(k.forward, forward, step)
			_, _, err2 := splitAll(k.backward, backward, step)
			k.o.Flush()
			return k.events, err1 != nil || err2 != nil
		}
		whole, failed := run(1 << 20)
		parts, failed2 := run(int(step) + 1)
		if failed != failed2 {
			t.Fatalf("whole failed: %v, in parts: %v", failed, failed2)
		}
		require.Equal(t, whole, parts)
	})
}

// Damage anywhere never makes a splitter panic or overrun.
func TestDamage(t *testing.T) {
	good := sample(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		b := bytes.Clone(good)
		for range 1 + r.IntN(3) {
			b[r.IntN(len(b))] = byte(r.Uint32())
		}
		k := newTalk(t)
		k.classesOf(k.forward, getMessages+getAppends+"GET /version HTTP/1.1\r\n\r\n")
		splitAll(k.backward, b, 1+r.IntN(100))
	}
}

func BenchmarkSplitter(b *testing.B) {
	k := newTalk(b)
	k.classesOf(k.forward, getMessages)
	k.classesOf(k.backward, okChunked)
	stream := []byte(chunks(onStream(b, heartbeat), 99))
	b.ReportAllocs()
	b.SetBytes(int64(len(stream)))
	for b.Loop() {
		if n, _, err := k.backward.Next(stream); n != len(stream) || err != nil {
			b.Fatal(n, err)
		}
	}
}
