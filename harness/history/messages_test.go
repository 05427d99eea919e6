package history_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/usurper/usurper/harness/history"
)

func voteRequest(id uint64) history.Raft {
	return history.Raft{
		Source: history.Fabric, What: history.RaftMessage, Stage: history.Sent,
		Node: "n1", Peer: "n2", Term: 3, ID: id, Class: "vote",
	}
}

// following is a recorder with what follows messages, and reads what was recorded.
type following struct {
	out *closer
	rec *history.Recorder
	*history.Messages
}

func newFollowing() following {
	var out closer
	rec := history.NewRecorder(&out)
	first := begin()
	first.Run.Nodes = nil
	rec.Record(first)
	return following{&out, rec, history.NewMessages(rec)}
}

// stages closes the recorder and returns the stages of each message, and how many
// events there are.
func (f following) stages(t require.TestingT) (map[uint64][]history.Stage, int) {
	require.NoError(t, f.rec.Close())
	stages, n, seq := make(map[uint64][]history.Stage), 0, uint64(0)
	for e, err := range history.NewReader("h", bytes.NewReader(f.out.Bytes())).Events() {
		require.NoError(t, err)
		n++
		if e.Raft != nil && e.Raft.What == history.RaftMessage {
			seq++
			require.Equal(t, seq, e.Raft.Seq)
			stages[e.Raft.ID] = append(stages[e.Raft.ID], e.Raft.Stage)
		}
	}
	return stages, n
}

func TestMessagesStages(t *testing.T) {
	t.Parallel()
	f := newFollowing()
	reach := func(id uint64, stages ...history.Stage) {
		f.Sent(voteRequest(id))
		for _, s := range stages {
			f.Reached(s, id)
		}
	}
	reach(1, history.Delivered, history.Delivered, history.Dropped)
	reach(2, history.HeldBack, history.HeldBack, history.Delivered)
	reach(3, history.Dropped, history.HeldBack, history.Dropped, history.Delivered, history.Delivered)
	reach(4)
	f.Reached(history.Delivered, 5) // nobody told of it
	f.Sent(voteRequest(0))
	require.Equal(t, history.Run{What: history.RunMessages, Messages: 4, Left: 1}, f.Told())
	stages, _ := f.stages(t)
	require.Equal(t, map[uint64][]history.Stage{
		1: {history.Sent, history.Delivered},
		2: {history.Sent, history.HeldBack, history.Delivered},
		3: {history.Sent, history.Dropped, history.Delivered}, // a copy came through
		4: {history.Sent},
	}, stages)
}

// Whatever comes, the share is kept, and of a message all is told or nothing.
func TestDrawnMessagesKeepTheirShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := newFollowing()
		want := make(map[uint64][]history.Stage)
		var ids []uint64
		for range rapid.IntRange(0, 60).Draw(t, "bursts") {
			for range rapid.IntRange(0, 200).Draw(t, "others") {
				f.rec.Record(history.Event{Op: &history.Op{Type: history.Invoke, F: history.FGet, Key: "k"}})
			}
			stages := rapid.SliceOfN(rapid.SampledFrom([]history.Stage{
				history.Sent, history.Sent, history.HeldBack, history.Delivered, history.Dropped,
			}), 0, 40).Draw(t, "stages")
			for _, stage := range stages {
				if stage == history.Sent {
					ids = append(ids, uint64(len(ids)+1))
					f.Sent(voteRequest(ids[len(ids)-1]))
				} else if len(ids) > 0 {
					id := ids[rapid.IntRange(0, len(ids)-1).Draw(t, "id")]
					f.Reached(stage, id)
					want[id] = append(want[id], stage)
				}
			}
		}
		said := f.Told()
		stages, events := f.stages(t)
		require.Equal(t, uint64(len(stages)), said.Messages)
		require.Equal(t, uint64(len(ids)), said.Messages+said.Left)
		told := 0
		for id, got := range stages {
			told += len(got)
			require.Equal(t, history.Sent, got[0])
			for _, stage := range []history.Stage{history.Delivered, history.Dropped} {
				if len(want[id]) > 0 && want[id][0] == stage {
					require.Contains(t, got, stage)
				}
			}
			require.LessOrEqual(t, len(got), 4)
		}
		require.LessOrEqual(t, told, max(256, events*3/100))
	})
}

func BenchmarkMessageNotTold(b *testing.B) {
	f := newFollowing()
	f.Sent(voteRequest(1)) // one is on its way
	for b.Loop() {
		f.Reached(history.Delivered, 2)
	}
}
