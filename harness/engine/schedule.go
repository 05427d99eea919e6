package engine

import (
	"fmt"
	"os"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/results"
)

// ReadSchedule reads the message schedule in a run directory: in which order its
// frames were sent and delivered until the faults ended.
func ReadSchedule(dir results.Dir) (fabric.Schedule, error) {
	path := dir.Path(results.ScheduleFile)
	file, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("read schedule: %w: runs of the reference node leave one, and keep keeps it if it is short", err)
	}
	defer file.Close()
	return fabric.ParseSchedule(path, file)
}

// Followed is how far a run kept to the schedule in its Config.
type Followed = fabric.Followed

// named tells whether schedules can name the frames between members.
func named(c *Config) bool {
	_, ok := c.Target.Protocol().(fabric.Identifier)
	return ok && c.tapped()
}

// schedule is the file of the message schedule of a run, written as it runs.
type schedule struct {
	file *os.File
	line []byte
	err  error // the first; what comes after it is lost
}

// openSchedule makes the file, unless the frames of the run have no names.
func (r *run) openSchedule() error {
	if !named(&r.cfg) {
		return nil
	}
	file, err := os.Create(r.dir.Path(results.ScheduleFile))
	if err != nil {
		return fmt.Errorf("create schedule: %w", err)
	}
	r.schedule = &schedule{file: file}
	r.schedule.write(fabric.ScheduleHeader)
	return nil
}

// record writes a moment at once: what a run that is cut short has done is
// there. There are some dozens of them for an election, and few otherwise.
func (s *schedule) record(m fabric.Moment) { s.write(m.String()) }

func (s *schedule) write(line string) {
	if s.err != nil {
		return
	}
	s.line = append(append(s.line[:0], line...), '\n')
	_, s.err = s.file.Write(s.line)
}

// closeSchedule tells what became of the schedules written and followed. The
// fabric is closed by now.
func (r *run) closeSchedule() {
	if s := r.schedule; s != nil {
		if err := s.file.Close(); s.err == nil {
			s.err = err
		}
		if s.err != nil {
			r.note("", "the message schedule is not whole: "+s.err.Error())
		}
	}
	if r.cfg.Schedule != nil && r.fabric != nil {
		f := r.fabric.Followed()
		r.followed = &f
		r.note("", "message schedule: "+f.String())
	}
}

// scheduling adds to the options of the run's fabric what schedules need. A
// frame waits as long as a timer may run at most: whoever stood before it in the
// schedule has stood by then.
func (r *run) scheduling(o *fabric.Options) {
	if r.schedule != nil {
		o.Record = r.schedule.record
		o.Follow, o.Patience = r.cfg.Schedule, 2*r.cfg.Election
	}
}
