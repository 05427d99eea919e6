// Package docs_test holds the documents to what they say: commands end as they
// tell, snippets compile and parse, tables are those of the program, links lead
// somewhere.
//
// What is done with a block of code is told by the words after its opening fence:
//
//	sh             commands; TestCommands runs them in order, in a short form
//	sh slow        commands that build other systems or take minutes: scripts/docs
//	               runs them as they stand
//	sh setup       commands that depend on the reader's machine: run by nobody
//	go chaos/x.go  a file of that name, there when commands run; so yaml, plan, json, bash
//	plan           a plan, or steps of one
//	json           a line of a history, or with a name a file, as above
//	text           what commands print
//
// A command ends with status 0 unless its comment says "exit status 1" or such.
package docs_test

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// root is the folder of the project, as tests see it.
const root = ".."

// block is a block of code in a document.
type block struct {
	document string // from the root: README.md, docs/ci.md
	line     int    // of its opening fence
	lang     string
	word     string // the second word: a file, slow, setup
	text     string
}

// documents returns the text of every document by its path from the root.
func documents(t *testing.T) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	require.NoError(t, err)
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "DESIGN.md"} {
		paths = append(paths, filepath.Join(root, name))
	}
	all := make(map[string]string)
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		name, err := filepath.Rel(root, path)
		require.NoError(t, err)
		all[filepath.ToSlash(name)] = string(text)
	}
	return all
}

// blocks returns the blocks of code of a document, and the document without them.
func blocks(document, text string) (all []block, prose string) {
	var rest strings.Builder
	var b *block
	for i, line := range strings.SplitAfter(text, "\n") {
		info, fence := strings.CutPrefix(strings.TrimRight(line, "\n"), "```")
		switch {
		case fence && b == nil:
			b = &block{document: document, line: i + 1}
			b.lang, b.word, _ = strings.Cut(info, " ")
		case fence:
			all = append(all, *b)
			b = nil
		case b != nil:
			b.text += line
		default:
			rest.WriteString(line)
		}
	}
	return all, rest.String()
}

// everyBlock returns the blocks of all documents, in order of the documents' names.
func everyBlock(t *testing.T) []block {
	t.Helper()
	docs := documents(t)
	var all []block
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		found, _ := blocks(name, docs[name])
		all = append(all, found...)
	}
	return all
}

// Every block says what it is, so that none is left untested by oversight.
func TestBlocks(t *testing.T) {
	t.Parallel()
	for _, b := range everyBlock(t) {
		ok := false
		switch b.lang {
		case "sh":
			ok = slices.Contains([]string{"", "slow"}, b.word) || b.word == "setup" && !tried.MatchString(b.text)
		case "go", "yaml", "bash":
			ok = filepath.IsLocal(b.word)
		case "plan", "json":
			ok = b.word == "" || filepath.IsLocal(b.word)
		case "text":
			ok = b.word == ""
		}
		if !ok {
			t.Errorf("%s:%d: a block of %q %q: see the package comment for what there is", b.document, b.line, b.lang, b.word)
		}
	}
}

// tried matches the commands that a test or scripts/docs has to run.
var tried = regexp.MustCompile(`(?m)^(usurper|go run \.|go test) `)

// README is one screen and a half.
func TestReadmeIsShort(t *testing.T) {
	t.Parallel()
	require.LessOrEqual(t, strings.Count(documents(t)["README.md"], "\n"), 127)
}

var (
	link    = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*)$`)
	dropped = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// Links between documents lead to files, and to headings in them.
func TestLinks(t *testing.T) {
	t.Parallel()
	docs := documents(t)
	for name, text := range docs {
		_, prose := blocks(name, text)
		for _, m := range link.FindAllStringSubmatch(prose, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			to, anchor, _ := strings.Cut(m[1], "#")
			path := name
			if to != "" {
				path = filepath.ToSlash(filepath.Join(filepath.Dir(name), to))
			}
			if _, err := os.Stat(filepath.Join(root, path)); err != nil {
				t.Errorf("%s: %s leads nowhere: %v", name, m[1], err)
			} else if anchor != "" && !slices.Contains(anchors(docs[path]), anchor) {
				t.Errorf("%s: %s has no heading #%s: there are %q", name, path, anchor, anchors(docs[path]))
			}
		}
	}
}

// A source file is where those who work on the project are sent. (One without a
// folder stands beside another that has one.)
func TestFilesAreThere(t *testing.T) {
	t.Parallel()
	file := regexp.MustCompile("`((?:[a-z-]+/)+[a-z_]+\\.go)`")
	named := 0
	for _, name := range []string{"CONTRIBUTING.md", "DESIGN.md"} {
		for _, m := range file.FindAllStringSubmatch(documents(t)[name], -1) {
			named++
			if _, err := os.Stat(filepath.Join(root, m[1])); err != nil {
				t.Errorf("%s names %s: %v", name, m[1], err)
			}
		}
	}
	require.Greater(t, named, 20, "are files still written like that?")
}

// anchors lists the headings of a document as links name them.
func anchors(text string) []string {
	_, prose := blocks("", text)
	var all []string
	for _, m := range heading.FindAllStringSubmatch(prose, -1) {
		all = append(all, strings.ReplaceAll(dropped.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-"))
	}
	return all
}
