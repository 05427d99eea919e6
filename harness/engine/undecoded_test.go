package engine_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/target/reference"
)

// foreign is a target whose members talk as its protocol does not expect, such as
// over TLS.
type foreign struct{ target.Target }

func (f foreign) Protocol() fabric.Protocol { return unread{f.Target.Protocol()} }

// Tap is told of frames, and splits none itself.
func (f foreign) Tap(members []string, emit func(history.Raft)) target.Tap {
	return struct{ target.Tap }{f.Target.Tap(members, emit)}
}

type unread struct{ fabric.Protocol }

func (unread) Open(string, string) (forward, backward fabric.Splitter) { return unread{}, unread{} }

func (unread) Next([]byte) (int, string, error) {
	return 0, "", errors.New("no plain HTTP: it looks like TLS")
}

// A tap that can read nothing says so and lets the members talk. That no election
// was seen is no evidence that there was none: the run has no verdict.
func TestTrafficThatNobodyCanRead(t *testing.T) {
	t.Parallel()
	cfg := configFor(t)
	of, err := reference.New(reference.Options{Binary: binary, Election: cfg.Election, Heartbeat: cfg.Heartbeat, NoTrace: true})
	require.NoError(t, err)
	cfg.Target = foreign{of}
	result, err := engine.Run(t.Context(), cfg)
	require.NoError(t, err)
	require.Equal(t, checker.Unknown, result.Report.Verdict, result.Report.String())
	for _, r := range result.Report.Results {
		if r.Checker == "linearizable" || r.Checker == "set" {
			require.Equal(t, checker.Valid, r.Verdict, result.Report.String())
		}
	}
	require.Contains(t, result.Report.String(), "it looks like TLS")
	lost := 0
	for _, e := range read(t, result.Dir) {
		if e.Run != nil && e.Run.What == history.RunUntap {
			lost++
		}
	}
	require.Positive(t, lost)
}
