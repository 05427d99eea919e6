package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The script for git bisect finds the commit from which backups answer from the past, and
// skips one that cannot be built.
func TestBisect(t *testing.T) {
	if !*slow {
		t.Skip("replays a run from every commit: scripts/docs does")
	}
	t.Parallel()
	r := newReader(t)
	repo := filepath.Join(r.dir, "repo")
	require.NoError(t, os.Mkdir(repo, 0o755))
	source, err := os.ReadFile(filepath.Join(r.dir, "store.go"))
	require.NoError(t, err)
	in := reader{repo, r.tmp}
	ok := func(command string) string {
		out, status := in.shell(t, repo, command)
		require.Zero(t, status, "%s\n%s", command, out)
		return out
	}
	ok("git init -q . && git config user.name tests && git config user.email tests@example.com && cp ../store.yaml . && printf 'store\nresults\n' > .gitignore")
	lazy := strings.Replace(string(source), `Bool("lazy", false`, `Bool("lazy", true`, 1)
	require.NotEqual(t, string(source), lazy)
	var bad string
	for _, c := range []struct{ name, text string }{
		{"good", string(source)},
		{"does not build", string(source) + "}\n"},
		{"still good", string(source) + "// as before\n"},
		{"bad", lazy},
		{"still bad", lazy + "// as before\n"},
	} {
		require.NoError(t, os.WriteFile(filepath.Join(repo, "store.go"), []byte(c.text), 0o644))
		ok("git add . && git commit -qm '" + c.name + "'")
		if c.name == "bad" {
			bad = strings.TrimSpace(ok("git rev-parse HEAD"))
		}
	}
	ok("go build -o store store.go")
	out, status := in.shell(t, repo, "usurper run --target exec --config store.yaml --for 20s --fail-fast --seed 1")
	require.Equal(t, 1, status, out)
	ok("cp -r $(readlink -f results/latest) ../found")
	ok("git bisect start HEAD HEAD~4")
	require.Contains(t, ok("git bisect run ../bisect.sh ../found"), bad+" is the first bad commit")
}

// The scripts of the documents are scripts.
func TestScripts(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, b := range everyBlock(t) {
		if b.lang != "bash" {
			continue
		}
		seen++
		out, err := exec.Command("bash", "-n", "-c", b.text).CombinedOutput()
		require.NoError(t, err, "%s:%d: %s", b.document, b.line, out)
	}
	require.Positive(t, seen)
}
