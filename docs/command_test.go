package docs_test

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/cli"
	"github.com/usurper/usurper/node"
)

// TestMain lets commands run this test binary as the command usurper.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"usurper": func() {
			os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Options{
				Stdout: os.Stdout,
				Stderr: os.Stderr,
				Node:   node.Command(),
			}))
		},
	})
}

var slow = flag.Bool("slow", false, "run the commands that build other systems or take minutes, as they stand, instead of the others")

// command is a line of a block of commands.
type command struct {
	block
	text   string // without its comment
	status int    // with which it ends, as the document says
}

var statusWord = regexp.MustCompile(`exit status (\d)`)

// commands returns the commands of a block of them. A backslash goes on in the
// next line.
func commands(b block) []command {
	var all []command
	for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", " ")) {
		text, comment, _ := strings.Cut(strings.TrimSpace(line), " #")
		if text == "" || strings.HasPrefix(text, "#") {
			continue
		}
		c := command{block: b, text: strings.TrimSpace(text)}
		if m := statusWord.FindStringSubmatch(comment); m != nil {
			c.status, _ = strconv.Atoi(m[1])
		}
		all = append(all, c)
	}
	return all
}

// The commands of every document do what it says, in a folder of its own that has
// the kept runs, the examples and all files that the documents show.
func TestCommands(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("runs clusters")
	}
	mode := map[bool]string{true: "slow"}[*slow]
	byDocument := make(map[string][]command)
	for _, b := range everyBlock(t) {
		if b.lang == "sh" && b.word == mode {
			byDocument[b.document] = append(byDocument[b.document], commands(b)...)
		}
	}
	require.NotEmpty(t, byDocument)
	// Clusters mostly wait: more of them than t.Parallel would allow fit side by side.
	slots := make(chan struct{}, map[bool]int{false: 4, true: 1}[*slow])
	var wg sync.WaitGroup
	names := slices.Sorted(maps.Keys(byDocument))
	for _, document := range slices.Backward(names) { // go-test.md, the longest, is among the first
		all := byDocument[document]
		slots <- struct{}{}
		wg.Go(func() {
			defer func() { <-slots }()
			t.Run(strings.TrimPrefix(document, "docs/"), func(t *testing.T) {
				r := newReader(t)
				for _, c := range all {
					r.run(t, c)
				}
			})
		})
	}
	wg.Wait()
}

// folder is where the reader is: a copy of the parts of a clone that commands
// name, with the files that the documents show, in a module beside the project.
func folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(filepath.Join(dir, "results", "corpus"), os.DirFS(filepath.Join(root, "results", "corpus"))))
	require.NoError(t, os.CopyFS(filepath.Join(dir, "examples"), os.DirFS(filepath.Join(root, "examples"))))
	writeModule(t, dir)
	for _, b := range everyBlock(t) {
		if b.lang == "sh" || b.word == "" {
			continue
		}
		path := filepath.Join(dir, filepath.FromSlash(b.word))
		require.NoFileExists(t, path, "%s:%d", b.document, b.line)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, []byte(b.text), 0o755))
	}
	return dir
}

// writeModule makes dir a module that uses the project, as one beside a clone does.
func writeModule(t *testing.T, dir string) {
	t.Helper()
	here, err := filepath.Abs(root)
	require.NoError(t, err)
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	require.NoError(t, err)
	const path = "github.com/usurper/usurper"
	text := strings.Replace(string(mod), "module "+path, "module example.com/my-store", 1) +
		"\nrequire " + path + " v0.0.0\n\nreplace " + path + " => " + strconv.Quote(here) + "\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.mod"), []byte(text), 0o644))
	sum, err := os.ReadFile(filepath.Join(root, "go.sum"))
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "go.sum"), sum, 0o644))
}

// reader runs the commands of a document one after the other.
type reader struct {
	dir string
	tmp string // for what commands leave in $TMPDIR, such as run directories of go test
}

func newReader(t *testing.T) reader {
	t.Helper()
	return reader{folder(t), t.TempDir()}
}

// A command may end with no verdict, as it does on a machine that stalls, or find
// nothing where it is to find something: it is then tried again, for so long or so
// often.
const (
	undecided = 3 * time.Minute
	tries     = 3 // of a slow one
)

func (r reader) run(t *testing.T, c command) {
	t.Helper()
	for word, tool := range map[string]string{"jq ": "jq", "redis.yaml": "redis-server"} {
		if _, err := exec.LookPath(tool); err != nil && strings.Contains(c.text, word) {
			t.Logf("%s:%d: %s: left out, since there is no %s here", c.document, c.line, c.text, tool)
			return
		}
	}
	begun := time.Now()
	for seed := 1; ; seed++ {
		text, dir, err := r.form(c, seed)
		require.NoError(t, err, "%s:%d", c.document, c.line)
		out, status := r.shell(t, dir, text)
		if status == c.status {
			t.Logf("%s:%d: %s (%.1fs)", c.document, c.line, text, time.Since(begun).Seconds())
			return
		}
		left := time.Since(begun) < undecided
		if *slow {
			left = seed < tries
		}
		if open := status == 2 || c.status == 1 && status == 0; !open || !left {
			t.Fatalf("%s:%d: %s: exit status %d, the document says %d\n%s", c.document, c.line, text, status, c.status, out)
		}
		r.forget(t, text)
	}
}

// forget removes the night of a name that a command has made, since one that has ended
// is not made again.
func (r reader) forget(t *testing.T, text string) {
	f := strings.Fields(text)
	after := func(flag string) string {
		if i := slices.Index(f, flag); i >= 0 && i+1 < len(f) {
			return f[i+1]
		}
		return ""
	}
	name, shard := after("--name"), after("--shard")
	if name == "" {
		return
	}
	if shard != "" {
		name += "-" + strings.ReplaceAll(shard, "/", "of")
	}
	require.NoError(t, os.RemoveAll(filepath.Join(r.dir, "results", "nightly", name)))
}

// form is the command as it is run, and where.
func (r reader) form(c command, seed int) (text, dir string, err error) {
	text = strings.ReplaceAll(c.text, "go run . ", "usurper ")
	dir = r.dirOf(text)
	if !*slow {
		text, err = shorten(text, seed)
	}
	return text, dir, err
}

// dirOf is where a command runs: go test of a package of the project, there.
func (r reader) dirOf(text string) string {
	f := strings.Fields(text)
	if len(f) > 2 && f[0] == "go" && f[1] == "test" {
		if _, err := os.Stat(filepath.Join(r.dir, f[2])); f[2] == "./..." || err != nil {
			return root
		}
	}
	return r.dir
}

func (r reader) shell(t *testing.T, dir, text string) (out string, status int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", "-o", "pipefail", "-c", text)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "TMPDIR="+r.tmp)
	var b bytes.Buffer
	cmd.Stdout, cmd.Stderr = &b, &b
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		require.NoError(t, err, text)
	}
	return b.String(), cmd.ProcessState.ExitCode()
}

// shorten gives a command flags that make it end soon.
func shorten(text string, seed int) (string, error) {
	f := strings.Fields(text)
	switch {
	case f[0] == "usurper" && len(f) > 1 && f[1] == "serve": // which goes on until an interrupt, here once it serves
		return insert(text, "--listen", "127.0.0.1:0") + ` >served & pid=$!
			until grep -q http:// served || ! kill -0 $pid; do sleep 0.1; done
			kill -INT $pid; wait $pid; status=$?; cat served; rm served; exit $status`, nil
	case f[0] == "usurper" && len(f) > 1:
		return insert(text, shortFlags(f[1], f, seed)...), nil
	case text == "go test ./...":
		return "go list ./...", nil // it is what runs this
	case strings.HasPrefix(text, "go test ./chaos "), strings.HasPrefix(text, "go test ./queue "):
		if slices.ContainsFunc(f, func(s string) bool { return strings.HasPrefix(s, "-chaos.for") }) {
			return insert(text, "-vet=off", "-chaos.for=1s"), nil
		}
		return insert(text, "-vet=off"), nil
	case strings.HasPrefix(text, "go test ") && len(f) == 5 && f[3] == "-run":
		// It is among the tests that run anyway.
		return "grep -h '^func Test.*" + f[4] + "' " + f[2] + "/*_test.go", nil
	case slices.Contains([]string{"go", "jq", "sed", "gzip"}, f[0]):
		return text, nil
	}
	return "", errors.New("no way to run " + strconv.Quote(text) + " in a test: put it into a block of sh slow or sh setup")
}

// shortFlags are the flags for a subcommand.
func shortFlags(sub string, words []string, seed int) []string {
	has := func(flag string) bool {
		return slices.ContainsFunc(words, func(w string) bool { return w == flag || strings.HasPrefix(w, flag+"=") })
	}
	switch sub {
	case "run":
		flags := []string{"--seed", strconv.Itoa(seed), "--rate", "100"}
		switch {
		case has("--plan"): // as long as the plan
		case has("--bug"), has("--fail-fast"):
			flags = append(flags, "--for", "20s", "--fail-fast", "--density", "3")
		default:
			flags = append(flags, "--for", "2s")
		}
		if !has("--target") {
			flags = append(flags, "--nodes", "3")
		}
		return flags
	case "nightly":
		if has("--name") { // its shards have one seed
			seed = 1
		}
		return []string{"--runs", "2", "--for", "2s", "--nodes", "3", "--rate", "100", "--seed", strconv.Itoa(seed)}
	case "replay":
		return []string{"--times", "1"}
	case "shrink":
		return []string{"--budget", "6s", "--measure", "2"}
	case "bugs":
		if !has("--list") {
			return []string{"--clean", "0", "--nodes", "3", "--rate", "100"}
		}
	}
	return nil
}

// insert adds flags to the first of piped commands.
func insert(text string, flags ...string) string {
	end := len(text)
	for _, next := range []string{" | ", " > ", " && "} {
		if i := strings.Index(text, next); i >= 0 {
			end = min(end, i)
		}
	}
	return strings.Join(append([]string{text[:end]}, flags...), " ") + text[end:]
}
