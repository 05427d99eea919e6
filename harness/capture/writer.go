package capture

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/usurper/usurper/harness/fabric"
)

const (
	// DefaultLimit is how large a capture grows unless its options say otherwise.
	DefaultLimit = 256 << 20
	// maxComment is how much Wireshark shows of a comment, and less than the 64 KiB that
	// the format has room for.
	maxComment = 32 << 10
	// maxPayload is the most that one packet of IPv4 with TCP carries.
	maxPayload = 65535 - 20 - 20
	// blockSize is what a packet costs in the file beside its bytes and comment.
	blockSize = 64
	// lastWord is room for the comment that says that the capture is full.
	lastWord = 512
	// acceptPort is the port of whoever was dialled, firstPort that of the first who
	// dialled.
	acceptPort = 7701
	firstPort  = 10000
)

// Options are those of a capture that is written.
type Options struct {
	// Nodes are the members, in order: the first is 10.0.0.1 in the capture.
	Nodes []string
	// About stands in the file's head and on its first packet: what was run, and how to
	// run it again.
	About string
	// Limit is how many bytes the file may have, 0 for DefaultLimit. What comes then is
	// not kept, and its last packet says so.
	Limit int64
}

// Writer writes a capture: a fabric's Capture. Its methods may be called by several
// goroutines.
type Writer struct {
	nodes []string
	limit int64
	begun time.Time
	file  *os.File

	mu      sync.Mutex
	buf     *bufio.Writer
	packets *pcapgo.NgWriter
	scratch gopacket.SerializeBuffer
	links   map[fabric.Link]int // interfaces
	conns   uint16              // so many were opened
	size    int64
	full    bool
	closed  bool
	err     error // the first
}

var _ fabric.Capture = (*Writer)(nil)

// Create makes a capture at path, which it truncates.
func Create(path string, o Options) (*Writer, error) {
	if o.Limit == 0 {
		o.Limit = DefaultLimit
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, fmt.Errorf("create capture: %w", err)
	}
	w := &Writer{
		nodes: o.Nodes, limit: o.Limit, begun: time.Now(), file: file,
		buf: bufio.NewWriterSize(file, 1<<18), scratch: gopacket.NewSerializeBuffer(), links: make(map[fabric.Link]int),
	}
	about := cut(o.About)
	w.packets, err = pcapgo.NewNgWriterInterface(w.buf, inter("usurper"), pcapgo.NgWriterOptions{SectionInfo: pcapgo.NgSectionInfo{
		Application: "usurper", Hardware: runtime.GOARCH, OS: runtime.GOOS, Comment: about,
	}})
	for _, from := range o.Nodes {
		for _, to := range o.Nodes {
			if from != to && err == nil {
				link := fabric.Link{From: from, To: to}
				w.links[link], err = w.packets.AddInterface(inter(link.String()))
			}
		}
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("create capture: %w", err)
	}
	w.size = int64(len(about) + blockSize*(2+len(w.links)))
	w.Say(about)
	return w, nil
}

// inter is the interface of a name.
func inter(name string) pcapgo.NgInterface {
	return pcapgo.NgInterface{Name: name, LinkType: layers.LinkTypeRaw, TimestampResolution: 9}
}

// Say puts a comment into the capture, on an empty packet.
func (w *Writer) Say(text string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sayLocked(text, lastWord)
	if w.err == nil && !w.closed {
		w.failLocked(errors.Join(w.packets.Flush(), w.buf.Flush())) // what a killed harness leaves ends no earlier
	}
}

// sayLocked leaves some room in the file.
func (w *Writer) sayLocked(text string, room int64) {
	text = cut(text)
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: 253, SrcIP: w.address(""), DstIP: w.address("")} // 253: for experiments (RFC 3692)
	w.writeLocked(0, text, room, ip)
}

// Close ends the file. An error is the first one since Create, about which nobody else was
// told.
func (w *Writer) Close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return w.err
	}
	w.closed = true
	if w.err == nil {
		w.failLocked(errors.Join(w.packets.Flush(), w.buf.Flush()))
	}
	w.failLocked(w.file.Close())
	return w.err
}

// Full tells whether the file has reached its limit, so that something was not kept.
func (w *Writer) Full() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.full
}

func (w *Writer) failLocked(err error) {
	if err != nil && w.err == nil {
		w.err = fmt.Errorf("write capture: %w", err)
	}
}

// writeLocked writes a packet, unless there is no room in the file for it and some more.
func (w *Writer) writeLocked(on int, comment string, room int64, packet ...gopacket.SerializableLayer) {
	if w.full || w.closed || w.err != nil {
		return
	}
	err := gopacket.SerializeLayers(w.scratch, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, packet...)
	b := w.scratch.Bytes()
	size := int64(len(b) + len(comment) + blockSize)
	if err == nil && w.size+size+room > w.limit {
		w.sayLocked(fmt.Sprintf("the capture ends here: it has reached its limit of %d bytes", w.limit), 0)
		w.full = true
		return
	}
	w.size += size
	var o pcapgo.NgPacketOptions
	if comment != "" {
		o.Comments = []string{comment}
	}
	if err == nil {
		// The monotonic clock, so that no packet is earlier than the one before.
		at := w.begun.Add(time.Since(w.begun))
		err = w.packets.WritePacketWithOptions(gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(b), Length: len(b), InterfaceIndex: on}, b, o)
	}
	w.failLocked(err)
}

// address is that of a member: 10.0.0.1 for the first, 10.0.1.0 for whoever is none.
func (w *Writer) address(name string) net.IP {
	for i, n := range w.nodes {
		if n == name {
			return net.IPv4(10, 0, byte((i+1)>>8), byte(i+1))
		}
	}
	return net.IPv4(10, 0, 1, 0)
}

// cut is as much of a text as a comment holds.
func cut(text string) string {
	if len(text) <= maxComment {
		return text
	}
	return strings.ToValidUTF8(text[:maxComment-len("…")], "") + "…"
}
