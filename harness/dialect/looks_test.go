package dialect

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/capture/golden"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

func TestExplain(t *testing.T) {
	other := tap.Dialect{Name: "other", Begins: func(first []byte) bool { return string(first) == "other" }}
	say := func(first, plain string) string {
		return looks(&tap.Undecoded{Dialect: "mine", Plain: plain, First: []byte(first), Err: errors.New("no")}, []tap.Dialect{other})
	}
	require.Equal(t, "; it looks like other: is that what members speak?", say("other", ""))
	tls := "\x16\x03\x01\x00\xf8\x01"
	require.Equal(t, "; it looks like TLS, which no tap can read: use tcp: and not ssl:", say(tls, "tcp: and not ssl:"))
	require.Contains(t, say(tls, ""), "let members talk without it")
	require.Equal(t, "; it looks like HTTP: is this where members say Raft's messages?", say("GET / HTTP/1.1", ""))
	require.Empty(t, say("whatever", ""))
	require.Empty(t, Explain(errors.New("another")))
	require.Contains(t, Explain(fmt.Errorf("wrapped: %w", &tap.Undecoded{First: []byte(tls)})), "TLS")
}

// named are what members of each system said first on each connection of the captures that
// its dialect is tested by.
func named(t *testing.T) map[string][]golden.Stream {
	t.Helper()
	all := make(map[string][]golden.Stream)
	for _, d := range All() {
		paths, err := filepath.Glob(filepath.Join(folder(d.Name), "testdata", "*.pcapng"))
		require.NoError(t, err)
		for _, path := range paths {
			all[d.Name] = append(all[d.Name], golden.Streams(t, path)...)
		}
	}
	return all
}

const within = 64 << 10

// long is the beginning of a stream; said again and again if more is wanted, since a capture is
// short.
func long(stream []byte, more bool) []byte {
	for more && len(stream) > 0 && len(stream) < within {
		stream = append(stream[:len(stream):len(stream)], stream...)
	}
	return stream[:min(len(stream), within)]
}

// folder is where a dialect lives: some have a longer name than their package.
func folder(name string) string {
	for _, at := range []string{"etcd", "hashicorp", "libraft", "nats", "ovsdb", "zookeeper"} {
		if len(name) >= len(at) && name[:len(at)] == at {
			return at
		}
	}
	return name
}

// A protocol that is named for the wrong system is told within the first 64 KiB, and no
// dialect takes the beginning of another for its own.
func TestNamedForTheWrongSystem(t *testing.T) {
	streams := named(t)
	for _, d := range All() {
		for system, conns := range streams {
			told := 0
			for _, c := range conns {
				for _, first := range [][]byte{c.Forward, c.Backward} {
					if d.Begins != nil && system != d.Name && d.Begins(first[:min(len(first), within)]) {
						t.Errorf("%s begins as %s does: %q", system, d.Name, first[:min(len(first), 60)])
					}
				}
				if refuses(d, long(c.Forward, system != d.Name), long(c.Backward, system != d.Name)) {
					told++
				}
			}
			if system == d.Name {
				require.Zero(t, told, "%s does not understand itself", system)
			} else {
				require.Positive(t, told, "%s is read as %s", system, d.Name)
			}
		}
	}
}

// refuses tells whether a dialect finds that a connection cannot be decoded.
func refuses(d tap.Dialect, forward, backward []byte) bool {
	f, b := d.Watch([]string{"n1", "n2"}, func(history.Raft) {}).Open("n1", "n2")
	for len(forward) > 0 {
		n, _, err := f.Next(forward)
		if err != nil {
			return true
		}
		if n == 0 {
			break
		}
		forward = forward[n:]
	}
	for len(backward) > 0 {
		n, _, err := b.Next(backward)
		if err != nil {
			return true
		}
		if n == 0 {
			break
		}
		backward = backward[n:]
	}
	return false
}
