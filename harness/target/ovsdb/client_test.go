package ovsdb

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// server answers each request with what answer makes of it, nothing for no answer.
func server(t *testing.T, answer func(n int, params []json.RawMessage) string) (addr string, asked *atomic.Int64) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	asked = new(atomic.Int64)
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			t.Cleanup(func() { c.Close() })
			go func() {
				for d := json.NewDecoder(c); ; {
					var r struct {
						ID     json.RawMessage
						Method string
						Params []json.RawMessage
					}
					if d.Decode(&r) != nil {
						return
					}
					if r.Method != "transact" {
						continue // our question is answered
					}
					if says := answer(int(asked.Add(1)), r.Params); says != "" {
						c.Write([]byte(`{"id":"echo","method":"echo","params":[]}{"id":` + string(r.ID) + `,` + says + `}`))
					}
				}
			}()
		}
	}()
	return l.Addr().String(), asked
}

func do(t *testing.T, c *client, op history.Op, patience time.Duration) history.Op {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	done, hint := c.Do(ctx, op)
	require.Empty(t, hint)
	return done
}

func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		says string
		want history.OpType
		err  string
	}{
		"ok":                     {`"result":[{},{"count":0},{"uuid":["uuid","x"]},{"uuid":["uuid","y"]}],"error":null`, history.OK, ""},
		"too few":                {`"result":[{}],"error":null`, history.Info, errGarbled.Error()},
		"nothing":                {`"result":[null,null,null,null],"error":null`, history.Info, errGarbled.Error()},
		"no result":              {`"result":7,"error":null`, history.Info, "cannot unmarshal"},
		"an error of the others": {`"result":null,"error":{"error":"canceled","details":"x"}`, history.Info, "refused: canceled: x"},
		"no such database":       {`"result":null,"error":{"error":"unknown database"}`, history.Fail, "unknown database"},
		"already":                {`"result":[{"error":"timed out"},null],"error":null`, history.OK, ""},
		"when committed":         {`"result":[{},{"count":1},{},{},{"error":"cluster error","details":"timeout"}],"error":null`, history.Info, "operation 5: cluster error: timeout"},
		"silence":                {"", history.Info, "deadline exceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			addr, asked := server(t, func(int, []json.RawMessage) string { return c.says })
			cl, err := newClient(addr, Options{})
			require.NoError(t, err)
			defer cl.Close()
			patience := time.Minute
			if c.says == "" {
				patience = 300 * time.Millisecond
			}
			put := history.Op{F: history.FPut, Key: "k", Arg: "v"}
			done := do(t, cl, put, patience)
			for ; c.says == "" && done.Type == history.Fail; patience *= 2 { // until it is enough to ask
				done = do(t, cl, put, patience)
			}
			require.Equal(t, c.want, done.Type, done.Error)
			require.Contains(t, done.Error, c.err)
			require.Eventually(t, func() bool { return asked.Load() > 0 }, time.Minute, time.Millisecond)
			require.EqualValues(t, 1, asked.Load(), "a request is sent once")
		})
	}
	nobody, err := newClient("127.0.0.1:1", Options{})
	require.NoError(t, err)
	require.Equal(t, history.Fail, do(t, nobody, history.Op{F: history.FPut, Key: "k", Arg: "v"}, time.Minute).Type)
	require.Contains(t, do(t, nobody, history.Op{F: history.FTxn}, time.Minute).Error, "not one of its own")
}

// A read counts only if it had to be committed.
func TestReadsAreCommitted(t *testing.T) {
	for count, want := range map[string]history.OpType{"1": history.OK, "0": history.Fail} {
		addr, _ := server(t, func(int, []json.RawMessage) string {
			return `"result":[{"rows":[{"value":"v"}]},{"rows":[]},{"count":` + count + `}],"error":null`
		})
		c, err := newClient(addr, Options{})
		require.NoError(t, err)
		defer c.Close()
		done := do(t, c, history.Op{F: history.FGet, Key: "k"}, time.Minute)
		require.Equal(t, []any{want, want == history.OK}, []any{done.Type, done.Saw}, done.Error)
	}
}

// What careless clients do that others do not.
func TestCareless(t *testing.T) {
	add := history.Op{F: history.FAdd, Key: "k", Arg: "v"}
	silent := func(int, []json.RawMessage) string { return "" }
	addr, asked := server(t, silent)
	c, err := newClient(addr, Options{Careless: unanswered})
	require.NoError(t, err)
	defer c.Close()
	patience := 100 * time.Millisecond
	for do(t, c, add, patience).Type != history.OK { // until it is enough to ask
		patience *= 2
	}
	require.Eventually(t, func() bool { return asked.Load() > 0 }, time.Minute, time.Millisecond)
	require.EqualValues(t, 1, asked.Load())

	addr, asked = server(t, func(n int, params []json.RawMessage) string {
		if n == 1 {
			return ""
		}
		return `"result":[{"uuid":["uuid","x"]}],"error":null`
	})
	if c, err = newClient(addr, Options{Careless: again}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	// It takes all of its time, since the first is never answered.
	require.Equal(t, history.OK, do(t, c, add, 5*time.Second).Type)
	require.EqualValues(t, 2, asked.Load())
}

// alone starts a member that has no others, and waits until it leads.
func alone(t *testing.T, with func(*Options)) (*Target, target.Member, *exec.Cmd) {
	if testing.Short() {
		t.Skip("starts ovsdb-server")
	}
	o, err := Find(t.Context(), "")
	if err != nil {
		t.Skip(err)
	}
	o.Election = minElection
	with(&o)
	tgt, err := New(o)
	require.NoError(t, err)
	dir, err := os.MkdirTemp("", "ovsdb") // the path of its socket is short
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	at := func() string {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		return l.Addr().String()
	}
	m := target.Member{Name: "n1", PeerAddr: at(), ClientAddr: at(), DataDir: dir}
	command, err := tgt.Command(m)
	require.NoError(t, err)
	cmd := exec.Command(command.Path, command.Args...)
	cmd.Dir = command.Dir
	require.NoError(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	require.Eventually(t, func() bool {
		s, err := tgt.Status(t.Context(), m)
		return err == nil && s.Role == "leader" && s.Leader == "n1" && (s.Term > 1 || o.Standalone)
	}, 30*time.Second, 20*time.Millisecond)
	return tgt, m, cmd
}

// A member that stood still carries out both inserts of a client that was impatient.
func TestLiveAgain(t *testing.T) {
	tgt, m, cmd := alone(t, func(*Options) {})
	tgt.o.Careless = again
	made, err := tgt.Client(m)
	require.NoError(t, err)
	c := made.(*client)
	defer c.Close()
	require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP))
	go func() {
		time.Sleep(3 * impatience) // for how long does not matter, so that it is more than once
		cmd.Process.Signal(syscall.SIGCONT)
	}()
	done := do(t, c, history.Op{F: history.FAdd, Key: "s", Arg: "1"}, 20*time.Second)
	require.Equal(t, history.OK, done.Type, done.Error)
	require.Equal(t, []string{"1", "1"}, do(t, c, history.Op{F: history.FRead, Key: "s"}, 20*time.Second).List)
}

// A database by itself keeps what it was asked to keep.
func TestLiveStandalone(t *testing.T) {
	tgt, m, cmd := alone(t, func(o *Options) { o.Standalone, o.Durable = true, true })
	made, err := tgt.Client(m)
	require.NoError(t, err)
	c := made.(*client)
	defer c.Close()
	require.Equal(t, history.OK, do(t, c, history.Op{F: history.FAdd, Key: "s", Arg: "1"}, 20*time.Second).Type)
	require.Equal(t, history.OK, do(t, c, history.Op{F: history.FPut, Key: "r", Arg: "a"}, 20*time.Second).Type)
	require.Equal(t, history.Fail, do(t, c, history.Op{F: history.FCas, Key: "r", Old: "b", Arg: "c"}, 20*time.Second).Type)
	require.Equal(t, []string{"1"}, do(t, c, history.Op{F: history.FRead, Key: "s"}, 20*time.Second).List)
	require.NoError(t, cmd.Process.Kill())
	cmd.Wait()
	found, err := tgt.Autopsy(t.Context(), target.Setup{Members: []target.Member{m}, Run: run})
	require.NoError(t, err)
	require.Empty(t, found)
	path := filepath.Join(m.DataDir, databaseFile)
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, append([]byte("x"), b...), 0o644))
	found, err = tgt.Autopsy(t.Context(), target.Setup{Members: []target.Member{m}, Run: run})
	require.NoError(t, err)
	require.Len(t, found, 1)
}

// Transactions do what they are to do, and leave a file in which nothing is wrong.
func TestLive(t *testing.T) {
	tgt, m, _ := alone(t, func(*Options) {})
	made, err := tgt.Client(m)
	require.NoError(t, err)
	c := made.(*client)
	defer c.Close()
	try := func(f history.F, key, arg, old string) history.Op {
		return do(t, c, history.Op{F: f, Key: key, Arg: arg, Old: old}, 20*time.Second)
	}
	require.Empty(t, try(history.FGet, "r", "", "").Got)
	require.Equal(t, history.Fail, try(history.FCas, "r", "b", "a").Type, "there is nothing yet")
	require.Equal(t, history.OK, try(history.FCas, "r", "a", "").Type)
	require.Equal(t, history.Fail, try(history.FCas, "r", "b", "").Type, "there is something")
	require.Equal(t, history.OK, try(history.FCas, "r", "b", "a").Type)
	got := try(history.FGet, "r", "", "")
	require.Equal(t, []any{"b", true, history.OK}, []any{got.Got, got.Saw, got.Type})
	require.Equal(t, history.OK, try(history.FPut, "r", `"quoted" ü`, "").Type)
	require.Equal(t, `"quoted" ü`, try(history.FGet, "r", "", "").Got)
	require.Equal(t, history.OK, try(history.FDelete, "r", "", "").Type)
	require.Empty(t, try(history.FGet, "r", "", "").Got)

	for _, v := range []string{"1", "2", "3"} {
		require.Equal(t, history.OK, try(history.FAdd, "s", v, "").Type)
		require.Equal(t, history.OK, try(history.FAppend, "l", v, "").Type)
	}
	require.ElementsMatch(t, []string{"1", "2", "3"}, try(history.FRead, "s", "", "").List)
	require.Equal(t, []string{"1", "2", "3"}, try(history.FRead, "l", "", "").List)

	// The server makes a write anew that it has made: it is known by its row.
	c.requests--
	require.Equal(t, history.OK, try(history.FAdd, "s", "4", "").Type)
	require.ElementsMatch(t, []string{"1", "2", "3"}, try(history.FRead, "s", "", "").List)
	var done []*result
	_, err = c.conn.call(t.Context(), "transact", []any{database, operation{"op": "select", "table": tableDone, "where": []any{}}}, &done)
	require.NoError(t, err)
	require.Len(t, done[0].Rows, 1, "rows of earlier writes are gone")

	evidence, err := tgt.Operate(t.Context(), m, "defragment")
	require.NoError(t, err)
	require.NotZero(t, evidence["db-bytes-before"])
	require.NotZero(t, evidence["db-bytes-after"])
	require.Eventually(t, func() bool { // once nothing more is written to the file
		_, err := tgt.Operate(t.Context(), m, "compact")
		return errors.Is(err, target.ErrRefused)
	}, 30*time.Second, 20*time.Millisecond)
	_, err = tgt.Operate(t.Context(), m, "move-leader", "n2")
	require.ErrorIs(t, err, target.ErrUnsupported)
	gone := m
	gone.DataDir = t.TempDir()
	_, err = tgt.Operate(t.Context(), gone, "compact")
	require.ErrorIs(t, err, target.ErrUnreached)
	require.Equal(t, []string{"1", "2", "3"}, try(history.FRead, "l", "", "").List)

	found, err := tgt.Autopsy(t.Context(), target.Setup{Members: []target.Member{m}, Run: run})
	require.NoError(t, err)
	require.Empty(t, found)
	require.FileExists(t, filepath.Join(m.DataDir, databaseFile))
}
