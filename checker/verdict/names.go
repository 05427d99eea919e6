package verdict

import (
	"slices"
	"strings"
)

// Names numbers the names of members, of which there are few, from 0 on. The zero
// value is empty.
type Names struct {
	list []string
	last int
}

// ID returns the number of a name.
func (n *Names) ID(name string) uint16 {
	if n.last < len(n.list) && n.list[n.last] == name {
		return uint16(n.last)
	}
	n.last = slices.Index(n.list, name)
	if n.last < 0 {
		n.last = len(n.list)
		n.list = append(n.list, strings.Clone(name))
	}
	return uint16(n.last)
}

// Get returns the name of a number.
func (n *Names) Get(id uint16) string { return n.list[id] }
