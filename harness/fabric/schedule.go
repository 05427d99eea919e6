package fabric

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
)

// ID is what a frame is in every run of one plan: not what it carries, which
// differs from run to run.
type ID struct {
	Class  string
	Term   uint64 // the term, view or epoch that the frame speaks of
	Reject bool   // a refusal
}

// String is "vote 7" or "vote-response 7 reject".
func (id ID) String() string {
	s := id.Class + " " + strconv.FormatUint(id.Term, 10)
	if id.Reject {
		s += " reject"
	}
	return s
}

// Identifier is a Protocol with frames that a schedule can name.
type Identifier interface {
	// Identify returns the ID of a frame. ok is false for what schedules leave
	// alone: classes that are not lossy in any case, and those of which each run
	// sends another number. Of frames with one ID on one link the first counts, and
	// only if no frame of its class with a higher term came before it.
	Identify(class string, frame []byte) (id ID, ok bool)
	// Opens tells whether a frame of the class is the first thing that its sender
	// does in a term, before it heeds anything of that term: a request for votes.
	Opens(class string) bool
}

// Moment is an event of a schedule: a frame was sent or delivered.
type Moment struct {
	Stage Stage // Sent or Delivered
	Link  Link
	ID    ID
}

// String is "delivered n1 > n2 vote 7". ParseSchedule reads it.
func (m Moment) String() string { return fmt.Sprintf("%s %s %s", m.Stage, m.Link, m.ID) }

// Schedule is the order in which frames were sent and delivered. That a vote
// request arrived after another member had already sent its own is what makes a
// race, so both stages belong to it.
type Schedule []Moment

// ScheduleHeader is the first line of a schedule's file; each further line is a
// Moment.
const ScheduleHeader = "# usurper schedule 1"

// ParseSchedule reads a schedule. A last line without its end was cut off by a
// crash and does not count; any other that is no moment is an error with name
// and line.
func ParseSchedule(name string, r io.Reader) (Schedule, error) {
	var s Schedule
	b := bufio.NewReader(r)
	for n := 1; ; n++ {
		line, err := b.ReadString('\n')
		if errors.Is(err, io.EOF) {
			if n == 1 {
				return nil, fmt.Errorf("%s:1: %q is no schedule: the first line must be %q", name, line, ScheduleHeader)
			}
			return s, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read schedule %s: %w", name, err)
		}
		line = strings.TrimSuffix(line, "\n")
		if n == 1 {
			if line != ScheduleHeader {
				return nil, fmt.Errorf("%s:1: %q is no schedule of this version: the first line must be %q", name, line, ScheduleHeader)
			}
			continue
		}
		m, ok := parseMoment(line)
		if !ok {
			return nil, fmt.Errorf(`%s:%d: %q is no moment: want "sent n1 > n2 vote 7" or "delivered n2 > n1 vote-response 7 reject"`, name, n, line)
		}
		s = append(s, m)
	}
}

func parseMoment(line string) (m Moment, ok bool) {
	f := strings.Fields(line)
	if len(f) == 7 && f[6] == "reject" {
		m.ID.Reject = true
		f = f[:6]
	}
	if len(f) != 6 || f[2] != ">" {
		return m, false
	}
	term, err := strconv.ParseUint(f[5], 10, 64)
	m.Stage, m.Link, m.ID.Class, m.ID.Term = Stage(f[0]), Link{f[1], f[3]}, f[4], term
	return m, err == nil && slices.Contains([]Stage{Sent, Delivered}, m.Stage)
}

// Followed is how far a run kept to a schedule. Only deliveries count: the
// fabric cannot make anybody send.
type Followed struct {
	Deliveries int // in the schedule
	Kept       int // of them, those that came in their turn
	// Diverged tells where the run first left the schedule; nil if it never did.
	Diverged *Divergence
	// GaveUp says that the schedule was no longer followed after some time, since
	// the run had become another one.
	GaveUp bool
}

// Divergence is a frame that waited in vain for a moment of the schedule.
type Divergence struct {
	Frame  Moment // the delivery that waited
	Missed Moment // what should have come before it
}

// String is "followed 12 of 40 deliveries, diverged first at … ".
func (f Followed) String() string {
	s := fmt.Sprintf("followed %d of %d deliveries", f.Kept, f.Deliveries)
	if d := f.Diverged; d != nil {
		s += fmt.Sprintf(", diverged first at %q, which did not come before %q", d.Missed, d.Frame)
	}
	if f.GaveUp {
		s += ", and gave up"
	}
	return s
}
