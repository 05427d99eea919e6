package exec

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/target"
)

func status(t *testing.T, tgt *Target, m target.Member) (target.Status, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	return tgt.Status(ctx, m)
}

func memberAt(t *testing.T, addr string) target.Member {
	return target.Member{
		Name: "n2", PeerAddr: "127.0.0.1:1", ClientAddr: addr, DataDir: t.TempDir(), Inc: 1,
		Peers: map[string]string{"n1": "127.0.0.1:2001", "n3": "127.0.0.1:2003"},
	}
}

func TestStatusOverHTTP(t *testing.T) {
	tgt := parse(t, small)
	tgt.c.ready = nil // the script counts connections that ask
	tgt.c.role.term = &extraction{json: "term"}
	tgt.c.role.leader = &extraction{json: "leader"}
	for _, c := range []struct {
		reply, problem string
		want           target.Status
	}{
		{says(200, `{"role":"Follower","term":3,"leader":"n3"}`), "", target.Status{Role: "follower", Term: 3, Leader: "n3"}},
		{says(200, `{"role":"follower","term":3,"leader":"127.0.0.1:2001"}`), "", target.Status{Role: "follower", Term: 3, Leader: "n1"}},
		{says(200, `{"role":"follower","term":3}`), "", target.Status{Role: "follower", Term: 3}},
		{says(200, `{"role":"leader","term":18446744073709551615}`), "", target.Status{Role: "leader", Term: 1<<64 - 1, Leader: "n2"}},
		{says(200, `{"role":"boss","term":3}`), `unknown role "boss": add it to roles`, target.Status{}},
		{says(200, `{"role":"follower"}`), "no term", target.Status{}},
		{says(200, `{"role":"follower","term":-1}`), "term: ", target.Status{}},
		{says(200, `<html>`), "no role", target.Status{}},
		{says(503, `{"role":"leader","term":3}`), "answered http status 503", target.Status{}},
		{"", "EOF", target.Status{}},
	} {
		s := serve(t, readHTTPRequest, c.reply)
		got, err := status(t, tgt, memberAt(t, s.Addr().String()))
		if c.problem != "" {
			require.ErrorContains(t, err, "status of n2: ")
			require.ErrorContains(t, err, c.problem)
			continue
		}
		require.NoError(t, err, c.reply)
		require.Equal(t, c.want, got)
		require.Equal(t, []string{"GET /status "}, s.received())
	}
}

func TestStatusByTCPAlone(t *testing.T) {
	tgt := parse(t, "name: small\ncommand: [sh]\nrole: none\nclient:\n"+overHTTP)
	s := serve(t, readHTTPRequest)
	m := memberAt(t, s.Addr().String())
	got, err := status(t, tgt, m)
	require.NoError(t, err)
	require.Zero(t, got)
	s.Close()
	_, err = status(t, tgt, m)
	require.ErrorContains(t, err, "refused")
}

func TestStatusOverRESP(t *testing.T) {
	tgt := parse(t, `name: small
command: [sh]
ready: {resp: {command: [PING], json: {"@this": PONG}}}
role:
  resp: {command: [INFO, replication]}
  role: {match: 'role:(\w+)'}
  roles: {slave: follower}
  leader: {match: 'master_host:(\S+)\s+master_port:(\d+)'}
client:`+overRESP)
	info := "role:slave\r\nmaster_host:127.0.0.1\r\nmaster_port:2003\r\n"
	s := serve(t, readCommand, "+PONG\r\n", fmt.Sprintf("$%d\r\n%s\r\n", len(info), info), "-LOADING\r\n", "+PONG\r\n", "-ERR\r\n")
	m := memberAt(t, s.Addr().String())
	got, err := status(t, tgt, m)
	require.NoError(t, err)
	require.Equal(t, target.Status{Role: "follower", Leader: "n3"}, got)
	_, err = status(t, tgt, m)
	require.ErrorContains(t, err, "not ready: LOADING")
	_, err = status(t, tgt, m)
	require.ErrorContains(t, err, "role: answered ERR")
	require.Equal(t, []string{"PING", "INFO replication", "PING", "PING", "INFO replication"}, s.received())
}

func TestStatusFromWhatIsPrinted(t *testing.T) {
	tgt := parse(t, `name: small
command: [sh]
ready: {log: '^serving'}
role:
  log: 'became (?P<role>leader|follower) in term (?P<term>\d+)|term \d+ is led by (?P<leader>\d)'
  leader: {text: true, called: "{{.Index}}"}
client:`+overRESP)
	m := memberAt(t, "127.0.0.1:1")
	other := memberAt(t, "127.0.0.1:1")
	problem := func(want string) {
		t.Helper()
		_, err := tgt.Status(context.Background(), m)
		require.ErrorContains(t, err, want)
	}
	start := func() {
		t.Helper()
		for _, m := range []target.Member{m, other} {
			_, err := tgt.Command(m)
			require.NoError(t, err)
		}
	}
	start()
	problem("has not printed a line that matches ^serving")
	tgt.Printed(other, "serving")
	problem("has not printed a line")
	tgt.Printed(m, "serving clients")
	problem("has not printed its role yet")
	tgt.Printed(m, "became follower in term 7")
	tgt.Printed(m, "term 7 is led by 3")
	got, err := tgt.Status(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, target.Status{Role: "follower", Term: 7, Leader: "n3"}, got)
	tgt.Printed(m, "became leader in term 8")
	got, err = tgt.Status(t.Context(), m)
	require.NoError(t, err)
	require.Equal(t, target.Status{Role: "leader", Term: 8, Leader: "n2"}, got)

	old := m
	m.Inc++
	start()
	tgt.Printed(old, "serving")
	problem("has not printed a line")
}

// A role and a term that stand in two lines are no answer about the term.
func TestTermOfAnotherLine(t *testing.T) {
	tgt := parse(t, `name: small
command: [sh]
ready: {log: '^serving'}
role: {log: '(?:became (?P<role>leader|follower))?(?: in)? ?(?:term (?P<term>\d+))?$', atomic: true}
client:`+overRESP)
	m := memberAt(t, "127.0.0.1:1")
	_, err := tgt.Command(m)
	require.NoError(t, err)
	for _, c := range []struct {
		line string
		want target.Status
	}{
		{"serving, became follower in term 4", target.Status{Role: "follower", Term: 4, Atomic: true}},
		{"became leader", target.Status{Role: "leader", Leader: "n2"}}, // of term 5, perhaps
		{"now in term 5", target.Status{Role: "leader", Leader: "n2"}},
		{"became leader in term 5", target.Status{Role: "leader", Term: 5, Leader: "n2", Atomic: true}},
		{"still in term 5", target.Status{Role: "leader", Term: 5, Leader: "n2", Atomic: true}},
		{"now in term 6", target.Status{Role: "leader", Leader: "n2"}}, // or no longer
	} {
		tgt.Printed(m, c.line)
		if c.line[0] == 's' {
			tgt.Printed(m, "serving")
		}
		got, err := tgt.Status(t.Context(), m)
		require.NoError(t, err)
		require.Equal(t, c.want, got, c.line)
	}
}

// A file's word that an answer is of one instant needs an answer with both, of a
// member that is known.
func TestAtomic(t *testing.T) {
	tgt := parse(t, small)
	tgt.c.ready = nil
	tgt.c.role.term, tgt.c.role.atomic = &extraction{json: "term"}, true
	s := serve(t, readHTTPRequest, says(200, `{"role":"leader","term":3}`))
	got, err := status(t, tgt, memberAt(t, s.Addr().String()))
	require.NoError(t, err)
	require.Equal(t, target.Status{Role: "leader", Term: 3, Leader: "n2", Atomic: true}, got)

	head, tail := "name: small\ncommand: [sh]\nrole: {atomic: true, ", "}\nclient:"+overRESP
	for role, problem := range map[string]string{
		"http: {path: /s}, role: {json: r}": "atomic, but no term",
		"log: '(?P<role>leader)'":           "one line must have both role and term",
		"http: {path: /s, address: 'localhost:80'}, role: {json: r}, term: {json: t}":     "system.yaml:3: role: atomic, but n1 and n2 are both asked at localhost:80",
		"http: {path: /s, address: 'h{{.Index}}:80'}, role: {json: r}, term: {json: t}":   "",
		"resp: {command: [INFO]}, role: {match: 'role:(\\w+)'}, term: {match: 't:(\\d)'}": "",
	} {
		_, err := Parse(Options{Config: "system.yaml", Text: head + role + tail})
		if problem == "" {
			require.NoError(t, err, role)
		} else {
			require.ErrorContains(t, err, problem, role)
		}
	}
}
