package capture_test

import (
	"bytes"
	"net"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/capture"
)

// segment is a packet of a conversation that another program captured.
type segment struct {
	back     bool // the accepter's
	seq, ack uint32
	flags    string // of S A F R
	data     string
}

// conversation is one of a dialler at port 50000, with everything that TCP does: what comes
// twice, late, and in the middle of what was there.
func conversation() []segment {
	return []segment{
		{seq: 1000, flags: "S"},
		{back: true, seq: 4294967290, ack: 1001, flags: "SA"},
		{seq: 1001, ack: 4294967291, flags: "A"},
		{seq: 1001, ack: 4294967291, flags: "A", data: "I am 127.0.0.1:7001\n"},
		{seq: 1027, ack: 4294967291, flags: "A", data: string(frame(2, 3, false))}, // before what is ahead of it
		{seq: 1021, ack: 4294967291, flags: "A", data: string(frame(0, 3, false))},
		{seq: 1021, ack: 4294967291, flags: "A", data: string(frame(0, 3, false))},                      // again
		{back: true, seq: 4294967291, ack: 1033, flags: "A", data: string(frame(1, 3, false)) + "\x01"}, // its numbers begin anew
		{back: true, seq: 4294967295, ack: 1033, flags: "A", data: string(frame(1, 3, false))[4:] + string(frame(1, 3, true))},
		{seq: 1033, ack: 5, flags: "FA"},
		{back: true, seq: 7, ack: 1034, flags: "FA"},
		{seq: 1034, ack: 8, flags: "A"},
	}
}

// captured makes a file of a conversation, as a program captures it on a link.
func captured(t *testing.T, link layers.LinkType, six, old bool, segments []segment) []byte {
	t.Helper()
	var file bytes.Buffer
	write, flush := foreignFile(t, &file, link, old)
	for i, s := range segments {
		ports := [2]layers.TCPPort{50000, 7002}
		ips := [2]net.IP{net.ParseIP("127.0.0.1"), net.ParseIP("127.0.0.2")}
		if six {
			ips = [2]net.IP{net.ParseIP("::1"), net.ParseIP("::2")}
		}
		if s.back {
			slices.Reverse(ports[:])
			slices.Reverse(ips[:])
		}
		tcp := &layers.TCP{SrcPort: ports[0], DstPort: ports[1], Seq: s.seq, Ack: s.ack, Window: 512}
		for _, f := range s.flags {
			*map[rune]*bool{'S': &tcp.SYN, 'A': &tcp.ACK, 'F': &tcp.FIN, 'R': &tcp.RST}[f] = true
		}
		var all []gopacket.SerializableLayer
		family, kind := layers.ProtocolFamilyIPv4, layers.EthernetTypeIPv4
		if six {
			family, kind = layers.ProtocolFamilyIPv6Linux, layers.EthernetTypeIPv6
		}
		switch link {
		case layers.LinkTypeEthernet:
			all = append(all, &layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: kind})
		case layers.LinkTypeNull:
			all = append(all, &layers.Loopback{Family: family})
		}
		var ip gopacket.NetworkLayer
		if six {
			v6 := &layers.IPv6{Version: 6, HopLimit: 64, NextHeader: layers.IPProtocolTCP, SrcIP: ips[0], DstIP: ips[1]}
			all, ip = append(all, v6), v6
		} else {
			v4 := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: ips[0], DstIP: ips[1]}
			all, ip = append(all, v4), v4
		}
		require.NoError(t, tcp.SetNetworkLayerForChecksum(ip))
		b := gopacket.NewSerializeBuffer()
		require.NoError(t, gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, append(all, tcp, gopacket.Payload(s.data))...))
		info := gopacket.CaptureInfo{Timestamp: time.Unix(1e9, int64(i)*1e6), CaptureLength: len(b.Bytes()), Length: len(b.Bytes())}
		require.NoError(t, write(info, b.Bytes()))
	}
	flush()
	return file.Bytes()
}

func foreignFile(t *testing.T, file *bytes.Buffer, link layers.LinkType, old bool) (write func(gopacket.CaptureInfo, []byte) error, flush func()) {
	t.Helper()
	if old {
		w := pcapgo.NewWriter(file)
		require.NoError(t, w.WriteFileHeader(65536, link))
		return w.WritePacket, func() {}
	}
	w, err := pcapgo.NewNgWriter(file, link)
	require.NoError(t, err)
	return w.WritePacket, func() { require.NoError(t, w.Flush()) }
}

// Captures of other programs are read whatever they were made on. Who dialled says so
// itself where its address does not tell.
func TestForeignCaptures(t *testing.T) {
	member := func(text string) capture.Member {
		m, err := capture.ParseMember(text)
		require.NoError(t, err)
		return m
	}
	want := func(n1, n2 string) string {
		return n1 + " > " + n2 + " hello\n" +
			n1 + " > " + n2 + " vote: term 3\n→ " + n1 + " candidate in term 3\n" +
			n1 + " > " + n2 + " heartbeat: term 3\n→ " + n1 + " leader in term 3\n" +
			n2 + " > " + n1 + " vote-response: term 3, granted\n→ " + n2 + " grants " + n1 + " a vote in term 3\n" +
			n2 + " > " + n1 + " vote-response: term 3, refused\n→ " + n2 + " refuses " + n1 + " a vote in term 3"
	}
	for _, old := range []bool{false, true} {
		for _, link := range []layers.LinkType{layers.LinkTypeEthernet, layers.LinkTypeNull, layers.LinkTypeRaw} {
			text, done := decoded(t, captured(t, link, false, old, conversation()), member("n1=127.0.0.1:7001"), member("n2=127.0.0.2:7002"))
			require.Equal(t, want("n1", "n2"), text, link)
			require.Zero(t, done.Undecoded())
			require.Equal(t, 1, done.Stats.Conns)

			text, _ = decoded(t, captured(t, link, false, old, conversation()), member("n2=127.0.0.2:7002"), member("n1=127.0.0.9:7001"), member("n1=127.0.0.1:7001"))
			require.Equal(t, want("n1", "n2"), text, "n1 has two addresses")

			text, _ = decoded(t, captured(t, link, true, old, conversation()))
			require.Equal(t, want("127.0.0.1:7001", "[::2]:7002"), text, "by addresses")
		}
	}
}

// Of a connection that is older than its capture nothing is decoded: where a frame begins
// is not known. Who dialled is whoever does not listen.
func TestFromTheMiddleOn(t *testing.T) {
	from, err := capture.ParseMember("n2=127.0.0.2:7002")
	require.NoError(t, err)
	text, done := decoded(t, captured(t, layers.LinkTypeEthernet, false, false, conversation()[7:]), from)
	require.Equal(t, "n2 > 127.0.0.1:50000 cannot be decoded from its byte 0 on: the capture began in the middle of the connection (01000000030001)", text)
	require.EqualValues(t, 12, done.Undecoded())
}

// Bytes that the capture lost end the decoding where they were.
func TestLostBytes(t *testing.T) {
	lost := slices.Delete(conversation(), 5, 7)
	text, done := decoded(t, captured(t, layers.LinkTypeEthernet, false, false, lost))
	require.Contains(t, text, "127.0.0.1:7001 > 127.0.0.2:7002 cannot be decoded from its byte 20 on: 6 bytes before these are not in the capture")
	require.Positive(t, done.Undecoded())
}

func FuzzRead(f *testing.F) {
	f.Add([]byte("\x0a\x0d\x0d\x0a"))
	own, err := os.ReadFile("golden/testdata/words.pcapng")
	require.NoError(f, err)
	f.Add(own)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = capture.Decode(bytes.NewReader(b), toy(), nil, func(capture.Item) error { return nil })
	})
}
