package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/usurper/usurper/node/raft"
)

// The client API is HTTP with JSON bodies:
//
//	POST /v1/op      an Op   → 200 and an Answer, whatever its outcome
//	GET  /v1/status          → 200 and a Status
//
// A request without such an answer (connection refused, reset or closed) tells
// a client nothing but that: if the request was sent, its outcome is info.

// maxBody bounds the body of a request.
const maxBody = 1 << 20

// Status is what a member says of itself.
type Status struct {
	ID      string        `json:"id"`
	Role    string        `json:"role"` // follower, candidate or leader
	Term    uint64        `json:"term"`
	Leader  string        `json:"leader"` // the leader it knows of, "" for none
	Commit  uint64        `json:"commit"`
	Applied uint64        `json:"applied"`
	Last    StatusPos     `json:"last"`   // the end of its log
	Digest  uint64        `json:"digest"` // of its state at Applied
	Uptime  time.Duration `json:"uptime"` // nanoseconds
	Pid     int           `json:"pid"`
	Bug     string        `json:"bug,omitempty"`
}

// StatusPos is a log position in a Status.
type StatusPos struct {
	Term  uint64 `json:"term"`
	Index uint64 `json:"index"`
}

func statusPos(p raft.Pos) StatusPos { return StatusPos{Term: p.Term, Index: p.Index} }

// ServeHTTP serves the client API.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/v1/op":
		if r.Method != http.MethodPost {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "use POST with a JSON body", http.StatusMethodNotAllowed)
			return
		}
		s.serveOp(w, r)
	case "/v1/status":
		s.serveStatus(w, r)
	default:
		http.Error(w, "no such path: use POST /v1/op or GET /v1/status", http.StatusNotFound)
	}
}

func (s *Server) serveOp(w http.ResponseWriter, r *http.Request) {
	c, err := readCall(http.MaxBytesReader(w, r.Body, maxBody))
	if err == nil {
		err = s.inbox.submit(c)
	}
	if err != nil {
		writeJSON(w, failure(err, c == nil || c.write))
		return
	}
	timer := time.NewTimer(c.wait)
	defer timer.Stop()
	select {
	case a := <-c.done:
		writeJSON(w, a)
	case <-timer.C:
		writeJSON(w, failure(fmt.Errorf("%w: waited %v", ErrTimeout, c.wait), c.write))
	case <-r.Context().Done():
		// The client is gone: nobody to answer.
	case <-s.crashed:
		panic(http.ErrAbortHandler) // a dead process does not answer
	}
}

func readCall(body io.Reader) (*call, error) {
	var op Op
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(&op); err != nil {
		return nil, fmt.Errorf("%w: body: %w", ErrBadRequest, err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("%w: body: more than one JSON value", ErrBadRequest)
	}
	return newCall(op)
}

func (s *Server) serveStatus(w http.ResponseWriter, r *http.Request) {
	reply := make(chan Status, 1)
	s.inbox.ask(reply)
	select {
	case st := <-reply:
		writeJSON(w, st)
	case <-r.Context().Done():
	case <-s.done:
		http.Error(w, errRefusedStop.Error(), http.StatusServiceUnavailable)
	}
}

func writeJSON(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header()["Content-Type"] = jsonType
	// An error here means that the client is gone.
	_, _ = w.Write(append(b, '\n'))
}

var jsonType = []string{"application/json"}
