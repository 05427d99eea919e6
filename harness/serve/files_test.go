package serve

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The end of a log of 100 MB is sent without reading the rest.
func TestTail(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "one", "valid", "", "")
	path := filepath.Join(dir, "one", "nodes", "n1", "log")
	put(t, dir, "one/nodes/n1/log", "")
	const size = 100 << 20
	require.NoError(t, os.Truncate(path, size))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = f.WriteString("the last line\n")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	s := up(t, dir, Options{})
	require.Contains(t, s.ok("/files/one/nodes/n1"), "/file/one/nodes/n1/log?tail=65536")
	allocs := testing.AllocsPerRun(1, func() {
		text := s.ok("/file/one/nodes/n1/log?tail=14")
		require.Equal(t, "the last line\n", text)
	})
	require.Less(t, allocs, 10_000.0)
	require.Equal(t, "line\n", s.ok(fmt.Sprintf("/file/one/nodes/n1/log?from=%d", size+9)))
	require.Empty(t, s.ok(fmt.Sprintf("/file/one/nodes/n1/log?from=%d", size+1000)))
	for _, bad := range []string{"from=-1", "tail=x", "from=99999999999999999999"} {
		status, _, _ := s.get("/file/one/nodes/n1/log?" + bad)
		require.Equal(t, http.StatusBadRequest, status, bad)
	}
	r, err := http.NewRequest("GET", s.at+"/file/one/nodes/n1/log", nil)
	require.NoError(t, err)
	r.Header.Set("Range", "bytes=-5")
	answer, err := s.web.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, http.StatusPartialContent, answer.StatusCode)
	require.EqualValues(t, 5, answer.ContentLength)
}

func TestZip(t *testing.T) {
	dir := t.TempDir()
	run(t, dir, "one run", "valid", "", "")
	put(t, dir, `one run/a\..\b`, "backslash")
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "one run", "link")))
	s := up(t, dir, Options{})
	status, text, head := s.get("/zip/one%20run")
	require.Equal(t, http.StatusOK, status)
	require.Equal(t, `attachment; filename="one_run.zip"`, head.Get("Content-Disposition"))
	z, err := zip.NewReader(bytes.NewReader([]byte(text)), int64(len(text)))
	require.NoError(t, err)
	names := map[string]bool{}
	for _, f := range z.File {
		names[f.Name] = true
		require.True(t, strings.HasPrefix(f.Name, "one_run/") && !strings.Contains(f.Name, `\`), f.Name)
	}
	require.True(t, names["one_run/history.jsonl"] && names["one_run/verdict.json"] && names["one_run/left-out-of-zip.txt"])
	require.False(t, names["one_run/link"])
	f, err := z.Open("one_run/plan.txt")
	require.NoError(t, err)
	defer f.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(f)
	require.NoError(t, err)
	require.Equal(t, "at 1s kill n1\n", b.String())
}
