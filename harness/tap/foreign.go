package tap

import (
	"bytes"
	"fmt"
)

// lost is how much of a direction may come without a frame before its decoder is held to be
// one of another protocol.
const lost = 64 << 10

// shownFirst is how much of a direction an Undecoded keeps.
const shownFirst = 512

// Undecoded is the error of a direction in which not even a first frame could be found:
// what passes is something else than the dialect expects.
type Undecoded struct {
	Dialect string // its Name
	Plain   string // the dialect's, for those who encrypt or compress
	First   []byte // the first bytes of the direction
	Err     error  // what the decoder said
}

// Error is the decoder's error and what was expected.
func (u *Undecoded) Error() string { return fmt.Sprintf("this is no %s: %v", u.Dialect, u.Err) }

// Unwrap returns the decoder's error.
func (u *Undecoded) Unwrap() error { return u.Err }

// Foreign says what the first bytes of a connection are if no protocol of Raft's begins
// like that: "TLS", "HTTP/2", "SSH" or "a PROXY header"; or "HTTP", which some is spoken
// over. "" if they may be anything.
func Foreign(first []byte) string {
	switch {
	case isTLS(first):
		return "TLS"
	case bytes.HasPrefix(first, []byte("PRI * HTTP/2.0")):
		return "HTTP/2"
	case bytes.HasPrefix(first, []byte("SSH-")):
		return "SSH"
	case bytes.HasPrefix(first, []byte("PROXY ")), bytes.HasPrefix(first, []byte("\r\n\r\n\x00\r\nQUIT\n")):
		return "a PROXY header"
	}
	for _, word := range []string{"GET /", "POST /", "PUT /", "HEAD /", "OPTIONS ", "CONNECT ", "HTTP/1."} {
		if bytes.HasPrefix(first, []byte(word)) {
			return "HTTP"
		}
	}
	return ""
}

// isTLS tells a handshake's first record: type 22, version 3.x, a length that is possible,
// a hello of a client (1) or server (2), or an alert (type 21) that refuses one.
func isTLS(b []byte) bool {
	if len(b) < 6 || b[1] != 3 || b[2] > 4 {
		return false
	}
	size := int(b[3])<<8 | int(b[4])
	return b[0] == 22 && size > 4 && size <= 1<<14+256 && (b[5] == 1 || b[5] == 2) || b[0] == 21 && size == 2
}

// beginning judges what the decoder made of the bytes of a direction without a frame so
// far: nil if it may wait for more of them.
func (d Dialect) beginning(b []byte, err error) error {
	own := err == nil && d.Begins != nil && d.Begins(b)
	switch {
	case err != nil:
	case isTLS(b) && !own: // as a length or a word it would be beyond all bounds
		err = fmt.Errorf("it begins with bytes %x", b[:6])
	case len(b) >= lost && !own:
		err = fmt.Errorf("there is no whole frame in its first %d KiB", lost>>10)
	default:
		return nil
	}
	return &Undecoded{Dialect: d.Name, Plain: d.Plain, First: bytes.Clone(b[:min(len(b), shownFirst)]), Err: err}
}
