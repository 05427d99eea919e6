package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/dialect/hashicorp"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
)

// store is the system under test: how a member is started, found ready and
// talked to. The rest is target.Opaque's, which reads elections from the wire.
type store struct {
	target.Opaque
	election time.Duration
	bug      string
	grow     bool // n1 begins alone
}

func newStore(election time.Duration, bug string) store {
	return store{Opaque: target.Opaque{Wire: hashicorp.Dialect()}, election: election, bug: bug}
}

func (store) Name() string     { return "hashicorp-raft" }
func (store) OneAddress() bool { return true } // addresses are in the replicated configuration
func (store) Ops() []history.F { return []history.F{history.FGet, history.FPut, history.FCas} }

func (s store) Command(m target.Member) (target.Command, error) {
	var peers []string
	for name, addr := range m.Advertised {
		peers = append(peers, name+"="+addr)
	}
	self, err := os.Executable() // TestMain lets the test binary be a member
	return target.Command{Path: self, Args: []string{
		"store", "--id", m.Name, "--bind", m.PeerAddr, "--advertise", m.Advertised[m.Name],
		"--http", m.ClientAddr, "--data", m.DataDir, "--peers", strings.Join(peers, ","),
		"--election", s.election.String(), "--bug", s.bug, "--grow=" + strconv.FormatBool(s.grow),
	}}, err
}

func (store) Status(ctx context.Context, m target.Member) (target.Status, error) {
	var s status
	_, err := post(ctx, http.DefaultTransport, "http://"+m.ClientAddr+"/status", nil, &s)
	return target.Status{Role: s.Role, Term: s.Term, Leader: s.Leader, Commit: s.Commit, Applied: s.Applied}, err
}

func (store) Client(m target.Member) (workload.Client, error) {
	return client{url: "http://" + m.ClientAddr + "/op", http: &http.Transport{}}, nil
}

// client sends to one member.
type client struct {
	url  string
	http *http.Transport
}

func (c client) Close() error { c.http.CloseIdleConnections(); return nil }

// Do tells apart what happened, what certainly did not, and all else.
func (c client) Do(ctx context.Context, op history.Op) (history.Op, string) {
	var a answer
	code, err := post(ctx, c.http, c.url, command{F: string(op.F), Key: op.Key, Value: op.Arg, Old: op.Old}, &a)
	var refused *net.OpError
	switch {
	case err == nil && code == http.StatusOK && a.Done:
		op.Type, op.Got, op.Saw = history.OK, a.Value, op.F == history.FGet
	case err == nil && code == http.StatusOK && op.F == history.FCas:
		op.Type, op.Got, op.Saw = history.Fail, a.Value, true
	case err == nil && code == http.StatusMisdirectedRequest, errors.As(err, &refused) && refused.Op == "dial":
		op.Type, op.Error = history.Fail, fmt.Sprint("nothing was done: ", code, err)
	default:
		op.Type, op.Error = history.Info, fmt.Sprint(code, err)
	}
	return op, a.Leader
}

// post sends body once and reads the answer.
func post(ctx context.Context, through http.RoundTripper, url string, body, answer any) (code int, err error) {
	b, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(b))
	if err != nil {
		return 0, err
	}
	resp, err := through.RoundTrip(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	return resp.StatusCode, json.NewDecoder(resp.Body).Decode(answer)
}
