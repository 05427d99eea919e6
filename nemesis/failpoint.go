package nemesis

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"
)

// Failpoint makes members stop for a while or end where their code has a
// failpoint, if they were built with any (gofail). It is skipped if they were not.
//
//	at 5s for 3s failpoint raftBeforeSave panic at leader
//	at 9s for 3s failpoint beforeCommit sleep(50ms) at one
//
// A member that ends so is started again when the fault heals. Until then no end
// of its process, and no panic in its log, is held against it.
type Failpoint struct {
	Name  string
	Sleep time.Duration // how long each passage takes; 0: the member panics
	Who   Target
}

// failpointName is what a failpoint looks like; some are behind the path of their
// package.
var failpointName = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_./-]*$`)

// sleepAction is sleep(50ms).
var sleepAction = regexp.MustCompile(`^sleep\((.+)\)$`)

// String is "failpoint beforeCommit sleep(50ms) at one".
func (f Failpoint) String() string {
	return fmt.Sprintf("failpoint %s %s at %s", f.Name, f.action(), f.Who)
}

// action is what happens at the failpoint, as plans have it.
func (f Failpoint) action() string {
	if f.Sleep == 0 {
		return "panic"
	}
	return "sleep(" + formatTime(f.Sleep) + ")"
}

// Span is Open.
func (f Failpoint) Span() Span { return Open }

// Check checks name, time and target. Whether there is such a failpoint is for
// the member to say, unless its binary shows before that there is none.
func (f Failpoint) Check(s Setting) error {
	switch {
	case !failpointName.MatchString(f.Name):
		return fmt.Errorf("%q is no failpoint: for example %s", f.Name, exampleOf("failpoint"))
	case f.Sleep < 0 || f.Sleep%time.Millisecond != 0:
		return fmt.Errorf("sleep(%s): write whole milliseconds", formatTime(f.Sleep))
	}
	if err := s.System.operates("failpoint"); err != nil {
		return err
	}
	if err := s.System.hasFailpoint(f.Name); err != nil {
		return err
	}
	return checkAll(s, f.Who)
}

// Resolve names the targets; one of them at least must be running.
func (f Failpoint) Resolve(s *Scene) (Fault, error) {
	var err error
	f.Who, err = resolveRunning(s, f.Who)
	return f, err
}

// Inject arms the failpoint.
func (f Failpoint) Inject(ctx context.Context, env *Env) (Injected, error) {
	armed, err := env.operateAll(ctx, f.Who.words(), OpArm, f.Name, f.action())
	if len(armed) == 0 {
		return Injected{}, err
	}
	done := Evidence{"passages": 0, PidsGone: 0}
	var left []string
	for n := range armed {
		left = append(left, n)
	}
	slices.Sort(left)
	heal := func(ctx context.Context) (Evidence, error) {
		for len(left) > 0 {
			evidence, err := env.Disarm(ctx, left[0], f.Name)
			if err != nil {
				return done, err
			}
			for name, n := range evidence {
				done[name] += n
			}
			left = left[1:]
		}
		return done, nil
	}
	return Injected{Heal: heal, Note: note(err)}, nil
}

// Disarm takes a failpoint out of a member and starts the member if it has ended
// there. It reports both.
func (e *Env) Disarm(ctx context.Context, node, failpoint string) (evidence Evidence, err error) {
	err = e.act(ctx, node, func(ctx context.Context, m *member) error {
		if e.isDown(m) {
			return errIdle // another fault killed it, and the failpoint with it
		}
		evidence, err = e.system.Operate(ctx, node, OpDisarm, failpoint)
		if errors.Is(err, ErrGone) {
			evidence = Evidence{PidsGone: 1}
			e.set(func() { m.pauses, m.inc = 0, m.inc+1 })
			e.view.gone(node)
			err = e.system.Start(ctx, node)
		}
		if err != nil {
			return fmt.Errorf("disarm %s at %s: %w", failpoint, node, err)
		}
		return nil
	})
	return evidence, err
}

func parseFailpoint(_ string, r *reader) (Fault, error) {
	f := Failpoint{Name: r.next()}
	switch action := r.next(); {
	case action == "panic":
	case sleepAction.MatchString(action):
		var err error
		if f.Sleep, err = parseTime(sleepAction.FindStringSubmatch(action)[1]); err != nil {
			return nil, err
		}
		if f.Sleep < time.Millisecond {
			return nil, fmt.Errorf("%s: write 1ms or more", action)
		}
	default:
		return nil, fmt.Errorf("%q is neither panic nor sleep(TIME): for example %s", action, exampleOf("failpoint"))
	}
	if !r.accept("at") {
		return nil, fmt.Errorf("at whom? For example %s", exampleOf("failpoint"))
	}
	f.Who = r.target("|", ">", "<>")
	return f, nil
}
