package main

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// cluster starts so many members in this process, and waits until all are ready.
func cluster(t *testing.T, size int, flags ...string) []http.Handler {
	t.Helper()
	var addrs []string
	for range size {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		addrs = append(addrs, l.Addr().String())
		l.Close()
	}
	var members []http.Handler
	for i, addr := range addrs {
		o, err := parse(append([]string{
			fmt.Sprintf("--id=n%d", i+1), "--bind=" + addr, "--advertise=" + addr, "--peers=" + strings.Join(addrs, ","), "--data=" + t.TempDir(),
		}, flags...))
		if err != nil {
			t.Fatal(err)
		}
		handler, stop, err := start(o)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := stop(); err != nil {
				t.Error(err)
			}
		})
		members = append(members, handler)
	}
	deadline := time.Now().Add(60 * time.Second)
	for _, m := range members {
		for ; ask(m, "GET", "/status", "").Code != http.StatusOK; time.Sleep(20 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatal("a member never became ready")
			}
		}
	}
	return members
}

func ask(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w
}

// Three elect one of them, and each carries out what clients ask.
func TestOperations(t *testing.T) {
	for _, reads := range []string{"--plain-reads=false", "--plain-reads"} {
		t.Run(reads, func(t *testing.T) {
			t.Parallel()
			members := cluster(t, 3, reads)
			leaders := 0
			for _, m := range members {
				leaders += strings.Count(ask(m, "GET", "/status", "").Body.String(), `"role":"leader"`)
			}
			if leaders != 1 {
				t.Errorf("%d leaders", leaders)
			}
			for i, step := range []struct {
				op   string
				want answer
			}{
				{`{"f": "get", "key": "k"}`, answer{Done: true}},
				{`{"f": "cas", "key": "k", "old": "x", "value": "y"}`, answer{}},
				{`{"f": "cas", "key": "k", "value": "a"}`, answer{Done: true}},
				{`{"f": "cas", "key": "k", "value": "b"}`, answer{}},
				{`{"f": "get", "key": "k"}`, answer{Done: true, Value: "a"}},
				{`{"f": "put", "key": "k", "value": "b"}`, answer{Done: true}},
				{`{"f": "cas", "key": "k", "old": "b", "value": "c"}`, answer{Done: true}},
				{`{"f": "get", "key": "k"}`, answer{Done: true, Value: "c"}},
			} {
				w := ask(members[i%len(members)], "POST", "/op", step.op)
				var got answer
				if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || got != step.want {
					t.Errorf("%s: %d %s, want %+v", step.op, w.Code, w.Body, step.want)
				}
			}
		})
	}
}
