package capture

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// packet is one packet of a capture.
type packet struct {
	data    []byte
	info    gopacket.CaptureInfo
	link    layers.LinkType
	on      string // the interface
	comment []string
}

// source reads packets; next ends with io.EOF, or another error of a file that was cut
// short or is damaged.
type source interface{ next() (packet, error) }

// zstdMagic begins what zstd compressed.
var zstdMagic = []byte{0x28, 0xb5, 0x2f, 0xfd}

// open tells a pcapng file from an older pcap file, both also compressed by gzip.
func open(r io.Reader) (source, error) {
	b := bufio.NewReaderSize(r, 1<<16)
	head, err := b.Peek(4)
	if err != nil {
		return nil, fmt.Errorf("read capture: %w: it is no capture file", noEOF(err))
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x1f, 0x8b}):
		plain, err := gzip.NewReader(b)
		if err != nil {
			return nil, fmt.Errorf("read capture: %w", noEOF(err))
		}
		return open(plain)
	case bytes.Equal(head, zstdMagic):
		return nil, errors.New("read capture: it is compressed by zstd: zstd -dc FILE | usurper decode -")
	}
	if binary.BigEndian.Uint32(head) == 0x0a0d0d0a {
		ng, err := pcapgo.NewNgReader(b, pcapgo.NgReaderOptions{WantMixedLinkType: true, SkipUnknownVersion: true})
		if err != nil {
			return nil, fmt.Errorf("read capture: %w", noEOF(err))
		}
		return newer{ng}, nil
	}
	old, err := pcapgo.NewReader(b)
	if err != nil {
		return nil, fmt.Errorf("read capture: %w: it is neither a pcapng nor a pcap file", noEOF(err))
	}
	return older{old}, nil
}

// noEOF makes of the end of a file in the wrong place an error.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// newer is a pcapng file.
type newer struct{ r *pcapgo.NgReader }

func (s newer) next() (packet, error) {
	data, info, options, err := s.r.ZeroCopyReadPacketDataWithOptions()
	if err != nil {
		return packet{}, err
	}
	p := packet{data: data, info: info, link: s.r.LinkType(), comment: options.Comments}
	if i, err := s.r.Interface(info.InterfaceIndex); err == nil {
		p.link, p.on = i.LinkType, i.Name
	}
	return p, nil
}

// older is a pcap file.
type older struct{ r *pcapgo.Reader }

func (s older) next() (packet, error) {
	data, info, err := s.r.ReadPacketData()
	return packet{data: data, info: info, link: s.r.LinkType()}, err
}

// decoder is what finds IP in the packets of a kind of link.
func decoder(link layers.LinkType) gopacket.Decoder {
	switch link {
	case layers.LinkTypeIPv4:
		return layers.LayerTypeIPv4
	case layers.LinkTypeIPv6:
		return layers.LayerTypeIPv6
	case 12, 14: // raw IP, as BSD counts
		return layers.LinkTypeRaw
	}
	return link
}
