package capture

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/reassembly"

	"github.com/usurper/usurper/harness/count"
)

const (
	// maxWaiting bounds what waits for bytes that come late, in pages of some 2 KiB: of one
	// connection, and of all.
	maxWaiting, maxAllWaiting = 1 << 12, 1 << 15
	// waits is how long, by the times of the capture, bytes that are not there are
	// waited for, and how many packets go by until that is looked at.
	waits, looks = 10 * time.Second, 1 << 12
)

// Stats counts what was read of a capture.
type Stats struct {
	Packets int // of TCP
	Others  int // of anything else
	Conns   int
	// Short is how many packets of TCP had fewer bytes in the capture than on the wire.
	Short int
	// Begin and End are the times of the first and last packet.
	Begin, End time.Time
	// CutShort says why the file ends where it should not, "" if it does not.
	CutShort string
}

// Read hands what a capture carries to each, in the order in which the file has it but for
// bytes that came out of order or twice, which it mends. Members names those whose
// addresses a capture of another program's has. An error is each's, or says that the file
// is no capture; of one that is cut short everything before that is read.
func Read(r io.Reader, members []Member, each func(Piece) error) (Stats, error) {
	src, err := open(r)
	if err != nil {
		return Stats{}, err
	}
	s := &streams{members: members, each: each}
	pool := reassembly.NewStreamPool(s)
	a := reassembly.NewAssembler(pool)
	a.MaxBufferedPagesPerConnection, a.MaxBufferedPagesTotal = maxWaiting, maxAllWaiting
	for n := 1; s.err == nil; n++ {
		p, err := src.next()
		if err != nil {
			if !errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				s.stats.CutShort = err.Error()
			}
			break
		}
		s.take(a, p)
		if n%looks == 0 {
			a.FlushWithOptions(reassembly.FlushOptions{T: p.info.Timestamp.Add(-waits)})
		}
	}
	if s.err == nil {
		a.FlushAll()
	}
	return s.stats, s.err
}

// take reads one packet.
func (s *streams) take(a *reassembly.Assembler, p packet) {
	if s.stats.Begin.IsZero() {
		s.stats.Begin = p.info.Timestamp
	}
	s.stats.End = p.info.Timestamp
	parsed := gopacket.NewPacket(p.data, decoder(p.link), gopacket.DecodeOptions{Lazy: true, NoCopy: true})
	tcp, ok := parsed.Layer(layers.LayerTypeTCP).(*layers.TCP)
	network := parsed.NetworkLayer()
	if !ok || network == nil {
		s.say(p, nil)
		s.stats.Others++
		return
	}
	s.stats.Packets++
	if p.info.CaptureLength < p.info.Length {
		s.stats.Short++
	}
	at := &arrival{packet: p}
	a.AssembleWithContext(network.NetworkFlow(), tcp, at)
	s.say(p, at.conn)
}

// say hands on a packet's comments.
func (s *streams) say(p packet, c *Conn) {
	for _, text := range p.comment {
		s.hand(Piece{At: p.info.Timestamp, Conn: c, Comment: text})
	}
}

func (s *streams) hand(p Piece) {
	if s.err != nil {
		return
	}
	if p.Conn != nil && p.Conn.Number == 0 { // one that carries nothing is none
		s.stats.Conns++
		p.Conn.Number = s.stats.Conns
	}
	s.err = s.each(p)
}

// arrival is a packet on its way through the reassembly.
type arrival struct {
	packet packet
	conn   *Conn // that it belongs to
}

// GetCaptureInfo implements reassembly.AssemblerContext.
func (a *arrival) GetCaptureInfo() gopacket.CaptureInfo { return a.packet.info }

// String is for errors.
func (s Stats) String() string {
	text := fmt.Sprintf("%s in %s", count.Many(s.Conns, "connection"), count.Many(s.Packets, "packet"))
	if s.Others > 0 {
		text += fmt.Sprintf(", %d of anything else", s.Others)
	}
	return text
}
