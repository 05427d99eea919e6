package serve

import (
	"archive/zip"
	"context"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path"
	"strings"
)

// sendZip sends a directory as a zip, while it is made. Links and what else is no file are
// left out; what cannot be read is named in a file of its own.
func (s *Server) sendZip(w http.ResponseWriter, r *http.Request) {
	dir, ok := s.within(w, r)
	if !ok {
		return
	}
	if _, err := readDir(s.root, dir); err != nil {
		s.failed(w, err)
		return
	}
	name := path.Base(dir)
	if dir == "." {
		name = "runs"
	}
	h := w.Header()
	h.Set("Content-Type", "application/zip")
	h.Set("Content-Disposition", `attachment; filename="`+fileName(name)+`.zip"`)
	if r.Method == http.MethodHead {
		return
	}
	z := zip.NewWriter(w)
	p := packer{ctx: r.Context(), root: s.root, zip: z, base: fileName(name)}
	p.add(dir, "", 0)
	if len(p.left) > 0 {
		if out, err := z.Create(p.base + "/left-out-of-zip.txt"); err == nil {
			io.WriteString(out, strings.Join(p.left, "\n")+"\n")
		}
	}
	if p.failed != nil { // a zip without its end is seen to be none
		panic(http.ErrAbortHandler)
	}
	z.Close()
}

type packer struct {
	ctx    context.Context
	root   *os.Root
	zip    *zip.Writer
	base   string
	left   []string
	failed error // of the connection
}

// add packs what is in a directory, which is at a path within the zip.
func (p *packer) add(dir, at string, depth int) {
	const deepest = 16
	list, err := readDir(p.root, dir)
	if err != nil || depth > deepest {
		p.left = append(p.left, word(path.Join(at, "."))+": cannot be read, or is too deep")
		return
	}
	for _, e := range list {
		if p.failed == nil {
			p.failed = p.ctx.Err()
		}
		if p.failed != nil {
			return
		}
		from, to := path.Join(dir, e.Name()), path.Join(at, e.Name())
		switch {
		case e.IsDir():
			p.add(from, to, depth+1)
		case e.Type().IsRegular():
			p.file(from, to)
		default:
			p.left = append(p.left, word(to)+": no regular file")
		}
	}
}

func (p *packer) file(from, to string) {
	f, info, err := open(p.root, from)
	if err != nil {
		p.left = append(p.left, word(to)+": cannot be read")
		return
	}
	defer f.Close()
	head := &zip.FileHeader{Name: p.base + "/" + safe(to), Method: zip.Deflate, Modified: info.ModTime()}
	if packed(to) {
		head.Method = zip.Store
	}
	head.SetMode(fs.FileMode(0o644))
	out, err := p.zip.CreateHeader(head)
	if err == nil {
		_, err = io.Copy(out, io.LimitReader(f, info.Size())) // what is written meanwhile is not in it
	}
	if err != nil {
		p.failed = err
	}
}

// safe is a name within a zip: some unpack programs take a backslash for a slash.
func safe(name string) string { return strings.ReplaceAll(strings.ToValidUTF8(name, "_"), `\`, "_") }

// fileName is a name that a header and all systems bear.
func fileName(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || strings.ContainsRune("-_.", r) {
			return r
		}
		return '_'
	}, s)
}
