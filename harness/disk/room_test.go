package disk

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRoom(t *testing.T) {
	t.Parallel()
	const gb = 1 << 30
	for _, c := range []struct {
		what                   string
		members                int
		asked, available, free int64
		size                   int64
		memory, otherwise      bool
	}{
		{what: "plenty", members: 3, available: 24 * gb, size: 1 * gb, memory: true},
		{what: "smaller ones fit", members: 3, available: 3 * gb, free: 100 * gb, size: 512 << 20, memory: true},
		{what: "memory does not do", members: 5, available: 2 * gb, free: 100 * gb, size: 1 * gb},
		{what: "nor does the disk", members: 5, available: 2 * gb, free: 2 * gb, otherwise: true},
		{what: "as large as asked for", members: 1, asked: 4 * gb, available: 24 * gb, size: 4 * gb, memory: true},
		{what: "asked for more than memory", members: 3, asked: 8 * gb, available: 24 * gb, free: 100 * gb, size: 8 * gb},
		{what: "asked for more than there is", members: 3, asked: 8 * gb, available: 24 * gb, free: 40 * gb, otherwise: true},
	} {
		r, err := roomFor(c.members, c.asked, c.available, c.free)
		if c.otherwise {
			assert.ErrorContains(t, err, "fit neither", c.what)
			continue
		}
		require.NoError(t, err, c.what)
		assert.Equal(t, c.size, r.size, c.what)
		assert.Equal(t, c.memory, r.memory, c.what)
		assert.NotEmpty(t, r.note, c.what)
	}
}
