package cli

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cli/screen"
	"github.com/usurper/usurper/harness/text"
)

// However long a word is that somebody wrote, an error repeats its beginning.
func TestErrorsAreBrief(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, content string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
		return path
	}
	word := strings.Repeat("wörd", 1<<16)
	many := strings.Repeat("n1 ", 1<<16)
	for _, args := range [][]string{
		{"run", "--plan", file("fault.txt", "at 1s "+word)},
		{"run", "--plan", file("time.txt", "at "+word+" kill one")},
		{"run", "--plan", file("more.txt", "at 1s for 1s move-leader to "+many)},
		{"run", "--plan", file("class.txt", "at 1s for 1s delay "+word+" 5ms n1 > n2")},
		{"run", "--nodes", word},
		{"run", "--target", word},
		{"run", "--plan", word[:1<<10]},
		{"run", "--" + word},
		{"run", word},
		{"run", "--target", "exec", "--config", file("key.yaml", word+": 1\n")},
		{"run", "--target", "exec", "--config", file("value.yaml", "name: a\nnodes: "+word+"\n")},
		{"run", "--target", "exec", "--config", file("syntax.yaml", "name: ["+word+"\nb: c\n")},
		{"check", "--format", "jepsen", file("type.edn", "{:process 0 :type :"+word+" :f :read :value nil}")},
		{"check", "--format", "jepsen", file("f.edn", "{:process 0 :type :invoke :f :"+word+" :value nil}")},
		{word},
	} {
		var said bytes.Buffer
		require.Equal(t, screen.ExitUnknown, Main(t.Context(), args, Options{Stdout: &said, Stderr: &said}))
		longest := 0
		for _, w := range strings.Fields(said.String()) {
			longest = max(longest, len([]rune(w)))
		}
		require.LessOrEqual(t, longest, 4*text.Token+20, "%.60q: %.400s", args, said.String())
		require.Less(t, said.Len(), 4000, "%.60q: %.4000s", args, said.String())
		require.Contains(t, said.String(), "usurper: ")
	}
}
