package docs_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	target "github.com/usurper/usurper/harness/target/exec"
	"github.com/usurper/usurper/nemesis"
)

// Every Go file of the documents compiles in a module beside the project, and is
// formatted.
func TestGo(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "examples"))) // a module of its own
	vet := exec.Command("go", "vet", "./...")
	vet.Dir = dir
	out, err := vet.CombinedOutput()
	require.NoError(t, err, string(out))
	out, err = exec.Command("gofmt", "-l", dir).CombinedOutput()
	require.NoError(t, err)
	require.Empty(t, string(out))
}

// Every plan parses, alone and as a whole.
func TestPlans(t *testing.T) {
	t.Parallel()
	for _, b := range everyBlock(t) {
		if b.lang != "plan" {
			continue
		}
		plan, err := nemesis.Parse(b.document, strings.Repeat("\n", b.line)+b.text)
		require.NoError(t, err)
		require.NotEmpty(t, plan.Steps, "%s:%d", b.document, b.line)
	}
}

// Every description of a system is one.
func TestSystems(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	for _, b := range everyBlock(t) {
		if b.lang != "yaml" || strings.HasPrefix(b.word, ".") {
			continue
		}
		// Its program is built by the document; here any will do.
		program := filepath.Join(bin, "program")
		require.NoError(t, os.WriteFile(program, nil, 0o755))
		text := strings.Replace(b.text, "- ./store\n", "- "+program+"\n", 1)
		_, err := target.Parse(target.Options{Config: b.document, Text: text})
		require.NoError(t, err, "%s:%d", b.document, b.line)
	}
}

// workflow is what the test looks at in one of GitHub's.
type workflow struct {
	On   map[string]any
	Jobs map[string]struct {
		RunsOn string `yaml:"runs-on"`
		Steps  []struct {
			Name, ID, If, Uses, Run string
			Env, With               map[string]string
		}
	}
}

// Examples that call usurper, from the root.
const (
	shardsOnGitHub = "examples/nightly/github-actions.yaml"
	shardsOnSlurm  = "examples/nightly/slurm.sh"
)

func fileText(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(path)))
	require.NoError(t, err)
	return string(text)
}

// A workflow parses, and each of its steps runs something.
func TestWorkflows(t *testing.T) {
	t.Parallel()
	seen := 0
	for _, b := range append(everyBlock(t), block{document: shardsOnGitHub, word: ".github/workflows/", text: fileText(t, shardsOnGitHub)}) {
		if !strings.HasPrefix(b.word, ".github/workflows/") {
			continue
		}
		seen++
		var w workflow
		dec := yaml.NewDecoder(strings.NewReader(b.text))
		require.NoError(t, dec.Decode(&w), "%s:%d", b.document, b.line)
		require.NotEmpty(t, w.On)
		require.NotEmpty(t, w.Jobs)
		for name, job := range w.Jobs {
			require.NotEmpty(t, job.RunsOn, name)
			for _, s := range job.Steps {
				require.True(t, (s.Uses == "") != (s.Run == ""), "%s: %+v", name, s)
				if s.Uses != "" {
					require.Regexp(t, `^[a-z-]+(/[a-z-]+)+@v\d+$`, s.Uses)
					continue
				}
				out, err := exec.Command("bash", "-n", "-c", s.Run).CombinedOutput()
				require.NoError(t, err, string(out))
			}
		}
	}
	require.Positive(t, seen)
}

var (
	called   = regexp.MustCompile("(?:usurper|go run \\.) ([a-z]+)([^`|>&\n]*)")
	flagName = regexp.MustCompile(`--[a-z][a-z-]*`)
	span     = regexp.MustCompile("`[^`]+`")
)

// Every command of the documents, in blocks, in files and between words, names a
// subcommand that there is, with flags that it has.
func TestFlags(t *testing.T) {
	t.Parallel()
	help := make(map[string]string)
	check := func(where, text string) {
		text = strings.ReplaceAll(text, "\\\n", " ")
		for _, m := range called.FindAllStringSubmatch(text, -1) {
			sub := m[1]
			if words := strings.Fields(m[2]); sub == "findings" && len(words) > 0 && words[0][0] != '-' {
				sub += " " + words[0]
			}
			if _, ok := help[sub]; !ok {
				out, err := exec.Command("usurper", append(strings.Fields(sub), "--help")...).CombinedOutput()
				require.NoError(t, err, "%s: there is no usurper %s: %s", where, sub, out)
				help[sub] = string(out)
			}
			args, _, _ := strings.Cut(m[2], " #")
			for _, name := range flagName.FindAllString(args, -1) {
				if !slices.Contains(flagName.FindAllString(help[sub], -1), name) {
					t.Errorf("%s: usurper %s has no %s", where, sub, name)
				}
			}
		}
	}
	for _, path := range []string{shardsOnGitHub, shardsOnSlurm} {
		check(path, fileText(t, path))
	}
	for name, text := range documents(t) {
		all, prose := blocks(name, text)
		for _, b := range all {
			if slices.Contains([]string{"sh", "bash", "yaml"}, b.lang) {
				check(name, b.text)
			}
		}
		for _, s := range span.FindAllString(prose, -1) {
			if s = strings.Trim(s, "`"); strings.HasPrefix(s, "usurper ") || strings.HasPrefix(s, "go run . ") {
				check(name, s)
			}
		}
	}
}
