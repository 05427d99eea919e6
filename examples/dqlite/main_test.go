package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// alone starts a cluster of one and waits until it is ready.
func alone(t *testing.T, flags ...string) http.Handler {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	o, err := parse(append([]string{"--id=n1", "--bind=" + addr, "--advertise=" + addr, "--peers=" + addr, "--data=" + t.TempDir()}, flags...))
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
	for deadline := time.Now().Add(30 * time.Second); ask(handler, "GET", "/status", "").Code != http.StatusOK; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the member never became ready")
		}
	}
	return handler
}

func ask(h http.Handler, method, path, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	return w
}

func TestOperations(t *testing.T) {
	for _, reads := range []string{"--plain-reads=false", "--plain-reads"} {
		h := alone(t, reads)
		if got := ask(h, "GET", "/status", "").Body.String(); got != `{"role":"leader","leader":"n1"}`+"\n" {
			t.Errorf("status %s", got)
		}
		for _, step := range []struct {
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
			w := ask(h, "POST", "/op", step.op)
			var got answer
			if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || w.Code != http.StatusOK || got != step.want {
				t.Errorf("%s: %d %s, want %+v", step.op, w.Code, w.Body, step.want)
			}
		}
	}
}
