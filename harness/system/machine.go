package system

import (
	"context"
	"fmt"

	"github.com/usurper/usurper/harness/machine"
	"github.com/usurper/usurper/nemesis"
)

var _ nemesis.Machine = (*system)(nil)

// Constrain implements nemesis.Machine.
func (s *system) Constrain(ctx context.Context, node string, c nemesis.Constraint) (nemesis.Applied, error) {
	if s.machine == nil {
		return nil, fmt.Errorf("%s of %s: %w", c.Kind(), node, nemesis.ErrUnsupported)
	}
	to := machine.Constraint{CPU: c.CPU, Memory: c.Memory, Share: c.Share, Freeze: c.Freeze}
	if c.Clock != nil {
		to.Clock = &machine.Clock{Offset: c.Clock.Offset, Drift: c.Clock.Drift, Every: c.Clock.Every}
	}
	a, err := s.machine.Constrain(ctx, node, to)
	if err != nil {
		return nil, err
	}
	return &constrained{s, node, a}, nil
}

// constrained is a constraint in force at a member.
type constrained struct {
	s    *system
	node string
	*machine.Constrained
}

// Remove takes it out of force. Of a member whose process the kernel has killed for want
// of memory it counts that process among the evidence.
func (c *constrained) Remove(ctx context.Context) (map[string]int64, error) {
	evidence, err := c.Constrained.Remove(ctx)
	if evidence["oom-kills"] > 0 && !c.s.runs(c.node) {
		evidence[nemesis.PidsGone] = 1
	}
	return evidence, err
}

// Deafen implements nemesis.Machine.
func (s *system) Deafen(ctx context.Context, node string) (map[string]int64, error) {
	if s.machine == nil {
		return nil, fmt.Errorf("deaf %s: %w", node, nemesis.ErrUnsupported)
	}
	return s.machine.Deafen(ctx, node)
}
