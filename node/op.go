package node

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/usurper/usurper/node/kv"
)

// Op is a client's request, the body of POST /v1/op.
type Op struct {
	// F is get, put, cas, append, delete or read. Get reads a string, read a
	// list; both are linearizable and never logged.
	F   string `json:"f"`
	Key string `json:"key"`
	// Arg is what put, cas and append write. Old is what cas expects: "" stands
	// for no value, and is met by a key that is absent or holds "".
	Arg string `json:"arg,omitempty"`
	Old string `json:"old,omitempty"`
	// Request is the write's identity, client/number. A client counts its writes
	// upwards and has one open at a time. A resend of its last one is applied
	// once and gets the first answer. Empty: every send is a new write.
	Request string `json:"request,omitempty"`
	// Timeout bounds how long the member waits for the answer, in Go's notation
	// such as 500ms. Empty: DefaultTimeout.
	Timeout string `json:"timeout,omitempty"`
}

// DefaultTimeout is how long a request waits unless it says otherwise.
const DefaultTimeout = 5 * time.Second

// Answer is the answer to an Op.
type Answer struct {
	Outcome Outcome `json:"outcome"`
	// Saw says that Got (get, failed cas) or List (read) was observed. Found
	// says that the key was there: it tells an absent key from a "" or an empty
	// list.
	Got   string   `json:"got,omitempty"`
	Saw   bool     `json:"saw,omitempty"`
	Found bool     `json:"found,omitempty"`
	List  []string `json:"list,omitempty"`
	// Error says why Outcome is not OK.
	Error string `json:"error,omitempty"`
	// Leader is the leader that the member knows of, "" for none, and Term its
	// term. Not set on answers the member's loop had no part in.
	Leader string `json:"leader,omitempty"`
	Term   uint64 `json:"term,omitempty"`
}

// call is a request on its way through the loop.
type call struct {
	op    Op
	write bool
	data  []byte     // write: the encoded command
	cmd   kv.Command // write
	wait  time.Duration
	done  chan Answer // has room for the one answer
}

// newCall checks op. Its errors wrap ErrBadRequest.
func newCall(op Op) (*call, error) {
	c := &call{op: op, wait: DefaultTimeout, done: make(chan Answer, 1)}
	if op.Timeout != "" {
		d, err := time.ParseDuration(op.Timeout)
		if err != nil || d <= 0 {
			return nil, fmt.Errorf("%w: timeout %q: write a duration such as 500ms", ErrBadRequest, op.Timeout)
		}
		c.wait = d
	}
	if op.Key == "" {
		return nil, fmt.Errorf("%w: no key", ErrBadRequest)
	}
	kind, err := parseF(op.F)
	if err != nil || kind == 0 {
		return c, err
	}
	client, seq, err := parseRequest(op.Request)
	if err != nil {
		return nil, err
	}
	c.write = true
	c.cmd = kv.Command{Op: kind, Key: op.Key, Arg: op.Arg, Old: op.Old, Client: client, Seq: seq}
	c.data = c.cmd.AppendTo(make([]byte, 0, 32+len(op.Key)+len(op.Arg)+len(op.Old)+len(client)))
	return c, nil
}

// parseF returns the command that f stands for, 0 for a read.
func parseF(f string) (kv.Op, error) {
	switch f {
	case "get", "read":
		return 0, nil
	case "put":
		return kv.OpPut, nil
	case "cas":
		return kv.OpCas, nil
	case "append":
		return kv.OpAppend, nil
	case "delete":
		return kv.OpDelete, nil
	}
	return 0, fmt.Errorf("%w: unknown f %q: use get, put, cas, append, delete or read", ErrBadRequest, f)
}

func parseRequest(s string) (client string, seq uint64, err error) {
	if s == "" {
		return "", 0, nil
	}
	i := strings.LastIndexByte(s, '/')
	if i > 0 {
		seq, err = strconv.ParseUint(s[i+1:], 10, 64)
	}
	if i <= 0 || err != nil {
		return "", 0, fmt.Errorf("%w: request %q: write client/number, such as c1/7", ErrBadRequest, s)
	}
	return s[:i], seq, nil
}

// valueAnswer is the answer to a read of op that saw v.
func valueAnswer(op *Op, v kv.Value) Answer {
	if v.Found && v.IsList != (op.F == "read") {
		return failure(fmt.Errorf("%w: %v", ErrRefused, kv.WrongType), false)
	}
	return Answer{Outcome: OK, Saw: true, Found: v.Found, Got: v.String, List: v.List}
}

// resultAnswer is the answer to a write that the state machine decided on.
func resultAnswer(r kv.Result) Answer {
	switch {
	case r.Done:
		return Answer{Outcome: OK}
	case r.Refusal == kv.Superseded:
		return failure(fmt.Errorf("%w: %v", ErrSuperseded, r.Refusal), true)
	}
	a := failure(fmt.Errorf("%w: %v", ErrRefused, r.Refusal), true)
	a.Saw, a.Found, a.Got = r.Saw, r.Found, r.Got
	return a
}
