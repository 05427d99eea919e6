package fabric

import (
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Clients are an end of links like any other, beside members whose traffic is
// decoded: each direction obeys its own rules, and none of those for members.
func TestLinksOfClients(t *testing.T) {
	r := newRig(t, true)
	backend, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer backend.Close()
	addr, err := r.fabric.Listen("clients", "b", ListenOptions{Addr: "127.0.0.1:0", Backend: backend.Addr().String()})
	require.NoError(t, err)
	client, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer client.Close()
	require.NoError(t, backend.(*net.TCPListener).SetDeadline(time.Now().Add(deadline)))
	member, err := backend.Accept()
	require.NoError(t, err)
	defer member.Close()

	answers := r.apply(Rule{Action: Cut, Links: []Link{{"b", "clients"}}})
	say(t, client, "asked")
	hear(t, member, "asked")
	say(t, member, "answered")
	silent(t, client)
	a, b := r.connect() // members hear each other
	sayToy(t, a, 0, "one")
	hearToy(t, b, "one")
	eventually(t, func() bool { return answers.tally.evidence()[BytesHeld] == int64(len("answered")) }, "the answer held")
	answers.Remove()
	hear(t, client, "answered")

	members := r.apply(Rule{Action: Cut, Links: []Link{ab, ba}})
	say(t, client, "again")
	hear(t, member, "again")
	require.Zero(t, members.Remove()[BytesHeld])

	eventually(t, func() bool { // what is written is counted a moment later
		return r.fabric.Counters()[Link{"clients", "b"}] == Counters{Bytes: int64(len("askedagain")), Conns: 1}
	}, "what clients asked counted")
	require.Error(t, r.fabric.Supports(Rule{Action: Drop, Links: []Link{{"clients", "b"}}}), "not decoded")
	require.Error(t, r.fabric.Supports(Rule{Action: Cut, Links: []Link{{"clients", "a"}}}), "no such link")
}
