package exec

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
	"github.com/tidwall/redcon"
)

// request is what is sent for a probe or an operation, and how its answer is
// read. It is used by several goroutines.
type request interface {
	// encode makes the bytes of one request to addr.
	encode(addr string, data any) ([]byte, error)
	// receive reads one answer; keep says that the connection can be used again.
	// An error means that there was no well-formed answer.
	receive(in *bufio.Reader) (a *answer, keep bool, err error)
	// texts are its templates.
	texts() []*text
}

// httpRequest is HTTP/1.1.
type httpRequest struct {
	method  string
	path    *text
	headers []named
	body    *text
}

func (r *httpRequest) encode(addr string, data any) ([]byte, error) {
	path, err := r.path.render(data)
	if err != nil {
		return nil, err
	}
	var body string
	if r.body != nil {
		if body, err = r.body.render(data); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequest(r.method, "http://"+addr+path, strings.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	for _, h := range r.headers {
		value, err := h.text.render(data)
		if err != nil {
			return nil, err
		}
		if strings.EqualFold(h.name, "Host") {
			req.Host = value
			continue
		}
		req.Header.Set(h.name, value)
	}
	var b bytes.Buffer
	if err := req.Write(&b); err != nil {
		return nil, fmt.Errorf("request: %w", err)
	}
	return b.Bytes(), nil
}

func (r *httpRequest) receive(in *bufio.Reader) (*answer, bool, error) {
	resp, err := http.ReadResponse(in, &http.Request{Method: r.method})
	if err != nil {
		return nil, false, fmt.Errorf("response: %w", err)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = fmt.Errorf("more than %d bytes", maxAnswer)
	}
	if err != nil {
		return nil, false, fmt.Errorf("response: %w", err)
	}
	return newAnswer(resp.StatusCode, body), !resp.Close && resp.StatusCode >= 200, nil
}

func (r *httpRequest) texts() []*text {
	var all []*text
	for _, t := range []*text{r.path, r.body} {
		if t != nil {
			all = append(all, t)
		}
	}
	for _, h := range r.headers {
		all = append(all, h.text)
	}
	return all
}

// respRequest is a command of the Redis protocol.
type respRequest struct{ command []*text }

func (r *respRequest) encode(_ string, data any) ([]byte, error) {
	b := redcon.AppendArray(nil, len(r.command))
	for _, word := range r.command {
		s, err := word.render(data)
		if err != nil {
			return nil, err
		}
		b = redcon.AppendBulkString(b, s)
	}
	return b, nil
}

func (*respRequest) receive(in *bufio.Reader) (*answer, bool, error) {
	reply, err := readReply(in)
	if err != nil {
		return nil, false, fmt.Errorf("reply: %w", err)
	}
	if reply.Type == redcon.Error {
		return &answer{isError: true, body: reply.Data}, true, nil
	}
	b, err := appendReply(nil, reply, 0)
	if err != nil {
		return nil, false, fmt.Errorf("reply: %w", err)
	}
	a := &answer{body: b, json: gjson.ParseBytes(b), isJSON: true}
	if reply.Type != redcon.Array {
		a.body = reply.Data
	}
	return a, true, nil
}

func (r *respRequest) texts() []*text { return r.command }

// errNoRESP is why an answer is not a reply of the Redis protocol.
var errNoRESP = errors.New("not the Redis protocol")

// readReply reads up to the end of one reply. The library looks only at what
// has come in, so that a length in it, however large, costs nothing.
func readReply(in *bufio.Reader) (redcon.RESP, error) {
	var b []byte
	for {
		if _, err := in.Peek(1); err != nil {
			return redcon.RESP{}, err
		}
		more, _ := in.Peek(in.Buffered()) // they are there
		b = append(b, more...)
		in.Discard(len(more))
		if !strings.ContainsRune("+-:$*", rune(b[0])) {
			return redcon.RESP{}, errNoRESP
		}
		n, reply, err := nextReply(b)
		switch {
		case err != nil:
			return reply, err
		case n == len(b):
			return reply, nil
		case n > 0:
			return reply, fmt.Errorf("%w: more than one reply to one request", errNoRESP)
		case len(b) > maxAnswer:
			return reply, fmt.Errorf("%w: no end within %d bytes", errNoRESP, maxAnswer)
		}
	}
}

// nextReply returns the reply that b begins with, and its length, 0 when it has
// no end yet. The library panics on a length close to the largest integer.
func nextReply(b []byte) (n int, reply redcon.RESP, err error) {
	defer func() {
		if recover() != nil {
			err = errNoRESP
		}
	}()
	n, reply = redcon.ReadNextRESP(b)
	return n, reply, nil
}

// maxDepth bounds arrays in arrays.
const maxDepth = 4

// appendText appends a text as JSON, with bytes that are no UTF-8 as they are: two
// texts that differ there must not become one.
func appendText(b, text []byte) []byte {
	if utf8.Valid(text) {
		return gjson.AppendJSONString(b, string(text))
	}
	b = append(b, '"')
	for _, c := range text {
		switch {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = fmt.Appendf(b, `\u%04x`, c)
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// appendReply appends the reply as JSON.
func appendReply(b []byte, reply redcon.RESP, depth int) ([]byte, error) {
	switch {
	case reply.Type == redcon.Integer:
		return append(b, reply.Data...), nil
	case reply.Type == redcon.Bulk && reply.Data == nil, reply.Type == redcon.Array && reply.Count < 0:
		return append(b, "null"...), nil
	case reply.Type != redcon.Array:
		return appendText(b, reply.Data), nil
	case depth == maxDepth:
		return b, fmt.Errorf("%w: arrays in arrays, more than %d deep", errNoRESP, maxDepth)
	}
	var err error
	b = append(b, '[')
	first := true
	reply.ForEach(func(e redcon.RESP) bool {
		if !first {
			b = append(b, ',')
		}
		first = false
		b, err = appendReply(b, e, depth+1)
		return err == nil
	})
	return append(b, ']'), err
}
