package ovsdb

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/usurper/usurper/harness/target"
)

// Status asks m as its administrators do (cluster/status), and whether it serves clients.
// It tells role and term of one instant: one thread does everything in a member, and makes
// the whole text at once.
func (t *Target) Status(ctx context.Context, m target.Member) (target.Status, error) {
	s, err := t.status(ctx, m)
	if err != nil {
		return target.Status{}, fmt.Errorf("status of %s: %w", m.Name, err)
	}
	return s, nil
}

func (t *Target) status(ctx context.Context, m target.Member) (target.Status, error) {
	serves := conn{network: "tcp", addr: m.ClientAddr}
	defer serves.Close()
	var databases []string
	if _, err := serves.call(ctx, "list_dbs", []any{}, &databases); err != nil {
		return target.Status{}, err
	}
	if t.o.Standalone {
		return target.Status{Role: "leader", Leader: m.Name}, nil
	}
	text, _, err := administer(ctx, m, "cluster/status", database)
	if err != nil {
		return target.Status{}, err
	}
	return parseStatus(m, text)
}

// administer asks m as its administrators do. sent is that of conn.call.
func administer(ctx context.Context, m target.Member, command string, args ...any) (text string, sent bool, err error) {
	dir, err := os.Open(m.DataDir)
	if err != nil {
		return "", false, err
	}
	defer dir.Close()
	// The path of a socket is short, that of a data directory need not be.
	addr := fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), controlFile)
	if _, err := os.Stat(filepath.Dir(addr)); err != nil {
		addr = filepath.Join(m.DataDir, controlFile)
	}
	c := conn{network: "unix", addr: addr}
	defer c.Close()
	if args == nil {
		args = []any{}
	}
	sent, err = c.call(ctx, command, args, &text)
	return text, sent, err
}

// What cluster/status prints, of which ids are cut to four digits where they do not
// introduce a member.
var (
	serverLine = regexp.MustCompile(`(?m)^Server ID: \S+ \((\S+)\)$`)
	roleLine   = regexp.MustCompile(`(?m)^Role: (\w+)$`)
	termLine   = regexp.MustCompile(`(?m)^Term: (\d+)$`)
	leaderLine = regexp.MustCompile(`(?m)^Leader: (\w+)$`)
	logLine    = regexp.MustCompile(`(?m)^Log: \[(\d+), (\d+)\]$`)
	openLine   = regexp.MustCompile(`(?m)^Entries not yet committed: (\d+)$`)
	lagLine    = regexp.MustCompile(`(?m)^Entries not yet applied: (\d+)$`)
)

func parseStatus(m target.Member, text string) (target.Status, error) {
	word := func(line *regexp.Regexp, group int) string {
		if found := line.FindStringSubmatch(text); found != nil {
			return found[group]
		}
		return ""
	}
	number := func(line *regexp.Regexp, group int) (n uint64) {
		n, _ = strconv.ParseUint(word(line, group), 10, 64) // 0 where it does not say
		return n
	}
	s := target.Status{Role: word(roleLine, 1), Term: number(termLine, 1), Atomic: true}
	switch s.Role {
	case "leader", "candidate", "follower":
	default:
		return target.Status{}, fmt.Errorf("cluster/status tells no role: %.200q", text)
	}
	if id := word(serverLine, 1); id != serverID(m.Name) {
		return target.Status{}, fmt.Errorf("it answers as server %.40s, and is not: another process has taken its place", id)
	}
	switch leader := word(leaderLine, 1); leader {
	case "self":
		s.Leader = m.Name
	case "unknown", "":
	default:
		s.Leader = named(m, leader)
	}
	if end := number(logLine, 2); end > 0 {
		s.Commit, s.Applied = end-1-min(end-1, number(openLine, 1)), end-1-min(end-1, number(lagLine, 1))
	}
	return s, nil
}

// named returns the member whose id begins so, "" if it is none, or several.
func named(m target.Member, short string) (name string) {
	for other := range m.Advertised {
		if !strings.HasPrefix(serverID(other), short) {
			continue
		}
		if name != "" {
			return ""
		}
		name = other
	}
	return name
}
