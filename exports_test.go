package main

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	maxLines = 70 // of a function
	maxFiles = 25 // of a package, tests not counted
	fewFiles = 10 // so many files need no word about which to read first
)

// Every package says what it is for, a large one also what to read first, and
// every exported name says what it promises.
func TestExportsAreExplained(t *testing.T) {
	s := readSource(t)
	for folder, files := range s.folders {
		var comment string
		for _, f := range files {
			comment += f.Doc.Text()
		}
		switch {
		case comment == "":
			t.Errorf("package %s has no comment", folder)
		case len(files) > fewFiles && !strings.Contains(comment, ".go"):
			t.Errorf("the comment of package %s does not say which of its %d files to read first", folder, len(files))
		}
		for _, f := range files {
			for _, d := range f.Decls {
				for _, name := range unexplained(d) {
					t.Errorf("%s: %s has no comment", s.fset.Position(name.Pos()), name.Name)
				}
			}
		}
	}
}

// Functions and packages are of a size that one can have in one's head.
func TestSizes(t *testing.T) {
	s := readSource(t)
	for folder, files := range s.folders {
		if len(files) > maxFiles {
			t.Errorf("package %s has %d files, want %d at most: are there parts that need not know each other?", folder, len(files), maxFiles)
		}
		for _, f := range files {
			for _, d := range f.Decls {
				fn, ok := d.(*ast.FuncDecl)
				if !ok {
					continue
				}
				from, to := s.fset.Position(fn.Pos()), s.fset.Position(fn.End())
				if lines := to.Line - from.Line + 1; lines > maxLines {
					t.Errorf("%s: %s has %d lines, want %d at most", from, fn.Name.Name, lines, maxLines)
				}
			}
		}
	}
}

// unexplained returns the exported names of a declaration that no comment is
// about. That of a group is about all in it, that of a struct about its fields.
func unexplained(d ast.Decl) []*ast.Ident {
	var bare []*ast.Ident
	need := func(name *ast.Ident, comments ...*ast.CommentGroup) {
		if name.IsExported() && !slices.ContainsFunc(comments, func(c *ast.CommentGroup) bool { return c != nil }) {
			bare = append(bare, name)
		}
	}
	switch d := d.(type) {
	case *ast.FuncDecl:
		if d.Recv == nil || receiver(d.Recv.List[0].Type).IsExported() {
			need(d.Name, d.Doc)
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch spec := spec.(type) {
			case *ast.TypeSpec:
				need(spec.Name, d.Doc, spec.Doc, spec.Comment)
				if i, ok := spec.Type.(*ast.InterfaceType); ok && spec.Name.IsExported() {
					for _, m := range i.Methods.List {
						for _, name := range m.Names {
							need(name, m.Doc, m.Comment)
						}
					}
				}
			case *ast.ValueSpec:
				for _, name := range spec.Names {
					need(name, d.Doc, spec.Doc, spec.Comment)
				}
			}
		}
	}
	return bare
}

// receiver returns the name of the type of a method.
func receiver(e ast.Expr) *ast.Ident {
	for {
		switch x := e.(type) {
		case *ast.StarExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.IndexListExpr:
			e = x.X
		default:
			return x.(*ast.Ident)
		}
	}
}

// source is all Go files but tests, by folder.
type source struct {
	fset    *token.FileSet
	folders map[string][]*ast.File
}

func readSource(t *testing.T) source {
	t.Helper()
	s := source{fset: token.NewFileSet(), folders: make(map[string][]*ast.File)}
	err := fs.WalkDir(os.DirFS("."), ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := path != "." && strings.HasPrefix(d.Name(), ".")
			if hidden || d.Name() == "testdata" {
				return fs.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		f, err := parser.ParseFile(s.fset, path, nil, parser.ParseComments|parser.SkipObjectResolution)
		folder := filepath.Dir(path)
		s.folders[folder] = append(s.folders[folder], f)
		return err
	})
	require.NoError(t, err)
	require.Greater(t, len(s.folders), 20)
	return s
}
