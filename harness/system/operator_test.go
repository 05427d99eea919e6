package system

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/nemesis"
)

// club is a target whose processes do nothing and whose membership is a set.
type club struct {
	target.Opaque
	mu      sync.Mutex
	members map[string]bool
	removes []error // what the next removals fail with
	adds    []error
	done    bool // a removal that fails was done
}

func (*club) Name() string { return "club" }

func (*club) Command(target.Member) (target.Command, error) {
	return target.Command{Path: "sleep", Args: []string{"1000"}}, nil
}

func (*club) Status(context.Context, target.Member) (target.Status, error) {
	return target.Status{}, nil
}

func (*club) Client(target.Member) (workload.Client, error) { return nil, errors.New("no clients") }

// next takes the first of some planned errors.
func next(errs *[]error) error {
	if len(*errs) == 0 {
		return nil
	}
	err := (*errs)[0]
	*errs = (*errs)[1:]
	return err
}

func (c *club) Remove(_ context.Context, m target.Member, _ []target.Member) (map[string]int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := next(&c.removes)
	if err == nil || c.done {
		delete(c.members, m.Name)
	}
	return map[string]int64{"removed": 1}, err
}

func (c *club) Belongs(_ context.Context, m target.Member, _ []target.Member) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.members[m.Name], nil
}

func (c *club) Add(_ context.Context, m target.Member, _ []target.Member) ([]string, map[string]int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := next(&c.adds); err != nil {
		return nil, nil, err
	}
	c.members[m.Name] = true
	return []string{"n1", "n2", "n3"}, map[string]int64{"members": 3}, nil
}

// startClub starts three members, each with a file in its data directory.
func startClub(t *testing.T, c *club) (o *operator, file string, configs func() []history.Raft) {
	t.Helper()
	host, err := cluster.NewLocal()
	require.NoError(t, err)
	dir := t.TempDir()
	c.members = map[string]bool{"n1": true, "n2": true, "n3": true}
	var members []target.Member
	for _, name := range []string{"n1", "n2", "n3"} {
		members = append(members, target.Member{Name: name, DataDir: filepath.Join(dir, name, "data")})
	}
	var mu sync.Mutex
	var told []history.Raft
	record := func(e history.Event) {
		mu.Lock()
		defer mu.Unlock()
		if e.Raft != nil {
			told = append(told, *e.Raft)
		}
	}
	cl, err := cluster.New(cluster.Options{Target: c, Host: host, Members: members, Dir: dir, Record: record, Grace: 100 * time.Millisecond})
	require.NoError(t, err)
	t.Cleanup(func() {
		cl.Stop()
		require.NoError(t, host.Close())
	})
	for _, m := range members {
		require.NoError(t, cl.Start(t.Context(), m.Name))
	}
	file = filepath.Join(members[1].DataDir, "votes")
	require.NoError(t, os.WriteFile(file, nil, 0o644))
	return newOperator(cl, c, record), file, func() []history.Raft {
		mu.Lock()
		defer mu.Unlock()
		return told
	}
}

func TestMemberComesBackAsANewOne(t *testing.T) {
	c := &club{adds: []error{errors.New("too soon"), errors.New("too soon")}}
	o, file, configs := startClub(t, c)
	_, err := o.Operate(t.Context(), "n2", nemesis.OpRemove)
	require.NoError(t, err)
	_, err = o.cluster.Kill(t.Context(), "n2")
	require.NoError(t, err)
	for range 2 {
		_, err = o.Operate(t.Context(), "n2", nemesis.OpAdd)
		require.ErrorContains(t, err, "too soon")
		require.FileExists(t, file)
	}
	evidence, err := o.Operate(t.Context(), "n2", nemesis.OpAdd)
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"added": 1, "members": 3}, evidence)
	require.NoFileExists(t, file)
	require.True(t, o.runs("n2"))
	m, err := o.cluster.Member("n2")
	require.NoError(t, err)
	require.Equal(t, []string{"n1", "n2", "n3"}, m.Joins)
	require.Equal(t, []history.Raft{
		{Source: history.Harness, Seq: 1, What: history.RaftConfig, Node: "n2", Voters: []string{"n1", "n3"}},
		{Source: history.Harness, Seq: 2, What: history.RaftConfig, Node: "n2", Inc: 2, Voters: []string{"n1", "n2", "n3"}},
	}, configs())
	_, err = o.Operate(t.Context(), "n2", nemesis.OpAdd)
	require.ErrorContains(t, err, "is a member")
}

// Whether a removal without an answer was done is for the others to say.
func TestRemovalInDoubt(t *testing.T) {
	for _, done := range []bool{false, true} {
		c := &club{removes: []error{context.DeadlineExceeded}, done: done}
		o, file, _ := startClub(t, c)
		_, err := o.Operate(t.Context(), "n2", nemesis.OpRemove)
		require.ErrorIs(t, err, context.DeadlineExceeded)
		_, err = o.Operate(t.Context(), "n3", nemesis.OpRemove)
		require.ErrorIs(t, err, nemesis.ErrRefused, "one doubt at a time")
		evidence, err := o.Operate(t.Context(), "n2", nemesis.OpAdd)
		require.NoError(t, err)
		require.Equal(t, done, evidence["added"] == 1)
		if done {
			require.NoFileExists(t, file)
		} else {
			require.FileExists(t, file)
		}
		require.True(t, o.runs("n2"))
	}
}

func TestRefusedRemovalChangesNothing(t *testing.T) {
	c := &club{removes: []error{target.ErrRefused}}
	o, file, _ := startClub(t, c)
	_, err := o.Operate(t.Context(), "n2", nemesis.OpRemove)
	require.ErrorIs(t, err, nemesis.ErrRefused)
	require.FileExists(t, file)
	_, err = o.Operate(t.Context(), "n2", nemesis.OpRemove)
	require.NoError(t, err)
}

func TestOperationsThatATargetLacks(t *testing.T) {
	o, _, _ := startClub(t, &club{})
	_, err := o.Operate(t.Context(), "n2", nemesis.OpDefragment)
	require.ErrorIs(t, err, nemesis.ErrUnsupported)
	require.EqualError(t, err, "club: the system does not offer this")
}
