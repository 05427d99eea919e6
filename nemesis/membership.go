package nemesis

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"
)

// membershipPatience bounds the return of a member. Systems refuse to add one
// until those that are left have been in touch for some time (etcd: 5 s).
const membershipPatience = 40 * time.Second

// Remove takes members out of the membership while they run, one after the other,
// and kills them. When it heals they come back as new members: under their old
// names and at their old addresses, with no data.
//
//	at 10s for 3s remove follower
type Remove struct{ Who Target }

// String is "remove follower".
func (f Remove) String() string { return "remove " + string(f.Who) }

// Span is Open.
func (f Remove) Span() Span { return Open }

// Check checks the target.
func (f Remove) Check(s Setting) error { return checkLeaving(s, "remove", f.Who) }

// Resolve names the targets; one of them at least must be running.
func (f Remove) Resolve(s *Scene) (Fault, error) {
	who, err := resolveRunning(s, f.Who)
	return Remove{Who: who}, err
}

// Inject removes those that run, as far as the system lets it.
func (f Remove) Inject(ctx context.Context, env *Env) (Injected, error) {
	return leave(ctx, env, f.Who.words(), env.Remove)
}

// Replace is what is done when a member's disk is lost: the member is killed,
// removed, and added again with no data, at once.
//
//	at 15s replace one
type Replace struct{ Who Target }

// String is "replace one".
func (f Replace) String() string { return "replace " + string(f.Who) }

// Span is Instant.
func (f Replace) Span() Span { return Instant }

// Check checks the target.
func (f Replace) Check(s Setting) error { return checkLeaving(s, "replace", f.Who) }

// Resolve names the targets; one of them at least must be running.
func (f Replace) Resolve(s *Scene) (Fault, error) {
	who, err := resolveRunning(s, f.Who)
	return Replace{Who: who}, err
}

// Inject kills and removes; its healing, which follows at once, adds.
func (f Replace) Inject(ctx context.Context, env *Env) (Injected, error) {
	return leave(ctx, env, f.Who.words(), env.KillAndRemove)
}

// checkLeaving makes sure that somebody stays.
func checkLeaving(s Setting, fault string, who Target) error {
	if err := s.System.leaves(fault); err != nil {
		return err
	}
	if len(s.Nodes) == 1 {
		return errors.New("there is one member only: nobody would be left to ask it back")
	}
	if slices.ContainsFunc(who.words(), func(w string) bool { return w == "all" || w == "*" }) {
		return errors.New("nobody would be left to ask them back: name fewer, such as minority")
	}
	return checkAll(s, who)
}

// leave removes each node and returns the fault that brings them back.
func leave(ctx context.Context, env *Env, nodes []string, remove func(context.Context, string) (Evidence, error)) (Injected, error) {
	gone := make(map[string]Evidence)
	var errs []error
	var served served
	for _, n := range nodes {
		evidence, err := remove(ctx, n)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		gone[n] = evidence
		served.add(env.Serves(ctx, n))
	}
	err := errors.Join(errs...)
	if len(gone) == 0 {
		return Injected{}, err
	}
	left := slices.Sorted(maps.Keys(gone))
	heal := func(ctx context.Context) (Evidence, error) {
		for ; len(left) > 0; left = left[1:] {
			added, err := env.Return(ctx, left[0])
			if err != nil {
				return served.in(merge(gone)), err
			}
			maps.Copy(gone[left[0]], added)
		}
		return served.in(merge(gone)), nil
	}
	return Injected{Heal: heal, Note: note(err), Found: served.String, Patience: membershipPatience}, nil
}

// Remove takes a running member out of the membership and kills it. If it fails,
// the member is as it was before, or is looked after at the end of the execution.
func (e *Env) Remove(ctx context.Context, node string) (Evidence, error) {
	return e.leave(ctx, node, false)
}

// KillAndRemove is Remove for a member that is dead when it is removed.
func (e *Env) KillAndRemove(ctx context.Context, node string) (Evidence, error) {
	return e.leave(ctx, node, true)
}

func (e *Env) leave(ctx context.Context, node string, killed bool) (evidence Evidence, err error) {
	err = e.act(ctx, node, func(ctx context.Context, m *member) error {
		if e.isDown(m) {
			return fmt.Errorf("%s %w", node, errDown)
		}
		if err := e.mayLeave(node); err != nil {
			return err
		}
		if killed {
			if _, err := e.kill(ctx, node, m); err != nil {
				return err
			}
		}
		evidence, err = e.system.Operate(ctx, node, OpRemove)
		if err != nil {
			return e.stays(ctx, node, m, err)
		}
		evidence = maps.Clone(evidence)
		e.set(func() { m.away = true })
		if killed {
			return nil
		}
		if _, err := e.kill(ctx, node, m); err != nil && !errors.Is(err, ErrGone) {
			return err
		}
		e.set(func() { m.down = true })
		return nil
	})
	if err != nil {
		return nil, e.settle(ctx, node, err)
	}
	return evidence, nil
}

// mayLeave refuses a removal after which too few would run, as far as faults know.
// What else keeps a system from losing its majority is for the system to say.
func (e *Env) mayLeave(node string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	members, running := 0, 0
	for n, m := range e.members {
		if m.away {
			continue
		}
		members++
		if n != node && !m.down && m.pauses == 0 {
			running++
		}
	}
	if running > members/2 {
		return nil
	}
	return fmt.Errorf("remove %s: %w: of %d members too few others run, %d", node, ErrRefused, members, running)
}

// stays ends a removal that failed. Unless it was refused it may have been done,
// or may be yet.
func (e *Env) stays(ctx context.Context, node string, m *member, failure error) error {
	failure = fmt.Errorf("remove %s: %w", node, failure)
	if !refused(failure) {
		e.set(func() { m.away = true })
		return failure
	}
	if !e.isDown(m) {
		return failure
	}
	if err := e.system.Start(ctx, node); err != nil {
		return errors.Join(failure, fmt.Errorf("start %s: %w", node, err))
	}
	e.set(func() { m.down = false })
	return failure
}

func refused(err error) bool { return errors.Is(err, ErrRefused) || errors.Is(err, ErrUnsupported) }

// settle makes a member whose removal failed for an unknown reason a member again.
func (e *Env) settle(ctx context.Context, node string, failure error) error {
	if !e.isAway(node) {
		return failure
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), membershipPatience)
	defer cancel()
	err := persist(ctx, func(ctx context.Context) error {
		_, err := e.Return(ctx, node)
		return err
	})
	return errors.Join(failure, err)
}

// Return makes sure that a member that was removed, or may have been, is a member
// and runs: as a new one, unless it turns out never to have left.
func (e *Env) Return(ctx context.Context, node string) (evidence Evidence, err error) {
	err = e.act(ctx, node, func(ctx context.Context, m *member) error {
		if !e.isAway(node) {
			return errIdle
		}
		if evidence, err = e.system.Operate(ctx, node, OpAdd); err != nil {
			return fmt.Errorf("add %s: %w", node, err)
		}
		e.set(func() {
			m.away, m.down = false, false
			if evidence["added"] > 0 {
				m.pauses, m.inc = 0, m.inc+1 // another process
			}
		})
		return nil
	})
	return evidence, err
}

func (e *Env) isAway(node string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	m := e.members[node]
	return m != nil && m.away
}

// anyAway tells whether a member has not come back.
func (e *Env) anyAway() bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, m := range e.members {
		if m.away {
			return true
		}
	}
	return false
}
