package cluster

import (
	"context"
	"fmt"
	"os"
	"slices"
)

// Excuse says whether the member's process may end by itself from now on, and
// tell of it in its log, without that being held against it: because it is about
// to be removed, or has a failpoint that kills it. It applies to the process that
// the member has; those that Join starts are excused from the start.
func (c *Cluster) Excuse(name string, may bool) error {
	n, err := c.node(name)
	if err != nil {
		return err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.joining = n.joining && may
	if n.run != nil {
		n.run.excused.Store(may)
	}
	return nil
}

// Join starts a member that is down as a new one, with an empty data directory, of
// the running cluster whose members are named. Until it is no longer excused, later
// processes of it are excused as well: it may fail to come up.
func (c *Cluster) Join(ctx context.Context, name string, members []string) error {
	return c.begin(ctx, name, func(n *node) error {
		if n.run != nil {
			return ErrUp
		}
		if err := os.RemoveAll(n.member.DataDir); err != nil {
			return fmt.Errorf("cannot be emptied: %w", err)
		}
		if err := os.MkdirAll(n.member.DataDir, 0o755); err != nil {
			return fmt.Errorf("cannot be emptied: %w", err)
		}
		if c.o.Emptied != nil {
			if err := c.o.Emptied(name); err != nil {
				return fmt.Errorf("cannot be emptied: %w", err)
			}
		}
		n.member.Joins = slices.Clone(members)
		n.joining = true
		return n.startLocked()
	})
}
