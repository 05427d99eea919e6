package files

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// tree is a directory with files.
func tree(t *testing.T, contents map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range contents {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o644))
	}
	return dir
}

// list reads the directory.
func list(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := make(map[string]string)
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.Type().IsRegular() {
			name, _ := filepath.Rel(dir, path)
			b, err := os.ReadFile(path)
			all[name] = string(b)
			return err
		}
		return err
	}))
	return all
}

func read(t *testing.T, name string) string {
	t.Helper()
	b, err := os.ReadFile(name)
	require.NoError(t, err)
	return string(b)
}

func TestRot(t *testing.T) {
	full := strings.Repeat("data", 3000)
	before := map[string]string{
		"wal/0.wal":    full + strings.Repeat("\x00", 20000), // preallocated
		"wal/1.wal":    strings.Repeat("\x00", 9000),         // in full
		"wal/2.wal":    "",
		"snap/0.snap":  full,
		"other/0.wals": full,
	}
	seen := map[string]int{}
	for seed := range uint64(60) {
		for _, how := range []string{Flip, Zero, Truncate, ""} {
			dir := tree(t, before)
			d, err := Rot{How: how, Files: []string{"*.wal"}, Seed: seed}.Damage(dir)
			require.NoError(t, err)
			require.Equal(t, "wal/0.wal", d.File)
			require.Contains(t, d.Note, "wal/0.wal: ")
			after := list(t, dir)
			now, old := after[d.File], before[d.File]
			delete(after, d.File)
			for name, content := range after {
				require.Equal(t, before[name], content)
			}
			var different []int
			for i := range now {
				if now[i] != old[i] {
					different = append(different, i)
				}
			}
			for kind, n := range d.Evidence {
				seen[how+" "+kind]++
				switch kind {
				case "bytes-flipped":
					require.EqualValues(t, 1, n)
					require.Len(t, different, 1)
					require.Less(t, different[0], len(full))
					require.Len(t, now, len(old))
					require.Equal(t, fullFrom(now, (different[0]/sectorSize+1)*sectorSize), d.Evidence[bytesAfter])
				case "blocks-zeroed":
					require.EqualValues(t, 1, n)
					require.NotEmpty(t, different)
					require.Len(t, now, len(old))
					off := different[0] / blockSize * blockSize
					require.True(t, bytes.Equal(make([]byte, blockSize), []byte(now[off:off+blockSize])))
					require.Equal(t, fullFrom(now, off+blockSize), d.Evidence[bytesAfter])
				case "bytes-cut":
					require.EqualValues(t, len(old)-len(now), n)
					require.Empty(t, different)
					require.True(t, len(full)/2 <= len(now) && len(now) < len(full), "%d", len(now))
				}
			}
			again, err := Rot{How: how, Files: []string{"*.wal"}, Seed: seed}.Damage(tree(t, before))
			require.NoError(t, err)
			require.Equal(t, d, again, "one seed, one damage")
		}
	}
	require.Equal(t, 60, seen[Flip+" bytes-flipped"])
	require.Equal(t, 60, seen[Zero+" blocks-zeroed"])
	require.Equal(t, 60, seen[Truncate+" bytes-cut"])
	for _, kind := range []string{"bytes-flipped", "blocks-zeroed", "bytes-cut"} {
		require.NotZero(t, seen[" "+kind], "drawn")
	}
}

// fullFrom counts what is not zero of a file from off on.
func fullFrom(content string, off int) int64 {
	rest := content[min(off, len(content)):]
	return int64(len(rest) - strings.Count(rest, "\x00"))
}

// Files of zeros, links out of the directory and what is not there are left alone.
func TestRotOfNothing(t *testing.T) {
	outside := tree(t, map[string]string{"secret.wal": "secret"})
	dir := tree(t, map[string]string{"0.wal": "\x00\x00", "1.wal": "", "db": "data"})
	require.NoError(t, os.Symlink(outside+"/secret.wal", dir+"/2.wal"))
	require.NoError(t, os.Symlink(outside, dir+"/more"))
	_, err := Rot{Files: []string{"*.wal"}}.Damage(dir)
	require.ErrorIs(t, err, ErrNothing)
	require.ErrorContains(t, err, "*.wal")
	require.Equal(t, "secret", read(t, outside+"/secret.wal"))
	d, err := Rot{}.Damage(dir)
	require.NoError(t, err)
	require.Equal(t, "db", d.File)

	_, err = Rot{How: "melt"}.Damage(dir)
	require.ErrorContains(t, err, "melt")
	_, err = Rot{Files: []string{"["}}.Damage(dir)
	require.Error(t, err)
	_, err = Rot{}.Damage(dir + "/none")
	require.ErrorIs(t, err, fs.ErrNotExist)
}
