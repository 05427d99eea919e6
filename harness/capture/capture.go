// Package capture keeps what members say to each other as a packet capture, and reads
// captures, its own and those of tcpdump or tshark, as a dialect.
//
// A capture is one pcapng file that Wireshark opens: for each link an interface of its
// name, "n1 > n2", each connection between members as TCP with ports of its own, each
// fault as a comment on an empty packet. The packets are made up; their bytes and their
// times are those of what entered the fabric, so that what a fault holds, delays or drops
// is in the capture where it was sent.
//
// writer.go and tape.go write. packets.go finds TCP in a file, streams.go puts it
// together, and Read hands out what each connection carried; decode.go lets a dialect
// read that. Dialects test themselves by captures: see the package golden.
package capture

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/fabric"
)

// Piece is what a capture holds next: bytes of a connection, or a comment.
type Piece struct {
	At time.Time
	// Conn is the connection, nil of a comment that is about none.
	Conn *Conn
	// Forward says that the bytes are the dialler's.
	Forward bool
	// Bytes come after those of the Piece before of that direction. They are valid
	// until the next one.
	Bytes []byte
	// Missing is how many bytes before these the capture does not have, -1 for an unknown
	// number since it began in the middle of the connection.
	Missing int
	Comment string
}

// Conn is a connection in a capture.
type Conn struct {
	Number int // from 1 on, in the order in which they appear
	// Dialler and Accepter are names of members, or addresses where no name is known.
	Dialler, Accepter string
	// From and To are the addresses in the packets.
	From, To netip.AddrPort
}

// Link is that of one direction.
func (c *Conn) Link(forward bool) fabric.Link {
	if forward {
		return fabric.Link{From: c.Dialler, To: c.Accepter}
	}
	return fabric.Link{From: c.Accepter, To: c.Dialler}
}

// Member is where a member listens for others, in a capture that does not say so itself.
type Member struct {
	Name string
	Addr netip.AddrPort
}

// ParseMember reads "n1=127.0.0.1:7001".
func ParseMember(text string) (Member, error) {
	name, addr, ok := strings.Cut(text, "=")
	at, err := netip.ParseAddrPort(addr)
	if !ok || name == "" || err != nil {
		return Member{}, fmt.Errorf("member %q: say where it listens for others, such as n1=127.0.0.1:7001", text)
	}
	return Member{Name: name, Addr: at}, nil
}
