package finding

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/usurper/usurper/checker/verdict"
)

// Mute is that a finding does not make a night fail for some time.
type Mute struct {
	Until string `json:"until"` // the last day of it, as 2006-01-02, where the night is
	Why   string `json:"why,omitempty"`
}

// day is how a mute writes its last day.
const day = time.DateOnly

// at tells whether the mute holds at some time.
func (m *Mute) at(now time.Time) bool { return m.Until >= now.Format(day) }

type label struct {
	Text string `json:"text"`
}

// said reads what people said of a finding.
func (s *Store) said(f *Finding, now time.Time, damaged func(string)) {
	var l label
	if err := read(s.path(f.folder, labelFile), &l); err == nil {
		f.Label = verdict.Printable(l.Text)
	} else if !errors.Is(err, fs.ErrNotExist) {
		damaged(err.Error())
	}
	var m Mute
	err := read(s.path(f.folder, muteFile), &m)
	if err == nil {
		_, err = time.Parse(day, m.Until)
		if err != nil {
			err = fmt.Errorf("%s: %w", s.path(f.folder, muteFile), err)
		}
	}
	if err == nil {
		m.Why = verdict.Printable(m.Why)
		f.Mute, f.Muted = &m, m.at(now)
	} else if !errors.Is(err, fs.ErrNotExist) {
		damaged(err.Error()) // and it is not muted
	}
}

// Label names a finding, in people's words; "" takes the name away. Findings that are
// known apart only by their smallest plan share it.
func (s *Store) Label(f *Finding, text string) error {
	if text == "" {
		return s.remove(f, labelFile)
	}
	return write(s.path(f.folder, labelFile), label{text})
}

// SetMute keeps a finding from failing nights until the end of a day, as 2006-01-02.
func (s *Store) SetMute(f *Finding, until, why string, now time.Time) error {
	m := Mute{until, why}
	if _, err := time.Parse(day, until); err != nil {
		return fmt.Errorf("%q is no day: write it as %s", until, now.AddDate(0, 0, 14).Format(day))
	}
	if !m.at(now) {
		return fmt.Errorf("%s is over: name a day to come", until)
	}
	return write(s.path(f.folder, muteFile), m)
}

// Unmute ends a mute.
func (s *Store) Unmute(f *Finding) error { return s.remove(f, muteFile) }

func (s *Store) remove(f *Finding, name string) error {
	if err := os.Remove(s.path(f.folder, name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("findings: %w", err)
	}
	return nil
}
