package history

// Claim is what a member answered when the harness asked for its status: that it
// is ready for clients and, where it tells, its role and term. A member that
// answers the same again and again is quoted a few times a second.
//
// What a member says of its role is evidence of who led only if Atomic: elsewhere
// role and term may be those of two moments, and a new leader may name the term
// before its own.
type Claim struct {
	Node string `json:"node"`
	// Inc is the process that Node had when it was asked, counted from 1.
	Inc    uint64 `json:"inc,omitempty"`
	Role   string `json:"role,omitempty"`   // follower, candidate, leader; "" when it does not say
	Term   uint64 `json:"term,omitempty"`   // 0 when it does not say
	Leader string `json:"leader,omitempty"` // whom it names as leader
	// Atomic says that the target declares Role and Term to come from one instant of
	// the member's Raft state.
	Atomic bool `json:"atomic,omitempty"`
}

// Leads tells whether the member says that it leads a term.
func (c *Claim) Leads() bool { return c.Role == "leader" && c.Term > 0 }
