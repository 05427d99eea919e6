package files

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/node/wal"
)

// A log that syncs before it answers has, after each fault that tells, all that it answered
// for; one that was lied to finds it out.
func TestLogOnFailingFiles(t *testing.T) {
	for action, told := range map[Action]bool{FailSync: true, FailWrite: true, Full: true, ShortWrite: true, LostWrite: false} {
		t.Run(string(action), func(t *testing.T) {
			d, dir, _ := mountHere(t, Options{})
			dir += "/log"
			var answered uint64
			// grow writes until it fails, and tells how far it came.
			grow := func(l *wal.Log, terms int) (err error) {
				for range terms {
					l.SetState(raft.HardState{Term: answered + 1, Vote: 1})
					if err = l.Sync(); err != nil {
						return err
					}
					answered++
				}
				return nil
			}
			l, _, err := wal.Open(dir, wal.Options{})
			require.NoError(t, err)
			require.NoError(t, grow(l, 5))
			a := apply(t, d, Rule{Action: action, Files: []string{"*.wal"}})
			bit := 0
			if err := grow(l, 5); err != nil {
				require.True(t, told)
				bit++
			}
			counts := a.Remove()
			l.Close()
			l, recovered, err := wal.Open(dir, wal.Options{})
			if err == nil {
				defer func() { l.Close() }()
			}
			if action == LostWrite {
				require.NotEmpty(t, counts)
				require.True(t, err != nil || recovered.State.Term < answered, "what never came is not there")
				return
			}
			require.NoError(t, err)
			require.GreaterOrEqual(t, recovered.State.Term, answered, "%v", counts)
			require.LessOrEqual(t, recovered.State.Term, answered+1)
			if action == FailSync {
				require.Equal(t, 1, bit)
				require.Equal(t, answered, recovered.State.Term, "what failed to sync was dropped")
			}
			answered = recovered.State.Term
			require.NoError(t, grow(l, 3))
			require.NoError(t, l.Close())
		})
	}
}
