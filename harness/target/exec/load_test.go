package exec

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// small is a file that describes a system; tests spoil a line of it.
const small = `name: small
nodes: 3
command: [sh, -c, "exec sleep 60", "{{.Name}}"]
ready: {tcp: "{{.ClientAddr}}"}
role:
  http: {path: /status}
  role: {json: role}
client:
  http:
    path: /{{.Key}}
    ok: {status: 200}
    ops:
      get: {value: {json: value}}
      put:
        method: PUT
        body: |
          {"value":
           {{json .Value}}}
`

func parse(t *testing.T, text string) *Target {
	t.Helper()
	tgt, err := Parse(Options{Config: "system.yaml", Text: text})
	require.NoError(t, err)
	return tgt
}

func TestErrorsNameTheLine(t *testing.T) {
	parse(t, small)
	for _, c := range []struct{ name, old, new, want string }{
		{"unknown field", "command:", "comand:", `system.yaml:3: unknown field "comand": did you mean "command"?`},
		{"unknown field inside", "    path:", "    url:", `system.yaml:10: unknown field "url": use absent, body, `},
		{"unknown operation", "get:", "fetch:", `system.yaml:13: unknown field "fetch": use add, append, cas, delete, get, put or read`},
		{"class of files", "nodes: 3", "data-files: {Wal: x}", `system.yaml:2: data-files: "Wal": use small letters`},
		{"pattern of files", "nodes: 3", "data-files: {wal: [a, '[']}", `system.yaml:2: data-files: "[" is no pattern`},
		{"files elsewhere", "nodes: 3", "data-files: {wal: /etc/passwd}", `system.yaml:2: data-files: "/etc/passwd" is no pattern`},
		{"class of no files", "nodes: 3", "data-files: {wal: []}", "system.yaml:2: data-files: wal has no pattern"},
		{"no YAML", "nodes: 3", "nodes: [3", "system.yaml:2: did not find expected"},
		{"indentation", "  role:", " role:", "system.yaml:7: did not find expected key"},
		{"tab", "nodes: 3", "\tnodes: 3", "system.yaml:2: found a tab character"},
		{"colon", "nodes: 3", "nodes: a: b", "system.yaml:2: mapping values are not allowed"},
		{"not a number", "nodes: 3", "nodes: many", `system.yaml:2: "many": use a whole number from 1 to 9`},
		{"twice", "nodes: 3", "name: other", `system.yaml:2: "name" is here twice`},
		{"name", "name: small", "name: ../small", `name "../small": use small letters, digits`},
		{"template does not parse", `"{{.Name}}"`, `"{{.Name}"`, "system.yaml:3: template: "},
		{"template in a block", "{{json .Value}}", "{{jsn .Value}}", `system.yaml:18: template: function "jsn" not defined`},
		{"field that members lack", "{{.Name}}", "{{.Nmae}}", `system.yaml:3: template: there is no .Nmae: did you mean ".Name"?`},
		{"one address where each pair has its own", "{{.Name}}", "{{index .Advertised .Name}}", "system.yaml:3: template: .Advertised: members have no address that is the same for all: say addresses: one in the file"},
		{"field that operations lack", "{{.Key}}", "{{.Name}}", "system.yaml:10: template: there is no .Name: use .F, .Key, .Value, .Old, .Request or .Member"},
		{"peer that only some have", "{{.Name}}", "{{.Peers.n1}}", `system.yaml:3: template: at <.Peers.n1>: map has no entry for key "n1"`},
		{"program", "[sh,", "[no-such-program,", `system.yaml:3: command: exec: "no-such-program": executable file not found`},
		{"within", "ready: {", "ready: {within: soon, ", `system.yaml:4: "soon": use a positive duration`},
		{"within misspelt", "ready: {", "ready: {witin: 60s, ", `system.yaml:4: unknown field "witin": did you mean "within"?`},
		{"within twice", `ready: {tcp: "{{.ClientAddr}}"}`, "ready: [{within: 60s}, {within: 30s, tcp: x}]", "system.yaml:4: within is here twice"},
		{"crash pattern", "nodes: 3", "crash: ['^FATAL', '(']", "system.yaml:2: error parsing regexp"},
		{"crash pattern for all", "nodes: 3", "crash:\n  - '^FATAL'\n  - '.*'", `system.yaml:4: crash: ".*" matches every line, also an empty one`},
		{"tap", "nodes: 3", "tap: ovdsb", `system.yaml:2: tap: no protocol "ovdsb" (did you mean ovsdb?): use one of etcd, hashicorp-raft, `},
		{"tap of nothing", "nodes: 3", "tap: []", "system.yaml:2: "},
		{"crash field", "nodes: 3", "crash: {onli: x}", `system.yaml:2: unknown field "onli": did you mean "only"?`},
		{"port twice", "nodes: 3", "ports: [gossip, metrics, gossip]", `system.yaml:2: port "gossip" is here twice`},
		{"port that templates cannot name", "nodes: 3", "ports: [gossip, http-api]", `system.yaml:2: port "http-api": use a word of letters, digits and _`},
		{"port that there is not", "{{.Name}}", "{{.Ports.gossip}}", `system.yaml:3: template: at <.Ports.gossip>: map has no entry for key "gossip"`},
		{"prepare what", "nodes: 3", "prepare: [{htp: {path: /}}]", `system.yaml:2: unknown field "htp": did you mean "http"?`},
		{"prepare two things at once", "nodes: 3", "prepare: {http: {path: /}, command: [sh]}", "system.yaml:2: 2 things to do: use one of http, resp or command, and a list"},
		{"prepare nothing", "nodes: 3", "prepare: {command: []}", "system.yaml:2: no command"},
		{"prepare with what is not known", "nodes: 3", "prepare: {command: [sh, '{{.Key}}']}", "system.yaml:2: template: there is no .Key: "},
		{"prepare with a program that is not there", "nodes: 3", "prepare: {command: [no-such-program]}", `system.yaml:2: command: exec: "no-such-program"`},
		{"reads", "client:\n", "client:\n  reads: finally\n", `system.yaml:9: "finally": use always or final`},
		{"two probes in one", "ready: {", "ready: {log: x, ", "system.yaml:4: 2 ways to ask"},
		{"pattern", `{tcp: "{{.ClientAddr}}"}`, "{log: '('}", "system.yaml:4: error parsing regexp"},
		{"role", "role: {json: role}", "term: {json: term}", "system.yaml:6: no role"},
		{"extraction", "{json: role}", "{jsn: role}", `system.yaml:7: unknown field "jsn": did you mean "json"?`},
		{"extraction of nothing", "{json: role}", "{base64: true}", "system.yaml:7: say where it is found"},
		{"no success", "    ok: {status: 200}\n", "", "get has no ok"},
		{"status", "{status: 200}", "{status: 20}", `system.yaml:11: "20": use a whole number from 100 to 599`},
		{"empty condition", "{status: 200}", "{}", "system.yaml:11: a condition that names nothing holds always"},
		{"no value", "get: {value: {json: value}}", "get: {}", "system.yaml:13: get has no value"},
		{"nothing to judge", "put:", "delete:", "system.yaml:9: nothing to judge"},
		{"path", "path: /{{", "path: '{{", "system.yaml"},
		{"file outside", "nodes: 3", "files: {../x: y}", `files: "../x": use a path inside`},
		{"timers", "nodes: 3", "timers: {election: 10ms, heartbeat: 10ms}", "system.yaml:2: election 10ms with heartbeats every 10ms"},
		{"no client", "client:\n", "env:\n", "no client"},
	} {
		t.Run(c.name, func(t *testing.T) {
			require.Contains(t, small, c.old)
			_, err := Parse(Options{Config: "system.yaml", Text: strings.Replace(small, c.old, c.new, 1)})
			require.ErrorContains(t, err, c.want)
		})
	}
}

// How long it may take to be ready stands beside a probe, in a list of them, or alone.
func TestReadyWithin(t *testing.T) {
	for ready, probes := range map[string]int{
		`{tcp: "{{.ClientAddr}}", within: 60s}`:                1,
		`[{within: 60s}, {log: serving}, {http: {path: /up}}]`: 2,
		`{within: 60s}`: 1, // that the client's address accepts
	} {
		tgt := parse(t, strings.Replace(small, `{tcp: "{{.ClientAddr}}"}`, ready, 1))
		require.Equal(t, time.Minute, tgt.ReadyWithin(), ready)
		require.Len(t, tgt.c.ready, probes, ready)
	}
	require.Zero(t, parse(t, small).ReadyWithin())
}

// Patterns stand beside those of runtimes, or in their place.
func TestDataFiles(t *testing.T) {
	tgt := parse(t, strings.Replace(small, "nodes: 3", "data-files: {wal: ['*.wal', 'log/*'], db: db}", 1))
	require.Equal(t, []string{"*.wal", "log/*"}, target.DataFiles(tgt, "wal"))
	require.Equal(t, []string{"db"}, target.DataFiles(tgt, "db"))
	require.Equal(t, []string{"snapshot"}, target.DataFiles(tgt, "snapshot"), "a pattern then")
	require.Nil(t, target.DataFiles(tgt, ""))
}

func TestCrashPatterns(t *testing.T) {
	for crash, want := range map[string][2]bool{ // whether FATAL and panics count
		"":                              {false, true},
		"crash: '^FATAL '\n":            {true, true},
		"crash: ['^FATAL ', '^OOPS']\n": {true, true},
		"crash: {only: ['^FATAL ']}\n":  {true, false},
		"crash: {only: []}\n":           {false, false},
	} {
		tgt := parse(t, crash+small)
		says := func(line string) bool {
			return slices.ContainsFunc(tgt.Crashes(), func(p *regexp.Regexp) bool { return p.MatchString(line) })
		}
		require.Equal(t, want, [2]bool{says("FATAL it is over"), says("panic: boom")}, crash)
	}
}

func TestAllErrorsAtOnce(t *testing.T) {
	_, err := Parse(Options{Config: "system.yaml", Text: strings.NewReplacer("nodes: 3", "nods: 3", "{tcp:", "{tpc:").Replace(small)})
	require.ErrorContains(t, err, "system.yaml:2: ")
	require.ErrorContains(t, err, "system.yaml:4: ")
}

func TestFilesThatDescribeNothing(t *testing.T) {
	for name, text := range map[string]string{
		"empty": "", "comment": "# nothing\n", "list": "- a\n", "word": "redis", "null": "~", "two": small + "---\nname: x\n",
		"alias of itself": "name: &a [*a]\n", "key that is a list": "[a]: b\n",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(Options{Config: "system.yaml", Text: text})
			require.ErrorContains(t, err, "system.yaml:")
		})
	}
	dir := t.TempDir()
	_, err := Load(filepath.Join(dir, "none.yaml"))
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = Load(dir)
	require.Error(t, err)
	path := filepath.Join(dir, "binary")
	require.NoError(t, os.WriteFile(path, []byte{0xff, 0xfe}, 0o600))
	_, err = Load(path)
	require.ErrorContains(t, err, "is no text")
}

// The file in the package documentation is one.
func TestDocumentedFile(t *testing.T) {
	b, err := os.ReadFile("doc.go")
	require.NoError(t, err)
	_, rest, ok := strings.Cut(string(b), "//\tname: my-store")
	require.True(t, ok)
	example, _, ok := strings.Cut(rest, "//\n// Everything is checked")
	require.True(t, ok)
	text := "name: my-store" + strings.ReplaceAll(strings.ReplaceAll(example, "\n//\t", "\n"), "\n//\n", "\n\n")
	tgt := parse(t, strings.Replace(text, "- my-store", "- sh", 1))
	require.Equal(t, "my-store", tgt.Name())
	require.Equal(t, []history.F{history.FGet, history.FPut, history.FCas}, tgt.Ops())

	dir := t.TempDir()
	m := target.Member{Name: "n2", PeerAddr: "127.1.2.3:7701", ClientAddr: "127.1.2.3:7702", DataDir: dir, Inc: 2,
		Peers: map[string]string{"n1": "127.1.2.101:9001", "n3": "127.1.2.101:9003"}}
	cmd, err := tgt.Command(m)
	require.NoError(t, err)
	require.Equal(t, []string{"--id=n2", "--config=" + dir + "/store.toml"}, cmd.Args, "what renders to nothing is left out")
	require.Equal(t, []string{"GOMAXPROCS=2"}, cmd.Env)
	require.Equal(t, dir, cmd.Dir)
	b, err = os.ReadFile(filepath.Join(dir, "store.toml"))
	require.NoError(t, err)
	require.Equal(t, `peer   = "127.1.2.3:7701"
client = "127.1.2.3:7702"
[peer.n1]
address = "127.1.2.101:9001"
[peer.n3]
address = "127.1.2.101:9003"
`, string(b))
	m.Inc = 1
	cmd, err = tgt.Command(m)
	require.NoError(t, err)
	require.Equal(t, "--bootstrap", cmd.Args[2])
}

// A run directory has all that it takes to make the target again.
func TestOptionsMakeTheTargetAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "small.yaml")
	require.NoError(t, os.WriteFile(path, []byte(small), 0o600))
	tgt, err := Load(path)
	require.NoError(t, err)
	require.NoError(t, os.Remove(path))
	again, err := Parse(tgt.Options())
	require.NoError(t, err)
	require.Equal(t, tgt.Options(), again.Options())
	require.Equal(t, 3, again.Nodes())
	require.False(t, again.Idempotent())
	require.False(t, again.OneAddress())
}

// What members say is decoded if the file says what it is.
func TestTap(t *testing.T) {
	require.Nil(t, parse(t, small).Protocol())
	require.Nil(t, parse(t, small).Tap([]string{"n1"}, func(history.Raft) {}))
	tgt := parse(t, "tap: ovsdb\n"+small)
	require.Contains(t, tgt.Protocol().Classes(), "vote")
	require.NotNil(t, tgt.Tap([]string{"n1"}, func(history.Raft) {}))
	require.Contains(t, tgt.Shows(), history.RaftLeader)
}

// The files of a system are its program and the scripts that it is given.
func TestFiles(t *testing.T) {
	script := filepath.Join(t.TempDir(), "store.py")
	require.NoError(t, os.WriteFile(script, nil, 0o644))
	files := parse(t, strings.Replace(small, "exec sleep 60", script, 1)).Files()
	require.Len(t, files, 2)
	require.Equal(t, "sh", filepath.Base(files[0]))
	require.Equal(t, script, files[1])
}
