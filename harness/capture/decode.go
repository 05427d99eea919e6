package capture

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// Item is what a dialect finds next in a capture: one of Frame, Event, Comment and
// Trouble.
type Item struct {
	At   time.Time
	Conn *Conn // nil for a comment that is about none
	// Frame is a whole frame.
	Frame *Frame
	// Event is what the frame before it let the assembler conclude.
	Event *history.Raft
	// Comment stands in the capture: of usurper's, which faults there were.
	Comment string
	// Trouble says from where on a direction of the connection cannot be decoded.
	Trouble *Trouble
}

// Frame is one frame of a connection.
type Frame struct {
	Link    fabric.Link
	Offset  int64 // of its first byte in its direction
	Size    int
	Class   string
	Message *tap.Message // nil if it says nothing to a tap
}

// Trouble is where decoding ends.
type Trouble struct {
	Link   fabric.Link
	Offset int64
	First  []byte // some of the bytes there
	// Beginning says that these are the first of their direction.
	Beginning bool
	Err       error
}

// Decoded is what came of it all.
type Decoded struct {
	Stats
	Conns []*Tally // in order of appearance
	// Strange is how often came what the dialect does not know.
	Strange map[string]uint64
}

// Tally is what came of one connection.
type Tally struct {
	*Conn
	Frames    int
	Bytes     int64
	Undecoded int64 // of them, those that cannot be decoded
	Rest      int64 // of them, those of frames that the end of the connection cut short
	Aside     int64 // of them, those of another protocol at the same port
	Trouble   string
}

// Undecoded is how many bytes of all connections cannot be decoded.
func (d Decoded) Undecoded() (n int64) {
	for _, t := range d.Conns {
		n += t.Undecoded
	}
	return n
}

// Decode reads a capture as a dialect and tells of every frame, and of the raft events that
// follow, as `usurper run` would that sees these bytes enter the fabric: what was
// delivered is not in a capture. Members are as for Read; where there are none, those are
// members who appear, and no majority is known. An error is tell's or Read's.
func Decode(r io.Reader, d tap.Dialect, members []Member, tell func(Item) error) (Decoded, error) {
	s := NewDecoding(d, members, tell)
	stats, err := Read(r, members, s.Piece)
	if err != nil {
		return Decoded{}, err
	}
	done, err := s.End()
	done.Stats = stats
	return done, err
}

// Decoding is a Decode of pieces that the caller hands over, one by one.
type Decoding struct {
	dialect tap.Dialect
	tell    func(Item) error
	members []Member
	watch   *tap.Watch
	conns   map[*Conn]*reader // by how Read calls them
	order   []*reader
	done    Decoded
	err     error

	message tap.Message // of the frame at hand
	events  []history.Raft
	at      time.Time
}

// NewDecoding begins one.
func NewDecoding(d tap.Dialect, members []Member, tell func(Item) error) *Decoding {
	s := &Decoding{dialect: d, tell: tell, members: members, conns: make(map[*Conn]*reader)}
	spied := d
	spied.Open = s.spy
	s.watch = spied.Watch(names(members), s.event)
	return s
}

// End tells what is known at the end alone, and returns what came of it all, without
// Stats.
func (s *Decoding) End() (Decoded, error) {
	for _, r := range s.order {
		s.finish(r)
	}
	s.judgeAside()
	s.watch.Flush()
	s.follows(nil)
	s.done.Strange = s.watch.Strange()
	return s.done, s.err
}

// judgeAside tells of connections that were another protocol's, unless nothing showed that
// members share their ports.
func (s *Decoding) judgeAside() {
	if s.watch.Shares() {
		return
	}
	for _, r := range s.order {
		if r.aside != nil {
			r.tally.Undecoded, r.tally.Aside, r.tally.Trouble = r.tally.Aside, 0, r.aside.Err.Error()
			s.say(Item{At: s.at, Conn: r.tally.Conn, Trouble: r.aside})
		}
	}
}

func names(members []Member) (names []string) {
	for _, m := range members {
		if !slices.Contains(names, m.Name) { // one may be known by several addresses
			names = append(names, m.Name)
		}
	}
	return names
}

// reader decodes one connection.
type reader struct {
	tally    *Tally
	splitter [2]fabric.Splitter // nil as long as it is not known who dials
	pending  [2][]byte
	offset   [2]int64
	broken   bool
	aside    *Trouble // why it is broken, if that may be no trouble
}

// spy lets the dialect decode, and looks at what it says.
func (s *Decoding) spy(c *tap.Cluster) func(dialler, accepter string) (forward, backward tap.Decoder) {
	open := s.dialect.Open(c)
	return func(dialler, accepter string) (forward, backward tap.Decoder) {
		f, b := open(dialler, accepter)
		return spy{s, f}, spy{s, b}
	}
}

type spy struct {
	to *Decoding
	of tap.Decoder
}

func (s spy) Next(b []byte, m *tap.Message) (n int, class string, err error) {
	n, class, err = s.of.Next(b, m)
	s.to.message = *m
	return n, class, err
}

func (s *Decoding) event(e history.Raft) {
	if e.What != history.RaftMessage { // which the frame says
		s.events = append(s.events, e)
	}
}

func (s *Decoding) say(i Item) {
	if s.err == nil {
		s.err = s.tell(i)
	}
}

// Piece takes what comes next.
func (s *Decoding) Piece(p Piece) error {
	s.at = p.At
	if p.Conn == nil || p.Comment != "" {
		s.say(Item{At: p.At, Conn: p.Conn, Comment: p.Comment})
		return s.err
	}
	r := s.conns[p.Conn]
	if r == nil {
		own := *p.Conn // who dialled may be known better soon
		r = &reader{tally: &Tally{Conn: &own}}
		s.conns[p.Conn] = r
		s.order = append(s.order, r)
		s.done.Conns = append(s.done.Conns, r.tally)
	}
	i := index(p.Forward)
	r.tally.Bytes += int64(len(p.Bytes))
	switch {
	case r.aside != nil:
		r.tally.Aside += int64(len(p.Bytes))
		return nil
	case r.broken:
		r.tally.Undecoded += int64(len(p.Bytes))
		return nil
	case p.Missing != 0:
		r.pending[i] = append(r.pending[i], p.Bytes...)
		s.trouble(r, p.Forward, missing(p.Missing))
		return s.err
	}
	r.pending[i] = append(r.pending[i], p.Bytes...)
	if r.splitter[0] == nil && !s.open(r, false) {
		return nil
	}
	s.split(r, p.Forward)
	return s.err
}

func missing(n int) error {
	if n < 0 {
		return errors.New("the capture began in the middle of the connection")
	}
	return fmt.Errorf("%d bytes before these are not in the capture", n)
}

// open begins to decode once it is known who dials; at the end as far as it is.
func (s *Decoding) open(r *reader, end bool) bool {
	c := r.tally.Conn
	if s.dialect.Hello != nil && c.Dialler == c.From.String() { // an address that nobody listens at
		addr, more, err := s.dialect.Hello(r.pending[0])
		if more && !end && len(r.pending[0]) < maxHello {
			return false
		}
		if err == nil && addr != "" && !more {
			c.Dialler = s.called(addr)
		}
	}
	r.splitter[0], r.splitter[1] = s.watch.Open(c.Dialler, c.Accepter)
	if len(r.pending[1]) > 0 {
		s.split(r, false)
	}
	return true
}

// maxHello is how much of a connection may come before its dialler has said who it is.
const maxHello = 64 << 10

// called is the member at an address.
func (s *Decoding) called(addr string) string {
	for _, m := range s.members {
		if at, err := netip.ParseAddrPort(addr); err == nil && at == m.Addr {
			return m.Name
		}
	}
	return addr
}

// split reads the whole frames of one direction.
func (s *Decoding) split(r *reader, forward bool) {
	i := index(forward)
	for !r.broken && len(r.pending[i]) > 0 && s.err == nil {
		n, class, err := r.splitter[i].Next(r.pending[i])
		switch {
		case err == nil && (n < 0 || n > len(r.pending[i])):
			err = fmt.Errorf("the decoder found a frame of %d bytes in %d", n, len(r.pending[i]))
		case err == nil && n == 0:
			return
		}
		if err != nil {
			s.trouble(r, forward, err)
			return
		}
		s.frame(r, forward, n, class)
	}
}

// frame tells of a frame and what follows from it.
func (s *Decoding) frame(r *reader, forward bool, n int, class string) {
	i := index(forward)
	f := &Frame{Link: r.tally.Link(forward), Offset: r.offset[i], Size: n, Class: class}
	if m := s.message; m.Kind != "" {
		m.From, m.To = cmp.Or(m.From, f.Link.From), cmp.Or(m.To, f.Link.To)
		f.Message = &m
	}
	r.tally.Frames++
	s.say(Item{At: s.at, Conn: r.tally.Conn, Frame: f})
	s.follows(r.tally.Conn)
	r.pending[i] = r.pending[i][n:]
	r.offset[i] += int64(n)
}

// follows tells of what the assembler has concluded.
func (s *Decoding) follows(c *Conn) {
	for e := range s.events {
		s.say(Item{At: s.at, Conn: c, Event: &s.events[e]})
	}
	s.events = nil
}

// someBytes is how many are shown of what cannot be decoded.
const someBytes = 64

// trouble ends the decoding of a connection, as the fabric does.
func (s *Decoding) trouble(r *reader, forward bool, err error) {
	i := index(forward)
	b := r.pending[i]
	t := &Trouble{Link: r.tally.Link(forward), Offset: r.offset[i], First: b[:min(len(b), someBytes)], Beginning: r.offset[i] == 0, Err: err}
	rest := int64(len(r.pending[0]) + len(r.pending[1]))
	if errors.Is(err, fabric.ErrAside) {
		t.First = bytes.Clone(t.First)
		r.aside, r.tally.Aside = t, rest
	} else {
		r.tally.Trouble, r.tally.Undecoded = err.Error(), r.tally.Undecoded+rest
		s.say(Item{At: s.at, Conn: r.tally.Conn, Trouble: t})
	}
	r.broken = true
	r.pending = [2][]byte{}
}

// finish counts what is left of a connection at the end of the capture.
func (s *Decoding) finish(r *reader) {
	if r.broken {
		return
	}
	if r.splitter[0] == nil {
		s.open(r, true)
		s.split(r, true)
	}
	r.tally.Rest = int64(len(r.pending[0]) + len(r.pending[1]))
}
