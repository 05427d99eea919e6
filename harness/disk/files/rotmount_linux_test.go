package files

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// What rots while the directory is mounted is seen there, whatever the kernel remembers
// and whatever rules say.
func TestRotThroughTheMount(t *testing.T) {
	d, dir, _ := mountHere(t, Options{})
	require.NoError(t, os.Mkdir(dir+"/wal", 0o755))
	name := dir + "/wal/0"
	require.NoError(t, os.WriteFile(name, []byte("content"), 0o644))
	require.Equal(t, "content", read(t, name))
	a := apply(t, d, Rule{Action: LostWrite})
	damage, err := d.Rot(Rot{How: Flip})
	require.NoError(t, err)
	require.Equal(t, "wal/0", damage.File)
	require.NotEqual(t, "content", read(t, name))
	_, err = d.Rot(Rot{How: Truncate})
	require.NoError(t, err)
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.Less(t, info.Size(), int64(7))
	require.Len(t, read(t, name), int(info.Size()))

	// Whoever goes through the mount is told.
	_, err = Rot{How: Flip}.Damage(dir)
	require.NoError(t, os.WriteFile(dir+"/more", nil, 0o644))
	if err == nil {
		require.NotEqual(t, int64(0), a.Remove()["writes-lost"])
	}
}
