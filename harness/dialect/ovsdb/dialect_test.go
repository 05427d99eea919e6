package ovsdb_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/dialect/ovsdb"
	"github.com/usurper/usurper/harness/history"
)

const (
	id1 = "70dce487-582e-5e56-a3ed-a1541ed73826"
	id2 = "2564c0a3-dd23-551f-a25c-1af767f45a81"
	id3 = "15dbb633-7edf-5817-8edd-6f8a30ac92a7"
)

// said is a message of n1 (id1) to n2 (id2) or back, on one connection that n1 dialled.
func said(from, method, rest string) chunk {
	to := id2
	if from == id2 {
		to = id1
	}
	return chunk{Conn: 1, Dialler: "n1", Accepter: "n2", Forward: from == id1, Bytes: fmt.Sprintf(
		`{"id":null,"method":%q,"params":[{"cluster":"b72f1bcd-e229-57e2-bb24-d01077785f16",%s"from":%q,"to":%q}]}`, method, rest, from, to)}
}

// asked is n1's request for a vote.
func asked(term int) chunk {
	return said(id1, "vote_request", fmt.Sprintf(`"term":%d,"last_log_index":9,"last_log_term":1,`, term))
}

func voted(term int, vote string) chunk {
	return said(id2, "vote_reply", fmt.Sprintf(`"term":%d,"vote":%q,`, term, vote))
}

// votes are those that were delivered.
func votes(t *testing.T, chunks ...chunk) (granted []bool) {
	r := read(chunks, 0)
	require.Empty(t, r.failed)
	for _, e := range r.events {
		if e.What == history.RaftVote && e.Stage == history.Delivered {
			granted = append(granted, e.Granted)
		}
	}
	return granted
}

func TestVotes(t *testing.T) {
	require.Equal(t, []bool{true}, votes(t, asked(3), voted(3, id1)))
	require.Equal(t, []bool{false}, votes(t, asked(3), voted(3, id3)), "it has voted for another")
	require.Equal(t, []bool{false}, votes(t, asked(3), voted(2, id1)), "it still hears a leader of term 2, in which n1 never stood")
	require.Equal(t, []bool{false}, votes(t, voted(2, id1)), "nobody asked it")
	require.Equal(t, []bool{true, true}, votes(t, asked(3), asked(4), voted(3, id1), voted(4, id1)), "the answers come late")

	r := read([]chunk{asked(3), voted(2, id1)}, 0)
	require.Contains(t, r.what(), "n2 vote term 2 peer n1 granted false")
	require.NotContains(t, r.what(), "granted true")
}

// A vote may come on another connection than it was asked for on.
func TestVoteOnAnotherConnection(t *testing.T) {
	answer := voted(3, id1)
	answer.Conn, answer.Dialler, answer.Accepter, answer.Forward = 2, "n2", "n1", true
	require.Equal(t, []bool{true}, votes(t, asked(3), answer))
}

func TestReplication(t *testing.T) {
	r := read([]chunk{
		asked(3), voted(3, id1),
		said(id1, "append_request", `"term":3,"prev_log_index":9,"prev_log_term":1,"leader_commit":7,"log":[{"term":3},{"eid":"e","data":[null,{"a":"]}{"}],"term":3}],"comment":"execute command",`),
		said(id2, "append_reply", `"term":3,"prev_log_index":9,"prev_log_term":1,"n_entries":2,"log_end":12,"result":"OK","comment":"log updated",`),
		said(id1, "append_request", `"term":3,"prev_log_index":11,"prev_log_term":3,"leader_commit":11,"log":[],"comment":"heartbeat",`),
		said(id2, "append_reply", `"term":3,"prev_log_index":11,"prev_log_term":3,"n_entries":0,"log_end":12,"result":"OK","comment":"heartbeat",`),
	}, 0)
	require.Empty(t, r.failed)
	require.Equal(t, map[string]int{"vote": 1, "vote-response": 1, "append": 1, "append-response": 1, "heartbeat": 1, "heartbeat-response": 1}, r.classes)
	var commits, acks []history.Raft
	for _, e := range r.events {
		switch e.What {
		case history.RaftCommit:
			commits = append(commits, e)
		case history.RaftAck:
			acks = append(acks, e)
		}
	}
	require.NotEmpty(t, commits)
	last := commits[len(commits)-1]
	require.Equal(t, []any{"n1", uint64(11), uint64(3), true}, []any{last.Node, last.Index, last.EntryTerm, last.Lead})
	require.NotEmpty(t, acks)
	require.EqualValues(t, 11, acks[0].Index)
	require.EqualValues(t, 3, acks[0].EntryTerm)
}

// What a follower refuses is acknowledged by nobody.
func TestInconsistency(t *testing.T) {
	r := read([]chunk{
		said(id1, "append_request", `"term":3,"prev_log_index":9,"prev_log_term":1,"leader_commit":7,"log":[{"term":3}],`),
		said(id2, "append_reply", `"term":4,"prev_log_index":9,"prev_log_term":1,"n_entries":1,"log_end":12,"result":"inconsistency","comment":"stale term",`),
	}, 0)
	require.Empty(t, r.failed)
	require.NotContains(t, r.what(), "ack")
}

// A leader that has gone back as far as it can follows an entry before the first, of which
// nobody has an index.
func TestBeforeTheFirst(t *testing.T) {
	r := read([]chunk{
		said(id1, "append_request", `"term":3,"prev_log_index":-1,"prev_log_term":0,"leader_commit":7,"log":[],"comment":"heartbeat",`),
		said(id2, "append_reply", `"term":3,"prev_log_index":-1,"prev_log_term":0,"n_entries":0,"log_end":12,"result":"inconsistency","comment":"log mismatch",`),
	}, 0)
	require.Empty(t, r.failed)
	require.Equal(t, map[string]int{"heartbeat": 1, "heartbeat-response": 1}, r.classes)
	require.NotContains(t, r.what(), "ack")
}

// Entries that change the servers leave open who decides.
func TestReconfigured(t *testing.T) {
	ack := said(id2, "append_reply", `"term":3,"prev_log_index":9,"prev_log_term":1,"n_entries":1,"log_end":11,"result":"OK",`)
	third := ack
	third.Bytes = strings.ReplaceAll(ack.Bytes, id2, id3)
	third.Conn, third.Accepter = 2, "n3"
	for entry, commits := range map[string]bool{`{"term":3}`: true, `{"term":3,"servers":{}}`: false} {
		r := read([]chunk{
			said(id1, "append_request", `"term":3,"prev_log_index":9,"prev_log_term":1,"leader_commit":7,"log":[`+entry+`],`), ack, third,
		}, 0)
		require.Empty(t, r.failed)
		require.Equal(t, commits, strings.Contains(r.what(), "commit"), entry)
	}
}

// Entries that name servers who have introduced themselves say who votes.
func TestServers(t *testing.T) {
	r := read([]chunk{
		said(id1, "append_request", `"term":3,"prev_log_index":9,"prev_log_term":1,"leader_commit":7,"log":[`+
			`{"term":2},{"servers":{"`+id1+`":"tcp:127.0.0.1:1","`+id2+`":"tcp:127.0.0.1:2"},"term":3}],`),
	}, 0)
	require.Empty(t, r.failed)
	require.Len(t, r.events, 1+1)
	require.Equal(t, history.RaftConfig, r.events[0].What)
	require.Equal(t, []string{"n1", "n2"}, r.events[0].Voters)
	require.Equal(t, history.Pos{Term: 3, Index: 11}, history.Pos{Term: r.events[0].EntryTerm, Index: r.events[0].Index})
}

func TestStrange(t *testing.T) {
	r := read([]chunk{said(id1, "pray_for", ""), said(id1, "become_leader", `"term":3,`), asked(4),
		{Conn: 1, Dialler: "n1", Accepter: "n2", Forward: true, Bytes: `{"id":"echo","method":"echo","params":[]} {"id":"echo","result":[],"error":null}`}}, 0)
	require.Empty(t, r.failed)
	require.Equal(t, map[string]uint64{`a message "pray_for"`: 1}, r.watch.Strange())
	require.Equal(t, map[string]int{"other": 1, "timeout-now": 1, "vote": 1, "echo": 2}, r.classes)
}

// What a vote says beside what was captured may turn its meaning: it is not guessed.
func TestStrangeVotes(t *testing.T) {
	r := read([]chunk{
		said(id1, "vote_request", `"is_prevote":true,"term":3,"last_log_index":9,"last_log_term":1,`),
		said(id2, "vote_reply", `"term":3,"vote":"`+id1+`","is_prevote":true,`),
	}, 0)
	require.Empty(t, r.failed)
	require.Empty(t, r.events)
	require.Equal(t, map[string]uint64{`a message "vote_request" with "is_prevote"`: 1, `a message "vote_reply" with "is_prevote"`: 1}, r.watch.Strange())
	for _, flag := range []string{`"is_prevote":false,`, `"leadership_transfer":true,`} {
		r := read([]chunk{said(id1, "vote_request", flag+`"term":3,"last_log_index":9,"last_log_term":1,`)}, 0)
		require.Contains(t, r.what(), "n1 candidate term 3")
	}
}

func TestUndecodable(t *testing.T) {
	for bytes, says := range map[string]string{
		"\x16\x03\x01\x02\x00\x01":                     "TLS",
		"GET / HTTP/1.1\r\n":                           "not JSON objects back to back",
		said(id3, "vote_request", `"term":"x",`).Bytes: `vote_request: its term is "\"x\"", which is no number`,
		said(id1, "append_reply", `"term":-1,`).Bytes:  `append_reply: its term is "-1", which is no number`,
		said(id1, "append_request", `"term":1,"prev_log_index":-2,"prev_log_term":0,"log":[],`).Bytes: `its prev_log_index is "-2", which is no number`,
		said(id1, "append_request", `"term":1,"log":{},`).Bytes:                                       "append_request: its prev_log_term is \"\", which is no number",
	} {
		r := read([]chunk{{Conn: 1, Dialler: "n1", Accepter: "n2", Forward: true, Bytes: bytes}}, 0)
		require.Len(t, r.failed, 1, bytes)
		require.ErrorContains(t, r.failed[0], says)
	}
	as2 := said(id1, "hello_request", "")
	as2.Conn, as2.Dialler, as2.Accepter = 2, "n2", "n1"
	r := read([]chunk{said(id1, "hello_request", ""), as2}, 0)
	require.Len(t, r.failed, 1)
	require.ErrorContains(t, r.failed[0], "introduces itself as")
}

func TestHello(t *testing.T) {
	d := ovsdb.Dialect()
	first := said(id1, "hello_request", `"address":"tcp:127.0.0.1:6644",`).Bytes
	for n := range len(first) {
		_, more, err := d.Hello([]byte(first[:n]))
		require.True(t, more)
		require.NoError(t, err)
	}
	addr, more, err := d.Hello([]byte(first + "{"))
	require.NoError(t, err)
	require.False(t, more)
	require.Equal(t, "127.0.0.1:6644", addr)
	require.True(t, d.Begins([]byte(first)))
	require.True(t, d.Begins([]byte(voted(3, id1).Bytes)))
	require.False(t, d.Begins([]byte(`{"id":1,"method":"transact","params":["db"]}`)), "a client's")
	require.False(t, d.Begins([]byte(first[:20])), "too short to tell")
	require.False(t, d.Begins([]byte("GET / HTTP/1.1")))
	for bytes, says := range map[string]string{
		"POST /":       "not JSON",
		asked(3).Bytes: "does not begin with a hello_request or an add_server_request",
		said(id1, "hello_request", `"address":"ssl:a:1",`).Bytes: `"ssl:a:1", which is no tcp:HOST:PORT`,
	} {
		_, _, err := d.Hello([]byte(bytes))
		require.ErrorContains(t, err, says)
	}
}

// However the bytes come, they mean the same.
func FuzzPieces(f *testing.F) {
	f.Add([]byte(said(id1, "hello_request", "").Bytes+asked(3).Bytes), 7)
	f.Add([]byte(asked(3).Bytes), 1)
	f.Add([]byte(`{"a":"\\\"","params":[{"log":[{}]}],"method":"append_request"}`), 1)
	f.Fuzz(func(t *testing.T, b []byte, cut int) {
		whole := read([]chunk{{Conn: 1, Dialler: "n1", Accepter: "n2", Forward: true, Bytes: string(b)}}, 0)
		pieces := read([]chunk{{Conn: 1, Dialler: "n1", Accepter: "n2", Forward: true, Bytes: string(b)}}, 1+cut&0xff)
		require.Equal(t, whole.classes, pieces.classes)
		require.Equal(t, whole.what(), pieces.what())
	})
}

func BenchmarkNext(b *testing.B) {
	beat := said(id1, "append_request", `"term":3,"prev_log_index":11,"prev_log_term":3,"leader_commit":11,"log":[],"comment":"heartbeat",`).Bytes
	reply := said(id1, "append_reply", `"term":3,"prev_log_index":11,"prev_log_term":3,"n_entries":0,"log_end":12,"result":"OK","comment":"heartbeat",`).Bytes
	entry := `{"term":3,"eid":"` + id3 + `","data":[null,{"kv":{"` + id2 + `":{"key":"r1","value":"c3-17"}},"_date":1796083274834,"_is_diff":true}]}`
	for name, frame := range map[string]string{
		"heartbeat": beat, "reply": reply,
		"append": said(id1, "append_request", `"term":3,"prev_log_index":11,"prev_log_term":3,"leader_commit":11,"log":[`+entry+`],"comment":"execute command",`).Bytes,
		"batch":  said(id1, "append_request", `"term":3,"prev_log_index":11,"prev_log_term":3,"leader_commit":11,"log":[`+strings.Repeat(entry+",", 99)+entry+`],`).Bytes,
	} {
		b.Run(name, func(b *testing.B) {
			w := ovsdb.Dialect().Watch([]string{"n1", "n2", "n3"}, func(history.Raft) {})
			forward, _ := w.Open("n1", "n2")
			frame := []byte(frame)
			b.SetBytes(int64(len(frame)))
			b.ReportAllocs()
			for b.Loop() {
				if n, _, err := forward.Next(frame); n != len(frame) || err != nil {
					b.Fatal(n, err)
				}
			}
		})
	}
}
