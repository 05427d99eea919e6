package nats

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/usurper/usurper/harness/tap"
)

const (
	// maxLine bounds a line of the protocol, maxPayload what may follow it. Servers take no message
	// above 64 MiB, and 1 MiB unless told otherwise.
	maxLine    = 64 << 10
	maxPayload = 64<<20 - maxLine - len("\r\n")
	// maxWays bounds the ways that a decoder remembers. When there are more it forgets all.
	maxWays = 1 << 10
)

var (
	errLine       = fmt.Errorf("a line of over %d KiB: this is no NATS route", maxLine>>10)
	errEncrypted  = errors.New("the routes are encrypted, which nobody can read: leave tls out of the servers' cluster { }")
	errCompressed = errors.New("the routes are compressed, which is not decoded: leave compression out of the servers' cluster { }, or set it to off")
)

// decoder reads one direction of a route.
type decoder struct {
	shared *shared
	from   string // the member that speaks
	id     token  // its own, once it has introduced itself
	met    bool

	ways  map[string]way // by the words of a message's line but the last, its length
	epoch uint64         // of the shared reply subjects that ways rest on

	looked int // bytes of the line at hand that have no end of it
	need   int // the length of the frame at hand, if its line has been read
}

// Next implements tap.Decoder.
func (d *decoder) Next(b []byte, m *tap.Message) (n int, class string, err error) {
	if len(b) < d.need {
		return 0, "", nil
	}
	end := bytes.IndexByte(b[min(d.looked, len(b)):min(len(b), maxLine)], '\n')
	if end < 0 {
		if err := d.begins(b); err != nil {
			return 0, "", err
		}
		if d.looked = min(len(b), maxLine); d.looked == maxLine {
			return 0, "", errLine
		}
		return 0, "", nil
	}
	end += d.looked
	line := bytes.TrimSuffix(b[:end], []byte("\r"))
	if bytes.HasPrefix(line, []byte("RMSG ")) || bytes.HasPrefix(line, []byte("HMSG ")) || bytes.HasPrefix(line, []byte("LMSG ")) {
		return d.message(b, line, end+1, m)
	}
	class, err = d.control(line)
	if err != nil {
		return 0, "", err
	}
	d.looked, d.need = 0, 0
	return end + 1, class, nil
}

// begins tells what cannot be the beginning of a line. It does so before the line has
// an end, which it may never have.
func (d *decoder) begins(b []byte) error {
	switch {
	case len(b) == 0:
		return nil
	case b[0] == 0x16:
		return errEncrypted
	case b[0] == 0xff:
		return errCompressed
	case b[0] < ' ' && b[0] != '\r' || b[0] > '~':
		return fmt.Errorf("no NATS route: a line that begins with %.20q", b)
	}
	return nil
}

// control reads a line that no payload follows.
func (d *decoder) control(line []byte) (class string, err error) {
	word, rest, _ := bytes.Cut(line, []byte(" "))
	switch string(word) {
	case "PING", "PONG", "+OK", "-ERR", "CONNECT", "RS+", "RS-", "LS+", "LS-", "A+", "A-", "":
		return classControl, nil
	case "INFO":
		return classControl, d.introduced(rest)
	}
	if err := d.begins(line); err != nil {
		return "", err
	}
	return "", fmt.Errorf("no NATS route: a line %.40q", line)
}

// introduced takes an INFO. The first is of the one who speaks; later ones may tell of
// others.
func (d *decoder) introduced(text []byte) error {
	if d.met {
		return nil
	}
	who, err := parseInfo(text)
	if err != nil {
		return err
	}
	if who.TLSRequired {
		return errEncrypted
	}
	if d.id, err = d.shared.meet(who.Name, d.from); err != nil {
		return err
	}
	d.met = true
	return nil
}

// message reads a line that a payload follows, and the payload once it is there.
func (d *decoder) message(b, line []byte, begin int, m *tap.Message) (n int, class string, err error) {
	if !d.met {
		return 0, "", fmt.Errorf("no NATS route: %.20q comes before any INFO", line)
	}
	end := bytes.LastIndexByte(line, ' ')
	args := bytes.TrimRight(line[min(end, len("RMSG ")):end], " ")
	size, ok := number(line[end+1:])
	switch {
	case !ok || len(args) == 0:
		return 0, "", fmt.Errorf("no NATS route: a line %.40q", line)
	case size > maxPayload:
		return 0, "", fmt.Errorf("a message of %d bytes: no NATS server takes that", size)
	}
	n = begin + size + len("\r\n")
	if len(b) < n {
		d.looked, d.need = begin-1, n
		return 0, "", nil
	}
	if b[n-2] != '\r' || b[n-1] != '\n' {
		return 0, "", fmt.Errorf("a message of %d bytes ends in %q", size, b[n-2:n])
	}
	d.looked, d.need = 0, 0
	if line[0] != 'R' {
		return n, classMessage, nil // Raft's have no headers
	}
	class, err = d.raft(d.way(args), b[begin:begin+size], m)
	if err != nil {
		return 0, "", fmt.Errorf("%.60q: %w", line, err)
	}
	return n, class, nil
}

// number reads a decimal number of at most 9 digits.
func number(text []byte) (int, bool) {
	if len(text) == 0 || len(text) > 9 {
		return 0, false
	}
	n := 0
	for _, c := range text {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}
