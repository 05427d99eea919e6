package zookeeper

import (
	"context"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

func connect(t *testing.T, s *fake, r reads) *client {
	t.Helper()
	c := newClient(s.addr(), r)
	t.Cleanup(func() { require.NoError(t, c.Close()) })
	return c
}

// ready is a client of a server that was set up, and a server that has forgotten that.
func ready(t *testing.T, r reads) (*client, *fake) {
	t.Helper()
	s := serve(t)
	c := connect(t, s, r)
	require.NoError(t, c.prepare(t.Context()))
	require.NoError(t, c.prepare(t.Context()), "again")
	s.forget()
	return c, s
}

func (c *client) try(t *testing.T, op history.Op) history.Op {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	done, hint := c.Do(ctx, op)
	require.Empty(t, hint)
	return done
}

func get(key string) history.Op        { return history.Op{F: history.FGet, Key: key} }
func set(key, value string) history.Op { return history.Op{F: history.FPut, Key: key, Arg: value} }
func swap(key, old, value string) history.Op {
	return history.Op{F: history.FCas, Key: key, Old: old, Arg: value}
}

func TestRegister(t *testing.T) {
	c, s := ready(t, linearizable)
	require.Equal(t, history.OK, c.try(t, get("r/1")).Type)
	require.True(t, c.try(t, get("r/1")).Saw, "it has no value")

	require.Equal(t, history.OK, c.try(t, set("r/1", "a")).Type)
	require.Equal(t, "a", c.try(t, get("r/1")).Got)
	require.Equal(t, history.OK, c.try(t, set("r/1", "b")).Type)
	require.Equal(t, "b@1", s.at("/values/r%2F1"))

	require.Equal(t, history.Fail, c.try(t, swap("r/1", "a", "c")).Type)
	require.Equal(t, history.Fail, c.try(t, swap("r/1", "", "c")).Type)
	require.Equal(t, history.OK, c.try(t, swap("r/1", "b", "c")).Type)
	require.Equal(t, "c", c.try(t, get("r/1")).Got)
	require.Equal(t, history.Fail, c.try(t, swap("r2", "x", "c")).Type)
	require.Equal(t, history.OK, c.try(t, swap("r2", "", "x")).Type)
	require.Equal(t, "x", c.try(t, get("r2")).Got)

	remove := history.Op{F: history.FDelete, Key: "r/1"}
	require.Equal(t, history.OK, c.try(t, remove).Type)
	require.Empty(t, s.at("/values/r%2F1"))
	require.Equal(t, history.OK, c.try(t, remove).Type, "there is none")
	require.Equal(t, "", c.try(t, get("r/1")).Got)
	require.Equal(t, history.OK, c.try(t, history.Op{F: history.FDelete, Key: "never"}).Type)
	require.Equal(t, history.Fail, c.try(t, history.Op{F: history.FTxn}).Type)
}

func TestLists(t *testing.T) {
	c, s := ready(t, linearizable)
	read := history.Op{F: history.FRead, Key: "l"}
	require.True(t, c.try(t, read).Saw)
	want := []string{"z", "a/b", "m-1", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}
	for i, value := range want {
		f := history.FAdd
		if i%2 == 1 {
			f = history.FAppend
		}
		require.Equal(t, history.OK, c.try(t, history.Op{F: f, Key: "l", Arg: value}).Type)
	}
	require.Equal(t, want, c.try(t, read).List, "in the order in which they were added")
	require.Len(t, s.below("/lists/l"), len(want))

	_, err := elements([]string{"nothing"})
	require.ErrorContains(t, err, `called "nothing"`)
	_, err = elements([]string{"a-b"})
	require.ErrorContains(t, err, `called "a-b"`)
}

// A value that was deleted and created has the version that it had: what was read of it
// before may not be swapped.
func TestCasOfAnotherLife(t *testing.T) {
	c, s := ready(t, linearizable)
	other := connect(t, s, linearizable)
	require.Equal(t, history.OK, c.try(t, set("r", "a")).Type)
	// Between the reads of a cas and its transaction, somebody else has the key live again.
	reborn := false
	s.mu.Lock()
	s.before = func(s *fake, op string) (bool, bool) {
		if op == "multi" && !reborn {
			reborn = true
			require.Equal(t, history.OK, other.try(t, history.Op{F: history.FDelete, Key: "r"}).Type)
			require.Equal(t, history.OK, other.try(t, set("r", "b")).Type)
		}
		return true, true
	}
	s.mu.Unlock()
	require.Equal(t, history.Fail, c.try(t, swap("r", "a", "c")).Type)
	require.Equal(t, "b", c.try(t, get("r")).Got)
}

func TestReadsAreAsAskedFor(t *testing.T) {
	for r, want := range map[reads][]string{linearizable: {"set", "get"}, afterSync: {"sync", "get"}, plain: {"get"}} {
		c, s := ready(t, r)
		require.Equal(t, history.OK, c.try(t, get("r")).Type)
		require.Equal(t, want, s.requests())
	}
}

// A write whose answer does not come is sent once, and never again: neither when the
// connection ends, nor when time is up, nor when there is a new session.
func TestUnansweredWritesAreSentOnce(t *testing.T) {
	for name, silence := range map[string]func(s *fake) (does, answers bool){
		"the connection ends": func(s *fake) (bool, bool) { s.drop(); return true, false },
		"time is up":          func(*fake) (bool, bool) { return true, false },
	} {
		t.Run(name, func(t *testing.T) {
			c, s := ready(t, linearizable)
			require.Equal(t, history.OK, c.try(t, set("r", "a")).Type)
			s.forget()
			ctx, up := context.WithTimeout(t.Context(), 30*time.Second)
			defer up()
			s.mu.Lock()
			s.before = func(s *fake, op string) (bool, bool) {
				if op == "set" {
					time.AfterFunc(100*time.Millisecond, up)
					return silence(s)
				}
				return true, true
			}
			s.mu.Unlock()
			done, _ := c.Do(ctx, set("r", "b"))
			require.Equal(t, history.Info, done.Type, done.Error)
			s.mu.Lock()
			s.before = nil
			s.mu.Unlock()
			require.Equal(t, "b", c.try(t, get("r")).Got, "by a new session")
			sets := 0
			for _, op := range s.requests() {
				if op == "set" {
					sets++
				}
			}
			require.Equal(t, 2, sets, "the write, and the one before the read")
			require.Equal(t, "b@1", s.at("/values/r"))
		})
	}
}

// What was never sent certainly did not happen.
func TestUnsentWritesFail(t *testing.T) {
	s := serve(t)
	c := connect(t, s, linearizable)
	s.listener.Close()
	require.Equal(t, history.Fail, c.try(t, set("r", "a")).Type)

	l, err := net.Listen("tcp", "127.0.0.1:0") // nobody accepts
	require.NoError(t, err)
	defer l.Close()
	mute := newClient(l.Addr().String(), linearizable)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	done, _ := mute.Do(ctx, set("r", "a"))
	require.Equal(t, history.Fail, done.Type)
	require.Contains(t, done.Error, "no session yet")
	require.NoError(t, mute.Close())
}

// A cas of which only the reads were sent, and a put that created nothing but what nobody
// sees, did not happen.
func TestWhatComesBeforeAWriteIsNone(t *testing.T) {
	for op, silent := range map[*history.Op]string{
		{F: history.FCas, Key: "r", Old: "a", Arg: "b"}: "get",
		{F: history.FPut, Key: "new", Arg: "b"}:         "create",
		{F: history.FAdd, Key: "new", Arg: "b"}:         "create /lists/new",
	} {
		c, s := ready(t, linearizable)
		require.Equal(t, history.OK, c.try(t, set("r", "a")).Type)
		creates := 0
		s.mu.Lock()
		s.before = func(s *fake, asked string) (bool, bool) {
			if asked == "create" {
				creates++
			}
			if asked == silent || silent == "create /lists/new" && creates == 2 {
				s.drop()
				return false, false
			}
			return true, true
		}
		s.mu.Unlock()
		require.Equal(t, history.Fail, c.try(t, *op).Type, silent)
	}
}
