package system

import (
	"context"
	"errors"
	"fmt"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/disk"
	"github.com/usurper/usurper/harness/disk/files"
	"github.com/usurper/usurper/harness/target"
	"github.com/usurper/usurper/nemesis"
)

var _ nemesis.Storage = (*system)(nil)

// Meddle implements nemesis.Storage.
func (s *system) Meddle(_ context.Context, node string, r nemesis.FileRule) (nemesis.Applied, error) {
	d, ok := s.disks[node].(disk.Faulty)
	if !ok {
		return nil, fmt.Errorf("%s has no disk of its own that fails: %w", node, nemesis.ErrUnsupported)
	}
	a, err := d.Apply(files.Rule{
		Action: files.Action(r.Action),
		Files:  target.DataFiles(s.target, r.Files),
		Delay:  r.Delay, Jitter: r.Jitter,
	})
	if errors.Is(err, disk.ErrUnsupported) {
		err = means(err, nemesis.ErrUnsupported)
	}
	if err != nil {
		return nil, err
	}
	return &meddled{s: s, node: node, disk: d, a: a}, nil
}

// meddled is a rule in force at a member.
type meddled struct {
	s      *system
	node   string
	disk   disk.Faulty
	a      disk.Applied
	broken int64 // how often its file system had to be brought back
}

// fileSystemsBroken counts those that a fault of their disk had taken out of service.
const fileSystemsBroken = "file-systems-broken"

// Remove takes the rule out. A file system that is out of service by then comes back, for
// which whoever uses it has to go. That the member has no process any more is among the evidence.
func (m *meddled) Remove(ctx context.Context) (map[string]int64, error) {
	evidence := m.a.Remove()
	if evidence == nil {
		evidence = make(map[string]int64)
	}
	if m.disk.Broken() != nil {
		m.broken++
		if err := m.s.repair(ctx, m.node, m.disk); err != nil {
			return nil, err
		}
	}
	if m.broken > 0 {
		evidence[fileSystemsBroken] = m.broken
	}
	if len(m.s.cluster.Pids()[m.node]) == 0 {
		evidence[nemesis.PidsGone] = 1
	}
	return evidence, nil
}

// repair ends a member and brings its file system back.
func (s *system) repair(ctx context.Context, node string, d disk.Faulty) error {
	defer d.Calm()()
	_, err := s.cluster.PowerOff(ctx, []string{node}, cluster.Failure{
		Cut: func() error { return nil },
		Restore: func(string) error {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), restoreLimit)
			defer cancel()
			err := d.Repair(ctx)
			if err == nil {
				return nil
			}
			return s.spoil(node, fmt.Errorf("the disk of %s did not come back after it had failed, which is no fault of the system: %w", node, err))
		},
	})
	return err
}

// Rot implements nemesis.Storage.
func (s *system) Rot(_ context.Context, node string, r nemesis.FileRot) (map[string]int64, string, error) {
	m, err := s.cluster.Member(node)
	if err != nil {
		return nil, "", err
	}
	if pids := s.cluster.Pids()[node]; len(pids) > 0 {
		return nil, "", fmt.Errorf("%s runs, as %v: kill it before its files rot: %w", node, pids, nemesis.ErrRefused)
	}
	rot := files.Rot{How: r.How, Files: target.DataFiles(s.target, r.Files), Seed: r.Seed}
	damage := func(rot files.Rot) (files.Damage, error) { return rot.Damage(m.DataDir) }
	if d, ok := s.disks[node].(disk.Faulty); ok {
		damage = d.Rot
	}
	done, err := damage(rot)
	if err != nil {
		return nil, "", fmt.Errorf("rot of %s: %w", node, err)
	}
	return done.Evidence, done.Note, nil
}
