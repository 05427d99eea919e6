package mutants

import (
	"bytes"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/jepsen"
)

// foreign are histories of Jepsen's, one form a line.
func foreign(t *testing.T) subject {
	files, err := filepath.Glob("../jepsen/testdata/*-valid.edn")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	texts := make(map[string][]byte)
	for _, file := range files {
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		if !bytes.HasPrefix(text, []byte("[")) {
			texts[filepath.Base(file)] = text
		}
	}
	require.NotEmpty(t, texts)
	return subject{texts: texts, judge: judgeForeign, mutators: slices.Concat(anywhere(), inForms())}
}

func judgeForeign(t testing.TB, text []byte) (bool, error) {
	h, err := jepsen.New("history.edn", bytes.NewReader(text), jepsen.Options{})
	if err != nil {
		return false, nil
	}
	report, err := jepsen.Check(h, checker.Options{})
	return err == nil && report.Verdict == checker.Valid, nil
}

var (
	process   = regexp.MustCompile(`:process (\d+)`)
	readValue = regexp.MustCompile(`:f :read, :value \d+`)
)

func inForms() []mutator {
	is := func(word string) func(l lines, i int) bool {
		return func(l lines, i int) bool { return bytes.Contains(l[i], []byte(word)) }
	}
	on := func(name string, does meaning, ok func(l lines, i int) bool, do func(l lines, i int) lines) mutator {
		return mutator{name, does, func(r *rand.Rand, text []byte) []byte {
			l := split(text)
			i := l.pick(r, func(i int) bool { return ok(l, i) })
			if i < 0 {
				return nil
			}
			if l = do(l, i); l == nil {
				return nil
			}
			return l.join()
		}}
	}
	return []mutator{
		on("a question twice", broken, is(":type :invoke"), func(l lines, i int) lines { return l.twice(i) }),
		on("an answer twice", broken, is(":type :ok"), func(l lines, i int) lines { return l.twice(i) }),
		on("no question", broken, is(":type :invoke"), func(l lines, i int) lines { return l.without(i) }),
		on("an answer before its question", broken, is(":type :ok"), func(l lines, i int) lines {
			who := process.Find(l[i])
			for j := i - 1; j >= 0; j-- {
				if bytes.Equal(process.Find(l[j]), who) {
					return l.moved(i, j)
				}
			}
			return nil
		}),
		on("a value that nobody wrote was read", broken, func(l lines, i int) bool {
			return bytes.Contains(l[i], []byte(":type :ok")) && readValue.Match(l[i])
		}, func(l lines, i int) lines {
			l[i] = readValue.ReplaceAll(l[i], []byte(":f :read, :value 987654"))
			return l
		}),
		on("a type that is none", broken, is(":type :ok"), func(l lines, i int) lines {
			l[i] = bytes.Replace(l[i], []byte(":type :ok"), []byte(":type :okay"), 1)
			return l
		}),
		on("fields in another order", kept, is(":type :"), func(l lines, i int) lines {
			a, b := bytes.IndexByte(l[i], '{'), bytes.LastIndexByte(l[i], '}')
			fields := strings.Split(string(l[i][a+1:b]), ", ")
			at := slices.IndexFunc(fields, func(f string) bool { return strings.HasPrefix(f, ":f ") })
			if at < 1 {
				return nil
			}
			fields[0], fields[at] = fields[at], fields[0]
			l[i] = []byte(string(l[i][:a+1]) + strings.Join(fields, ", ") + string(l[i][b:]))
			return l
		}),
		on("a comment", kept, is(":type :"), func(l lines, i int) lines {
			l[i] = append([]byte("; why\n"), l[i]...)
			return l
		}),
	}
}
