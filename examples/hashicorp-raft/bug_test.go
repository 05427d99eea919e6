package main

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/hashicorp/raft"
	raftboltdb "github.com/hashicorp/raft-boltdb/v2"
)

// Each bug breaks its own promise, and no other, over a restart.
func TestBrokenStores(t *testing.T) {
	type kept struct{ term, vote, log, tail bool }
	for bug, want := range map[string]kept{
		"":         {term: true, vote: true, log: true, tail: false},
		staleRead:  {term: true, vote: true, log: true, tail: false},
		forgetTerm: {log: true},
		forgetVote: {term: true, log: true},
		lateTerm:   {log: true},
		loseTail:   {term: true, vote: true},
		keepTail:   {term: true, vote: true, log: true, tail: true},
	} {
		t.Run(bug, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "log.db")
			disk, err := raftboltdb.NewBoltStore(path)
			must(t, err)
			logs, stable := broken(bug, disk)
			must(t, stable.SetUint64([]byte("CurrentTerm"), 7))
			must(t, stable.Set([]byte("LastVoteCand"), []byte("n2")))
			must(t, logs.StoreLogs([]*raft.Log{{Index: 1, Term: 1}, {Index: 2, Term: 1}, {Index: 3, Term: 1}}))
			must(t, logs.DeleteRange(3, 3))
			if term, err := stable.GetUint64([]byte("CurrentTerm")); err != nil || term != 7 {
				t.Fatalf("before the restart the term is %d, %v", term, err)
			}
			must(t, disk.Close())

			disk, err = raftboltdb.NewBoltStore(path)
			must(t, err)
			defer disk.Close()
			logs, stable = broken(bug, disk)
			term, _ := stable.GetUint64([]byte("CurrentTerm"))
			vote, _ := stable.Get([]byte("LastVoteCand"))
			last, err := logs.LastIndex()
			must(t, err)
			if got := (kept{term == 7, string(vote) == "n2", last >= 2, last == 3}); got != want {
				t.Errorf("kept %+v, want %+v", got, want)
			}
		})
	}
}

// What is late comes all the same.
func TestLateTerm(t *testing.T) {
	disk, err := raftboltdb.NewBoltStore(filepath.Join(t.TempDir(), "log.db"))
	must(t, err)
	defer disk.Close()
	_, stable := broken(lateTerm, disk)
	must(t, stable.SetUint64([]byte("CurrentTerm"), 7))
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if term, err := disk.GetUint64([]byte("CurrentTerm")); err == nil && term == 7 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("it never reached the disk")
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
