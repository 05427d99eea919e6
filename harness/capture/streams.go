package capture

import (
	"net/netip"
	"strings"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/reassembly"
)

// streams puts connections together.
type streams struct {
	members []Member
	each    func(Piece) error
	stats   Stats
	err     error
}

// stream is one connection.
type stream struct {
	of     *streams
	conn   *Conn
	turned bool // its first packet was the accepter's
	// begun and late are of each direction: a packet of it was seen, and the first was none
	// that begins a connection.
	begun, late [2]bool
}

// New implements reassembly.StreamFactory: it finds out who dialled, and who they are.
func (s *streams) New(network, transport gopacket.Flow, tcp *layers.TCP, ac reassembly.AssemblerContext) reassembly.Stream {
	from, to := endpoint(network.Src(), tcp.SrcPort), endpoint(network.Dst(), tcp.DstPort)
	sender, receiver, _ := strings.Cut(on(ac), " > ")
	if receiver == "" { // not ours
		sender, receiver = s.name(from), s.name(to)
	}
	st := &stream{of: s, turned: s.turned(tcp, from, to)}
	if st.turned {
		from, to, sender, receiver = to, from, receiver, sender
	}
	if sender == receiver { // nobody dials itself: it is another at that IP
		sender = from.String()
	}
	st.conn = &Conn{Dialler: sender, Accepter: receiver, From: from, To: to}
	return st
}

// on is the interface of a packet.
func on(ac reassembly.AssemblerContext) string {
	if a, ok := ac.(*arrival); ok {
		return a.packet.on
	}
	return ""
}

func endpoint(e gopacket.Endpoint, port layers.TCPPort) netip.AddrPort {
	ip, _ := netip.AddrFromSlice(e.Raw()) // of IP, so it has 4 or 16 bytes
	return netip.AddrPortFrom(ip, uint16(port))
}

// turned tells whether the first packet of a connection is of the one who was dialled. One
// that was captured from its middle on is told by who listens at a port, then by the lower
// port.
func (s *streams) turned(tcp *layers.TCP, from, to netip.AddrPort) bool {
	switch {
	case tcp.SYN:
		return tcp.ACK
	case s.listens(to):
		return false
	case s.listens(from):
		return true
	}
	return from.Port() < to.Port()
}

func (s *streams) listens(addr netip.AddrPort) bool {
	for _, m := range s.members {
		if m.Addr == addr {
			return true
		}
	}
	return false
}

// name is the member at an address; or the only one that listens at its IP, since who dials
// does so from another port; or else the address.
func (s *streams) name(addr netip.AddrPort) string {
	var at []string
	for _, m := range s.members {
		if m.Addr == addr {
			return m.Name
		}
		if m.Addr.Addr() == addr.Addr() {
			at = append(at, m.Name)
		}
	}
	if len(at) == 1 {
		return at[0]
	}
	return addr.String()
}

// Accept implements reassembly.Stream: a connection may begin anywhere.
func (st *stream) Accept(tcp *layers.TCP, _ gopacket.CaptureInfo, dir reassembly.TCPFlowDirection, _ reassembly.Sequence, start *bool, ac reassembly.AssemblerContext) bool {
	*start = true
	if i := index(dir == reassembly.TCPDirClientToServer); !st.begun[i] {
		st.begun[i], st.late[i] = true, !tcp.SYN
	}
	if a, ok := ac.(*arrival); ok {
		a.conn = st.conn
	}
	return true
}

// ReassembledSG implements reassembly.Stream.
func (st *stream) ReassembledSG(sg reassembly.ScatterGather, _ reassembly.AssemblerContext) {
	direction, _, _, skip := sg.Info()
	n, _ := sg.Lengths()
	if n == 0 && skip == 0 {
		return
	}
	if i := index(direction == reassembly.TCPDirClientToServer); st.late[i] {
		skip, st.late[i] = -1, false
	}
	st.of.hand(Piece{
		At: sg.CaptureInfo(0).Timestamp, Conn: st.conn, Bytes: sg.Fetch(n), Missing: skip,
		Forward: (direction == reassembly.TCPDirClientToServer) != st.turned,
	})
}

// ReassemblyComplete implements reassembly.Stream: what comes after the end is a new
// connection.
func (st *stream) ReassemblyComplete(reassembly.AssemblerContext) bool { return true }
