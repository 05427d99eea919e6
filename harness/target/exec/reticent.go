package exec

import "github.com/usurper/usurper/harness/target"

var _ target.Reticent = (*Target)(nil)

// TellsRoles tells whether the file says how members tell their roles.
func (t *Target) TellsRoles() bool { return t.c.role != nil }
