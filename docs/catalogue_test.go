package docs_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/night/coverage"
	"github.com/usurper/usurper/harness/scenario"
	"github.com/usurper/usurper/harness/target/etcd"
	"github.com/usurper/usurper/harness/target/reference"
	"github.com/usurper/usurper/nemesis"
)

var update = flag.Bool("update", false, "write the catalogues of the program into the documents anew")

// catalogues are the parts of documents that the program knows better. In a
// document they stand between <!-- NAME --> and <!-- end -->.
func catalogues() map[string]string {
	return map[string]string{
		"words":      words(nemesis.Words()),
		"triggers":   words(nemesis.Triggers()),
		"faults":     faults(),
		"scenarios":  scenarios(),
		"themes":     themes(),
		"situations": situations(),
		"classes": fmt.Sprintf("| target | classes |\n|---|---|\n| reference | %s |\n| etcd | %s |\n",
			code((&reference.Target{}).Protocol().Classes()), code((&etcd.Target{}).Protocol().Classes())),
	}
}

func code(words []string) string { return "`" + strings.Join(words, "`, `") + "`" }

func words(all []nemesis.Word) string {
	var b strings.Builder
	b.WriteString("| word | meaning |\n|---|---|\n")
	for _, w := range all {
		fmt.Fprintf(&b, "| `%s` | %s |\n", w.Name, w.Help)
	}
	return b.String()
}

// faults is a plan of all of them, each with what it does.
func faults() string {
	var b strings.Builder
	b.WriteString("```plan\n")
	for i, e := range nemesis.Catalog() {
		if i > 0 {
			b.WriteString("\n")
		}
		fmt.Fprintf(&b, "# %s: %s\n%s\n", e.Name, e.Short, e.Example)
	}
	b.WriteString("```\n")
	return b.String()
}

func themes() string {
	var b strings.Builder
	b.WriteString("| theme | what a random plan is about |\n|---|---|\n")
	for _, t := range nemesis.Themes() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", t.Name, t.Short)
	}
	return b.String()
}

func situations() string {
	var b strings.Builder
	b.WriteString("| situation | counts as seen when |\n|---|---|\n")
	for _, s := range coverage.Situations() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", s.Name, s.Short)
	}
	return b.String()
}

func scenarios() string {
	var b strings.Builder
	b.WriteString("| scenario | members | takes | what it shows |\n|---|---|---|---|\n")
	for _, s := range scenario.All() {
		fmt.Fprintf(&b, "| `%s` | %d | %s | %s |\n", s.Name, s.Nodes, s.For, s.Short)
	}
	return b.String()
}

var catalogue = regexp.MustCompile(`(?s)<!-- ([a-z]+) -->\n.*?<!-- end -->`)

// The documents list what the program knows: go test ./docs -run Catalogues -update
// writes it anew.
func TestCatalogues(t *testing.T) {
	t.Parallel()
	left := catalogues()
	for name, text := range documents(t) {
		want := catalogue.ReplaceAllStringFunc(text, func(old string) string {
			key := catalogue.FindStringSubmatch(old)[1]
			list, ok := catalogues()[key]
			require.True(t, ok, "%s: no catalogue %s", name, key)
			delete(left, key)
			return "<!-- " + key + " -->\n" + list + "<!-- end -->"
		})
		if *update {
			if want != text {
				require.NoError(t, os.WriteFile(filepath.Join(root, name), []byte(want), 0o644))
			}
			continue
		}
		require.Equal(t, want, text, "%s is out of date: go test ./docs -run Catalogues -update", name)
	}
	require.Empty(t, left, "these catalogues stand in no document")
}
