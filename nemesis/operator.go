package nemesis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// What administrators do to a member, as [System.Operate] knows it.
const (
	OpDefragment = "defragment"    // rewrite the database file without its holes
	OpCompact    = "compact"       // forget all revisions before the newest
	OpSnapshot   = "snapshot-save" // stream a copy of the whole state
	OpMoveLeader = "move-leader"   // pass the lead on; argument: to whom
	OpArm        = "arm"           // arguments: a failpoint and what happens there
	OpDisarm     = "disarm"        // argument: a failpoint
	OpRemove     = "remove"        // take the member out of the membership
	OpAdd        = "add"           // the member, which is down, becomes a new one with no data
)

// Operates tells whether a fault is what an administrator asks a member to do.
func Operates(f Fault) bool {
	switch f.(type) {
	case Operation, MoveLeader:
		return true
	}
	return false
}

// Operation is what an administrator does to single members while the system is
// at work: defragment, compact, snapshot-save. It is over when they have
// answered. Other steps go on meanwhile, so that a member may be killed in the
// midst of it: it bit if the member was at work on it by then, and is skipped if
// nobody knows that it was.
//
//	at 5s              defragment follower
//	at 5.005s  for 1s  kill same
type Operation struct {
	Name string
	Who  Target
}

// String is "defragment leader".
func (f Operation) String() string { return f.Name + " " + string(f.Who) }

// Span is Instant.
func (f Operation) Span() Span { return Instant }

// Check checks the target.
func (f Operation) Check(s Setting) error {
	if err := s.System.operates(f.Name); err != nil {
		return err
	}
	return checkAll(s, f.Who)
}

// Resolve names the targets; one of them at least must be running.
func (f Operation) Resolve(s *Scene) (Fault, error) {
	who, err := resolveRunning(s, f.Who)
	return Operation{f.Name, who}, err
}

// Inject carries the operation out on all targets at once.
func (f Operation) Inject(ctx context.Context, env *Env) (Injected, error) {
	done, err := env.operateAll(ctx, f.Who.words(), f.Name)
	if len(done) == 0 {
		return Injected{}, err
	}
	return over(merge(done), note(err)), nil
}

// MoveLeader asks the leader to pass the lead on.
type MoveLeader struct{ To Target }

// String is "move-leader to follower".
func (f MoveLeader) String() string { return "move-leader to " + string(f.To) }

// Span is Instant.
func (f MoveLeader) Span() Span { return Instant }

// Check checks the target.
func (f MoveLeader) Check(s Setting) error {
	if len(f.To.words()) > 1 {
		return fmt.Errorf("one member takes the lead, not %q", f.To)
	}
	if err := s.System.operates(OpMoveLeader); err != nil {
		return err
	}
	return checkAll(s, "leader", f.To)
}

// Resolve names who is to lead. There must be a leader, and it must be another.
func (f MoveLeader) Resolve(s *Scene) (Fault, error) {
	ends, err := s.Resolve("leader", f.To)
	if err != nil {
		return nil, err
	}
	switch to := ends[1].words(); {
	case len(to) != 1:
		return nil, fmt.Errorf("one member takes the lead, not %q", ends[1])
	case ends[0] == ends[1]:
		return nil, fmt.Errorf("%w: %s leads already", ErrNoTarget, ends[1])
	}
	s.struck = ends[0].words() // who is asked
	return MoveLeader{To: ends[1]}, nil
}

// Inject asks whoever leads now.
func (f MoveLeader) Inject(ctx context.Context, env *Env) (Injected, error) {
	leader := env.view.Roles().Leader
	if leader == "" {
		return Injected{}, errNoLeader
	}
	done, err := env.operateAll(ctx, []string{leader}, OpMoveLeader, string(f.To))
	if len(done) == 0 {
		return Injected{}, err
	}
	return over(done[leader], note(err)), nil
}

// over is a fault of span Instant that has done what it does.
func over(done Evidence, note string) Injected {
	return Injected{Heal: func(context.Context) (Evidence, error) { return done, nil }, Note: note}
}

// merge makes one of the evidence of several members, told apart by their names.
func merge(by map[string]Evidence) Evidence {
	out := make(Evidence)
	for node, e := range by {
		if len(by) == 1 {
			return e
		}
		for name, n := range e {
			out[node+" "+name] = n
		}
	}
	return out
}

// operateAll carries out an operation on several members at once and returns the
// evidence of those that did it, or were struck in the midst of it, and the errors of
// all that were not done. It waits for
// nobody's turn, since what it does may meet with anything else, and no longer
// than the patience.
func (e *Env) operateAll(ctx context.Context, nodes []string, operation string, args ...string) (map[string]Evidence, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, e.patience, fmt.Errorf("no answer within %s", e.patience))
	defer cancel()
	var (
		mu   sync.Mutex
		wg   sync.WaitGroup
		done = make(map[string]Evidence)
		errs = make([]error, len(nodes))
	)
	for i, n := range nodes {
		wg.Go(func() {
			errs[i] = guard(func() error {
				evidence, err := e.system.Operate(ctx, n, operation, args...)
				if err == nil || errors.Is(err, ErrStruck) {
					mu.Lock()
					defer mu.Unlock()
					done[n] = maps.Clone(evidence)
				}
				if err != nil {
					return operationError(ctx, n, operation, err)
				}
				return nil
			})
		})
	}
	wg.Wait()
	return done, errors.Join(errs...)
}

func operationError(ctx context.Context, node, operation string, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		err = fmt.Errorf("%w (%w)", cause, err)
	}
	return fmt.Errorf("%s %s: %w", operation, node, err)
}

func parseOperation(name string, r *reader) (Fault, error) {
	return Operation{Name: name, Who: r.target("|", ">", "<>")}, nil
}

func parseMoveLeader(_ string, r *reader) (Fault, error) {
	switch {
	case r.accept("to"):
		return MoveLeader{To: r.target("|", ">", "<>")}, nil
	case r.peek() == "":
		return MoveLeader{To: "follower"}, nil
	}
	return nil, fmt.Errorf("whom to? Not %q: for example %s", strings.Join(r.words, " "), exampleOf("move-leader"))
}

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
		if err == nil {
			return errIdle
		}
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
