package capture

import (
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/usurper/usurper/harness/fabric"
)

// tape writes one connection.
type tape struct {
	to    *Writer
	sides [2]side // the dialler's, then the accepter's
}

// side is what one end of a connection sends. It needs the writer's mutex.
type side struct {
	on    int // the interface
	ip    layers.IPv4
	tcp   layers.TCP
	ended bool
}

// Open begins to keep a connection between two members. Those of others are not
// kept.
func (w *Writer) Open(pair fabric.Link) fabric.Tape {
	w.mu.Lock()
	defer w.mu.Unlock()
	there, ok := w.links[pair]
	back, answered := w.links[fabric.Link{From: pair.To, To: pair.From}]
	if !ok || !answered {
		return nil
	}
	port := layers.TCPPort(firstPort + w.conns%(1<<16-firstPort))
	w.conns++
	t := &tape{to: w}
	t.sides[0] = side{on: there, ip: w.ip(pair.From, pair.To), tcp: layers.TCP{SrcPort: port, DstPort: acceptPort, Window: 65535}}
	t.sides[1] = side{on: back, ip: w.ip(pair.To, pair.From), tcp: layers.TCP{SrcPort: acceptPort, DstPort: port, Window: 65535}}
	for i := range t.sides { // SYN, and the answer to it
		s := &t.sides[i]
		s.tcp.SYN, s.tcp.ACK = true, i == 1
		// The largest window there is, since nobody will enlarge it.
		s.tcp.Options = []layers.TCPOption{{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{14}}}
		t.writeLocked(i, nil)
		s.tcp.SYN, s.tcp.ACK, s.tcp.Options, s.tcp.Padding = false, true, nil, nil
		s.tcp.Seq++
	}
	t.writeLocked(0, nil)
	return t
}

func (w *Writer) ip(from, to string) layers.IPv4 {
	return layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: w.address(from), DstIP: w.address(to)}
}

// Sent keeps bytes.
func (t *tape) Sent(forward bool, b []byte) {
	t.to.mu.Lock()
	defer t.to.mu.Unlock()
	s := &t.sides[index(forward)]
	s.tcp.PSH = true
	for len(b) > 0 {
		n := min(len(b), maxPayload)
		t.writeLocked(index(forward), b[:n])
		s.tcp.Seq += uint32(n)
		b = b[n:]
	}
	s.tcp.PSH = false
}

// Ended keeps a FIN or RST.
func (t *tape) Ended(forward, reset bool) {
	t.to.mu.Lock()
	defer t.to.mu.Unlock()
	t.endLocked(index(forward), reset)
}

func (t *tape) endLocked(i int, reset bool) {
	s := &t.sides[i]
	if s.ended {
		return
	}
	s.ended = true
	s.tcp.FIN, s.tcp.RST = !reset, reset
	t.writeLocked(i, nil)
	s.tcp.FIN, s.tcp.RST = false, false
	if !reset { // a FIN has a number, a RST has none
		s.tcp.Seq++
	}
}

// Closed resets what has not ended.
func (t *tape) Closed() {
	t.to.mu.Lock()
	defer t.to.mu.Unlock()
	for i := range t.sides {
		t.endLocked(i, true)
	}
}

// writeLocked writes a packet of one side. Everything that the other has sent so far has
// reached it: that is what the fabric knows.
func (t *tape) writeLocked(i int, payload []byte) {
	s := &t.sides[i]
	if s.tcp.ACK {
		s.tcp.Ack = t.sides[1-i].tcp.Seq
	}
	if err := s.tcp.SetNetworkLayerForChecksum(&s.ip); err != nil {
		t.to.failLocked(err)
		return
	}
	t.to.writeLocked(s.on, "", lastWord, &s.ip, &s.tcp, gopacket.Payload(payload))
}

func index(forward bool) int {
	if forward {
		return 0
	}
	return 1
}
