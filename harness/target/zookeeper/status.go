package zookeeper

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/target"
)

// answerLimit bounds the answer to srvr, which is some 200 bytes.
const answerLimit = 16 << 10

// Status asks m for "srvr", over a connection of its own. A member that is electing
// answers that it does not serve, which is an error.
func (t *Target) Status(ctx context.Context, m target.Member) (target.Status, error) {
	answer, err := ask(ctx, m.ClientAddr, "srvr")
	if err != nil {
		return target.Status{}, fmt.Errorf("status of %s: %w", m.Name, err)
	}
	s, err := t.status(m.Name, answer)
	if err != nil {
		return target.Status{}, fmt.Errorf("status of %s: %w", m.Name, err)
	}
	return s, nil
}

// ask sends a word of four letters, and reads the answer to its end.
func ask(ctx context.Context, addr, word string) (string, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })()
	if _, err := io.WriteString(conn, word); err != nil {
		return "", err
	}
	answer, err := io.ReadAll(io.LimitReader(conn, answerLimit))
	if err != nil {
		return "", err
	}
	return string(answer), nil
}

// status says what an answer means. One that says "leader" has a majority that follows
// it: until then it does not serve. Its epoch is that of its last transaction, which for
// a leader begins with its epoch; but the two are not read in one instant, so they are not
// Atomic, and a follower's last transaction may be of an epoch that is over, so it tells
// none. A follower does not say whom it follows: it is taken to be the member that last
// said it leads.
func (t *Target) status(name, answer string) (target.Status, error) {
	var s target.Status
	var zxid uint64
	var mode string
	for lines := bufio.NewScanner(strings.NewReader(answer)); lines.Scan(); {
		key, value, _ := strings.Cut(lines.Text(), ": ")
		switch key {
		case "Mode":
			mode = value
		case "Zxid":
			n, err := strconv.ParseUint(strings.TrimPrefix(value, "0x"), 16, 64)
			if err != nil {
				return s, fmt.Errorf("its zxid is %.40q", value)
			}
			zxid = n
		}
	}
	switch mode {
	case "leader":
		s.Role, s.Leader, s.Term = "leader", name, zxid>>32
		t.leads.Store(&name)
	case "standalone":
		s.Role, s.Leader = "leader", name
	case "follower":
		s.Role = "follower"
		if leader := t.leads.Load(); leader != nil && *leader != name {
			s.Leader = *leader
		}
	default:
		return s, fmt.Errorf("it serves nobody: %.80q", strings.TrimSpace(answer))
	}
	return s, nil
}
