package system

import (
	"context"
	"fmt"

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
		return nil, fmt.Errorf("%s has no disk of kind %s: %w", node, disk.FUSE, nemesis.ErrUnsupported)
	}
	a, err := d.Files().Apply(files.Rule{
		Action: files.Action(r.Action),
		Files:  target.DataFiles(s.target, r.Files),
		Delay:  r.Delay, Jitter: r.Jitter,
	})
	if err != nil {
		return nil, err
	}
	return meddled{s, node, a}, nil
}

// meddled is a rule in force at a member.
type meddled struct {
	s    *system
	node string
	a    *files.Applied
}

// Remove takes the rule out. That the member has no process any more is among the evidence.
func (m meddled) Remove(context.Context) (map[string]int64, error) {
	evidence := m.a.Remove()
	if len(m.s.cluster.Pids()[m.node]) == 0 {
		evidence[nemesis.PidsGone] = 1
	}
	return evidence, nil
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
	var done files.Damage
	if d, ok := s.disks[node].(disk.Faulty); ok {
		done, err = d.Files().Rot(rot)
	} else {
		err = disk.Aside(func() error {
			done, err = rot.Damage(m.DataDir)
			return err
		})
	}
	if err != nil {
		return nil, "", fmt.Errorf("rot of %s: %w", node, err)
	}
	return done.Evidence, done.Note, nil
}
