package mutants

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/target/exec"
)

// systems are the files that describe one.
func systems(t *testing.T) subject {
	texts := make(map[string][]byte)
	text, err := os.ReadFile("../../examples/reference.yaml")
	require.NoError(t, err)
	texts["reference.yaml"] = text
	own := []mutator{
		{"a key that is none", broken, onKey(func(line []byte) [][]byte {
			return [][]byte{bytes.Replace(line, []byte(":"), []byte("x:"), 1)}
		})},
		{"a key twice", broken, onKey(func(line []byte) [][]byte { return [][]byte{line, line} })},
		{"a comment", kept, func(r *rand.Rand, text []byte) []byte {
			l := split(text)
			i := r.IntN(len(l))
			return append(l[:i:i], append(lines{[]byte("# why\n")}, l[i:]...)...).join()
		}},
		{"two documents", broken, func(_ *rand.Rand, text []byte) []byte { return append(text, "---\nname: other\n"...) }},
	}
	return subject{texts: texts, judge: judgeSystem, mutators: slices.Concat(anywhere(), own)}
}

// onKey changes a line that begins a part of the file.
func onKey(do func(line []byte) [][]byte) func(*rand.Rand, []byte) []byte {
	return func(r *rand.Rand, text []byte) []byte {
		l := split(text)
		i := l.pick(r, func(i int) bool {
			return len(l[i]) > 1 && l[i][0] >= 'a' && l[i][0] <= 'z' && bytes.Contains(l[i], []byte(": "))
		})
		return append(l[:i:i], append(do(l[i]), l[i+1:]...)...).join()
	}
}

func judgeSystem(t testing.TB, text []byte) (bool, error) {
	path := filepath.Join(t.TempDir(), "system.yaml")
	if err := os.WriteFile(path, text, 0o644); err != nil {
		return false, err
	}
	_, err := exec.Load(path)
	if err != nil {
		require.Contains(t, err.Error(), "system.yaml")
		return false, nil
	}
	return true, nil
}

// configurations are those of kept runs.
func configurations(t *testing.T) subject {
	const dir = "../../results/corpus/clean-register"
	text, err := os.ReadFile(filepath.Join(dir, results.ConfigFile))
	require.NoError(t, err)
	plan, err := os.ReadFile(filepath.Join(dir, results.PlanFile))
	require.NoError(t, err)
	field := func(name string, does meaning, do func(o map[string]json.RawMessage)) mutator {
		return mutator{name, does, func(_ *rand.Rand, text []byte) []byte {
			var o map[string]json.RawMessage
			if json.Unmarshal(text, &o) != nil {
				return nil
			}
			do(o)
			out, _ := json.MarshalIndent(o, "", "  ")
			return append(out, '\n')
		}}
	}
	set := func(key, value string) func(o map[string]json.RawMessage) {
		return func(o map[string]json.RawMessage) { o[key] = json.RawMessage(value) }
	}
	own := []mutator{
		field("fields in another order", kept, func(map[string]json.RawMessage) {}),
		field("no members", broken, set("nodes", "0")),
		field("too many members", broken, set("nodes", "99")),
		field("a number of members that is none", broken, set("nodes", `"three"`)),
		field("a later format", broken, set("format", "99")),
		field("a field that is none", broken, set("noodles", "3")),
	}
	return subject{
		texts: map[string][]byte{"config.json": text},
		judge: func(t testing.TB, text []byte) (bool, error) {
			run := t.TempDir()
			for name, b := range map[string][]byte{results.ConfigFile: text, results.PlanFile: plan, results.HistoryFile: nil} {
				if err := os.WriteFile(filepath.Join(run, name), b, 0o644); err != nil {
					return false, err
				}
			}
			opened, err := results.Open(run)
			if err != nil {
				return false, err
			}
			_, err = engine.Load(opened)
			return err == nil, nil
		},
		mutators: slices.Concat(anywhere(), own),
	}
}
