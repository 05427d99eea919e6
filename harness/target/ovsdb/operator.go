package ovsdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/usurper/usurper/harness/target"
)

var _ target.Operator = (*Target)(nil)

// Operate has m write its file anew, which is both defragment and compact: what is left is
// a snapshot of the newest state, and a member that lacks what went before has to be sent
// one. All else is not offered: OVSDB moves no lead by an administrator's word.
func (t *Target) Operate(ctx context.Context, m target.Member, operation string, args ...string) (map[string]int64, error) {
	if operation != "defragment" && operation != "compact" || len(args) > 0 {
		return nil, fmt.Errorf("%s: ovsdb: %w", operation, target.ErrUnsupported)
	}
	evidence := map[string]int64{"db-bytes-before": size(m)}
	_, sent, err := administer(ctx, m, "ovsdb-server/compact", database)
	var refused *refusal
	switch {
	case err == nil:
		evidence["snapshots"], evidence["db-bytes-after"] = 1, size(m)
		return evidence, nil
	case errors.As(err, &refused): // such as a member whose file is a snapshot already
		return nil, fmt.Errorf("%s: %w: %v", operation, target.ErrRefused, err)
	case !sent:
		return nil, fmt.Errorf("%s: %w: %v", operation, target.ErrUnreached, err)
	}
	evidence["begun"], evidence["struck"] = 1, 1
	return evidence, fmt.Errorf("%s: %w: %v", operation, target.ErrStruck, err)
}

// size is that of m's file, 0 if it has none.
func size(m target.Member) int64 {
	info, err := os.Stat(filepath.Join(m.DataDir, databaseFile))
	if err != nil {
		return 0
	}
	return info.Size()
}
