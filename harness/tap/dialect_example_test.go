package tap_test

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// parley is the dialect of a system whose members send each other lines: "ask 7 3 12" for
// votes of term 7 with a log that ends at index 12 of term 3, "aye 7" or "nay 7" for an
// answer, "lead 7 9" from a leader whose commit index is 9, and others that mean nothing
// here. A dialler begins with "from 127.0.0.1:7001".
func parley() tap.Dialect {
	return tap.Dialect{
		Name:    "parley",
		Kinds:   []tap.Kind{tap.Vote, tap.VoteResponse, tap.Heartbeat},
		Classes: []string{"other"},
		Ordered: true, // one process writes a connection
		Begins:  func(first []byte) bool { return bytes.HasPrefix(first, []byte("from ")) },
		Open: func(c *tap.Cluster) func(dialler, accepter string) (forward, backward tap.Decoder) {
			return func(string, string) (forward, backward tap.Decoder) {
				asked := new([]uint64) // what both directions of a connection know
				return lines{c, asked}, lines{c, asked}
			}
		},
	}
}

// lines decodes one direction.
type lines struct {
	cluster *tap.Cluster
	asked   *[]uint64 // the terms of requests that are not answered yet, oldest first
}

func (l lines) Next(b []byte, m *tap.Message) (n int, class string, err error) {
	end := bytes.IndexByte(b, '\n')
	switch {
	case end < 0 && len(b) > 1000, len(*l.asked) > 1000: // what is kept has a bound
		return 0, "", errors.New("a line without an end, or nobody answers")
	case end < 0:
		return 0, "", nil // the rest is on its way
	}
	line := string(b[:end])
	switch word, _, _ := bytes.Cut(b[:end], []byte(" ")); string(word) {
	case "ask":
		m.Kind = tap.Vote
		_, err = fmt.Sscanf(line, "ask %d %d %d", &m.Term, &m.Log.Term, &m.Log.Index)
		*l.asked = append(*l.asked, m.Term)
	case "aye", "nay": // an answer does not say to what: they come in order
		m.Kind, m.Reject = tap.VoteResponse, line[0] == 'n'
		if _, err = fmt.Sscanf(line[4:], "%d", &m.Term); len(*l.asked) > 0 {
			m.Asked, *l.asked = (*l.asked)[0], (*l.asked)[1:]
		}
	case "lead":
		m.Kind = tap.Heartbeat
		_, err = fmt.Sscanf(line, "lead %d %d", &m.Term, &m.Commit)
	case "from", "ping":
		class = "other"
	default: // is not guessed at
		l.cluster.Strange("a line that begins with " + string(word))
		class = "other"
	}
	return end + 1, class, err
}

// A decoder of a system of one's own.
func ExampleDialect() {
	watch := parley().Watch([]string{"n1", "n2", "n3"}, func(e history.Raft) { fmt.Println(e.Node, e.What, "in term", e.Term) })
	n1, n2 := watch.Open("n1", "n2") // the fabric calls this, and what follows
	n1.Next([]byte("ask 7 3 12\n"))
	n2.Next([]byte("aye 7\n"))
	n1.Next([]byte("lead 7 9\n"))
	// Output:
	// n1 candidate in term 7
	// n2 vote in term 7
	// n1 leader in term 7
}
