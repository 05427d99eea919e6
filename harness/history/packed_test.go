package history_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/history"
)

func TestPack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := filepath.Join(dir, "history.jsonl")
	require.NoError(t, os.WriteFile(plain, []byte(`{"n":0,"t":0,"run":{"what":"begin","format":1}}
{"n":1,"t":5,"run":{"what":"end"}}
`), 0o644))
	one, two, three := filepath.Join(dir, "1.gz"), filepath.Join(dir, "2.gz"), filepath.Join(dir, "3.gz")
	require.NoError(t, history.Pack(plain, one))
	require.NoError(t, history.Pack(one, two), "a packed one can be packed")
	a, err := os.ReadFile(one)
	require.NoError(t, err)
	b, err := os.ReadFile(two)
	require.NoError(t, err)
	require.Equal(t, a, b)
	require.ErrorIs(t, history.Pack(plain, one), os.ErrExist, "nothing is overwritten")
	require.ErrorContains(t, history.Pack(plain, filepath.Join(dir, "x")), "must end in .gz or .zst")
	small := filepath.Join(dir, "small.zst")
	require.NoError(t, history.Pack(one, small))
	back := filepath.Join(dir, "back.gz")
	require.NoError(t, history.Pack(small, back))
	c, err := os.ReadFile(back)
	require.NoError(t, err)
	require.Equal(t, a, c, "nothing is lost")
	require.ErrorIs(t, history.Pack(filepath.Join(dir, "nowhere"), three), os.ErrNotExist)

	h, err := history.Open(one)
	require.NoError(t, err)
	defer h.Close()
	n := 0
	for e, err := range h.Events() {
		require.NoError(t, err)
		require.Equal(t, uint64(n), e.Seq)
		n++
	}
	require.Equal(t, 2, n)

	text, err := os.ReadFile(plain)
	require.NoError(t, err)
	z, err := zstd.NewWriter(nil)
	require.NoError(t, err)
	other := filepath.Join(dir, "history.jsonl.zst")
	require.NoError(t, os.WriteFile(other, z.EncodeAll(text, nil), 0o644))
	as, err := history.Open(other)
	require.NoError(t, err)
	for _, err := range as.Events() {
		require.NoError(t, err)
		n--
	}
	require.Zero(t, n, "zstd is as good")
	require.NoError(t, as.Close())

	require.NoError(t, os.WriteFile(three, a[:len(a)-12], 0o644))
	torn, err := history.Open(three)
	require.NoError(t, err)
	defer torn.Close()
	var last error
	for _, err := range torn.Events() {
		last = err
	}
	require.ErrorContains(t, last, three)
	require.NoError(t, os.WriteFile(three, []byte("no gzip"), 0o644))
	_, err = history.Open(three)
	require.ErrorContains(t, err, three)
}

// What is compressed is told by its name: the error says so, rather than of a line that is
// no JSON.
func TestPackedUnderAPlainName(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	plain := filepath.Join(dir, "history.jsonl")
	require.NoError(t, os.WriteFile(plain, []byte(`{"n":0,"t":0,"run":{"what":"begin","format":1}}`+"\n"), 0o644))
	for _, end := range []string{".gz", ".zst"} {
		packed, misnamed := filepath.Join(dir, "packed"+end), filepath.Join(dir, end[1:], "history.jsonl")
		require.NoError(t, history.Pack(plain, packed))
		require.NoError(t, os.Mkdir(filepath.Dir(misnamed), 0o755))
		require.NoError(t, os.Rename(packed, misnamed))
		_, err := history.Open(misnamed)
		require.ErrorContains(t, err, misnamed)
		require.ErrorContains(t, err, "let its name end in "+end)
	}
}
