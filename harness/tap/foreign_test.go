package tap_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

const clientHello = "\x16\x03\x01\x00\xf8\x01\x00\x00\xf4\x03\x03"

func TestForeign(t *testing.T) {
	for first, want := range map[string]string{
		clientHello: "TLS", clientHello[:6]: "TLS", clientHello[:5]: "", "\x16\x03\x03\x00\x7a\x02": "TLS", "\x15\x03\x03\x00\x02\x02\x28": "TLS",
		"\x16\x03\x01\xff\xf8\x01": "", "\x16\x04\x01\x00\xf8\x01": "", "\x16\x03\x01\x00\xf8\x0b": "",
		"PRI * HTTP/2.0\r\n": "HTTP/2", "GET / HTTP/1.1\r\n": "HTTP", "HTTP/1.1 400 Bad Request\r\n": "HTTP", "GETS": "",
		"SSH-2.0-OpenSSH_9.2\r\n": "SSH", "PROXY TCP4 127.0.0.1 ": "a PROXY header", "": "", "ask 7 3 12\n": "",
	} {
		require.Equal(t, want, tap.Foreign([]byte(first)), "%q", first)
	}
}

// next lets a dialect look at what a dialler sends first, some bytes at a time, and
// returns what it has found and what it cannot decode.
func next(t *testing.T, d tap.Dialect, sent []byte, step int) (frames int, err error) {
	t.Helper()
	forward, _ := d.Watch([]string{"n1", "n2"}, func(history.Raft) {}).Open("n1", "n2")
	var pending []byte
	for len(sent) > 0 {
		n := min(step, len(sent))
		pending = append(pending, sent[:n]...)
		sent = sent[n:]
		for len(pending) > 0 {
			n, _, err := forward.Next(pending)
			if err != nil {
				return frames, err
			}
			if n == 0 {
				break
			}
			frames++
			pending = pending[n:]
		}
	}
	return frames, nil
}

// patient is a dialect of frames that begin with 'F' and end with a zero byte, however late.
// A decoder that knows its beginning may wait for it.
func patient(knows bool) tap.Dialect {
	d := tap.Dialect{Name: "patient", Plain: "no cipher", Open: func(*tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
		return func(string, string) (tap.Decoder, tap.Decoder) { return waiting{}, waiting{} }
	}}
	if knows {
		d.Begins = func(first []byte) bool { return bytes.HasPrefix(first, []byte("F")) }
	}
	return d
}

type waiting struct{}

func (waiting) Next(b []byte, _ *tap.Message) (int, string, error) {
	if b[0] == 'x' {
		return 0, "", errors.New("an x")
	}
	return bytes.IndexByte(b, 0) + 1, "other", nil
}

// What passes is no first frame of the dialect: told by its decoder, by what it looks like,
// or once 64 KiB have come without one; never if it begins as the dialect does, and never
// behind a first frame.
func TestUndecoded(t *testing.T) {
	large := append(bytes.Repeat([]byte("F"), 100<<10), 0)
	for name, c := range map[string]struct {
		sent   string
		knows  bool
		frames int
		want   string
	}{
		"an error":               {"xF", true, 0, "this is no patient: an x"},
		"an error later":         {"F\x00x", true, 1, "an x"},
		"TLS":                    {"\x16\x03\x01\x01\xf8\x01\x01\x01", false, 0, "this is no patient: it begins with bytes 160301"},
		"TLS behind a frame":     {"F\x00\x16\x03\x01\x01\xf8\x01\x01\x01", false, 1, ""},
		"no frame":               {string(bytes.Repeat([]byte("?"), 64<<10)), true, 0, "there is no whole frame in its first 64 KiB"},
		"not yet":                {string(bytes.Repeat([]byte("?"), 64<<10-1)), true, 0, ""},
		"large":                  {string(large), true, 1, ""},
		"large, nobody knows":    {string(large), false, 0, "there is no whole frame in its first 64 KiB"},
		"large, behind a frame":  {"F\x00" + string(large), false, 2, ""},
		"some frames, and a bit": {"F\x00FF\x00F", false, 2, ""},
	} {
		for _, step := range []int{1000, 1 << 20} {
			frames, err := next(t, patient(c.knows), []byte(c.sent), step)
			if c.want == "" {
				require.NoError(t, err, name)
			} else if name != "large, nobody knows" || step < len(c.sent) { // whole at once it is decoded
				require.ErrorContains(t, err, c.want, name)
				var u *tap.Undecoded
				require.Equal(t, c.frames == 0, errors.As(err, &u), name)
				if u != nil {
					require.Equal(t, "patient", u.Dialect)
					require.Equal(t, "no cipher", u.Plain)
					require.Equal(t, c.sent[:min(len(c.sent), 512)], string(u.First))
				}
				require.Equal(t, c.frames, frames, name)
			}
		}
	}
}
