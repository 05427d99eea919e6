// Package mutants reads histories, plans, configurations and files of systems that
// somebody has damaged, thousands of them. Nothing may panic or hang, and what has
// lost its meaning may never be called valid.
//
// Each way to damage a text says what it does to the meaning; read mutator first.
package mutants

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var total = flag.Int("mutants", 400, "how many damaged texts to read in all")

// meaning is what a mutator does to that of a text.
type meaning int

const (
	unsaid meaning = iota // it may change it or not
	kept                  // what was valid must be valid
	broken                // nothing may be called valid
)

// mutator damages a text. It returns nil if this text has nothing to damage.
type mutator struct {
	name string
	does meaning
	do   func(r *rand.Rand, text []byte) []byte
}

// judge reads a text and says whether it is accepted as valid; an error is why it
// could not be read.
type judge func(t testing.TB, text []byte) (valid bool, err error)

// subject is a kind of text.
type subject struct {
	texts    map[string][]byte // all valid
	judge    judge
	mutators []mutator
}

// within bounds how long reading one text may take.
const within = 30 * time.Second

var errHang = errors.New("reading it did not end")

// try reads a text with a bound of time, and turns a panic into an error of the test.
func (s *subject) try(t testing.TB, text []byte) (valid bool, err error) {
	type outcome struct {
		valid    bool
		err      error
		panicked any
	}
	done := make(chan outcome, 1)
	go func() {
		var o outcome
		defer func() {
			o.panicked = recover()
			done <- o
		}()
		o.valid, o.err = s.judge(t, text)
	}()
	select {
	case o := <-done:
		if o.panicked != nil {
			t.Fatalf("panic: %v\n%.2000s", o.panicked, text)
		}
		return o.valid, o.err
	case <-time.After(within):
		return false, errHang
	}
}

// run damages the subject's texts count times.
func (s *subject) run(t *testing.T, count int) {
	names := make([]string, 0, len(s.texts))
	for name, text := range s.texts {
		valid, err := s.try(t, text)
		require.NoError(t, err, name)
		require.True(t, valid, "%s is not valid to begin with", name)
		names = append(names, name)
	}
	tally := make(map[string]int)
	for i := 0; i < count; i++ {
		r := rand.New(rand.NewPCG(uint64(i), 20261130))
		name, m := names[r.IntN(len(names))], s.mutators[i%len(s.mutators)]
		damaged := m.do(r, bytes.Clone(s.texts[name]))
		if damaged == nil {
			tally[m.name+", nothing to do"]++
			continue
		}
		valid, err := s.try(t, damaged)
		where := fmt.Sprintf("mutant %d of %s: %s", i, name, m.name)
		require.NotErrorIs(t, err, errHang, where)
		switch m.does {
		case kept:
			require.NoError(t, err, where)
			require.True(t, valid, keep(t, damaged, where))
		case broken:
			require.False(t, valid, keep(t, damaged, where))
		}
		tally[m.name]++
	}
	t.Logf("%d texts, %v", len(names), tally)
}

// keep writes the text of a failure down and says where.
func keep(t testing.TB, text []byte, where string) failure { return failure{t, text, where} }

// failure is rendered only when it is needed.
type failure struct {
	t     testing.TB
	text  []byte
	where string
}

func (f failure) String() string {
	path := filepath.Join(os.TempDir(), fmt.Sprintf("mutant-%d", time.Now().UnixNano()))
	if err := os.WriteFile(path, f.text, 0o644); err != nil {
		return f.where
	}
	return f.where + ": " + path
}

func TestMutants(t *testing.T) {
	kinds := []struct {
		name  string
		make  func(t *testing.T) subject
		share int // of ten
	}{
		{"histories", histories, 4},
		{"plans", plans, 2},
		{"configurations", configurations, 1},
		{"systems", systems, 1},
		{"edn", foreign, 2},
	}
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			s := k.make(t)
			s.run(t, *total*k.share/10)
		})
	}
}
