package disk

import (
	"os"
	"path/filepath"
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

// A group's memory is what its limit leaves, with what is cached of files, and so is that of
// all groups above it. Of what a container does not see the uppermost is its own.
func TestAvailableMemory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, own string
		files     map[string]string
		want      int64
	}{
		{"a machine", "0::/\n", nil, 8000 << 10},
		{"no limit", "0::/a\n", map[string]string{"a/memory.max": "max", "a/memory.current": "5"}, 8000 << 10},
		{"its own", "0::/a/b\n", map[string]string{"a/b/memory.max": "1000", "a/b/memory.current": "900", "a/b/memory.stat": "anon 7\ninactive_file 300\n"}, 400},
		{"one above", "0::/a/b\n", map[string]string{"a/b/memory.max": "1000", "a/b/memory.current": "900", "a/memory.max": "800", "a/memory.current": "790"}, 10},
		{"more in use than it may", "0::/a\n", map[string]string{"a/memory.max": "800", "a/memory.current": "900"}, 0},
		{"the first version", "5:cpu:/x\n4:hugetlb,memory:/a\n0::/\n", map[string]string{"memory/a/memory.limit_in_bytes": "1000", "memory/a/memory.usage_in_bytes": "900", "memory/a/memory.stat": "inactive_file 1\ntotal_inactive_file 50\n"}, 150},
		{"a container", "4:memory:/docker/abc\n", map[string]string{"memory/memory.limit_in_bytes": "1000", "memory/memory.usage_in_bytes": "900"}, 100},
		{"limits of others", "0::/a\n", map[string]string{"b/memory.max": "1", "b/memory.current": "1"}, 8000 << 10},
	} {
		dir := t.TempDir()
		put := func(name, text string) {
			require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
		}
		put("proc/meminfo", "MemTotal: 9000 kB\nMemAvailable:    8000 kB\n")
		put("proc/self/cgroup", c.own)
		for name, text := range c.files {
			put("groups/"+name, text+"\n")
		}
		assert.Equal(t, c.want, availableMemory(dir+"/proc", dir+"/groups"), c.what)
	}
}
