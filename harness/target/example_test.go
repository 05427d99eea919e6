package target_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/harness/workload"
	"github.com/usurper/usurper/nemesis"
)

// serve is the system under test: one process that keeps values by key, in memory
// alone. (Here it is the test binary, which TestMain lets serve if it is called so.)
func serve(addr string) error {
	var mu sync.Mutex
	values := make(map[string]string)
	return http.ListenAndServe(addr, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.FormValue("f") == "put" {
			values[r.FormValue("key")] = r.FormValue("value")
		}
		fmt.Fprint(w, values[r.FormValue("key")])
	}))
}

// memory is its target. Opaque answers for all that such a system does not have.
type memory struct{ target.Opaque }

func (memory) Name() string { return "memory" }

func (memory) Command(m target.Member) (target.Command, error) {
	self, err := os.Executable()
	return target.Command{Path: self, Args: []string{"serve", m.ClientAddr}}, err
}

// Status says no more than that the member answers: it has no roles.
func (memory) Status(ctx context.Context, m target.Member) (target.Status, error) {
	_, err := post(ctx, http.DefaultTransport, m.ClientAddr, nil)
	return target.Status{}, err
}

func (memory) Client(m target.Member) (workload.Client, error) {
	return &client{addr: m.ClientAddr, http: &http.Transport{}}, nil
}

// client talks to one member over a connection of its own.
type client struct {
	addr string
	http *http.Transport
}

// Do sends op once. Only what certainly did not happen may be called a failure:
// here, what could not even be sent.
func (c *client) Do(ctx context.Context, op history.Op) (done history.Op, hint string) {
	answer, err := post(ctx, c.http, c.addr, url.Values{"f": {string(op.F)}, "key": {op.Key}, "value": {op.Arg}})
	var network *net.OpError
	switch {
	case err == nil:
		op.Type, op.Got, op.Saw = history.OK, answer, op.F == history.FGet
	case errors.As(err, &network) && network.Op == "dial":
		op.Type, op.Error = history.Fail, err.Error()
	default:
		op.Type, op.Error = history.Info, err.Error()
	}
	return op, ""
}

func (c *client) Close() error { c.http.CloseIdleConnections(); return nil }

// post asks once: net/http sends no POST a second time.
func post(ctx context.Context, through http.RoundTripper, addr string, form url.Values) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+"/?"+form.Encode(), nil)
	if err != nil {
		return "", err
	}
	resp, err := through.RoundTrip(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return "", errors.New(resp.Status)
	}
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// A system joins with a Target and a Client. This one gets over slow clients, and
// forgets everything when it is killed.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	for _, fault := range []string{"delay 20ms clients > n1", "kill n1"} {
		plan, err := nemesis.Parse("plan", "at 100ms for 300ms "+fault)
		if err != nil {
			fmt.Println(err)
			return
		}
		cfg := engine.Default()
		cfg.Target, cfg.Nodes, cfg.ProxyClients = memory{}, 1, true
		cfg.Plan, cfg.For, cfg.Results = &plan, 600*time.Millisecond, dir
		cfg.Suit() // to what such clients can do
		verdict := checker.Unknown
		for try := 0; verdict == checker.Unknown && try < 5; try++ { // as a run may be on a machine that stalls
			result, err := engine.Run(context.Background(), cfg)
			if err != nil {
				fmt.Println(err)
				return
			}
			verdict = result.Report.Verdict
		}
		fmt.Println(fault+":", verdict)
	}
	// Output:
	// delay 20ms clients > n1: valid
	// kill n1: invalid
}
