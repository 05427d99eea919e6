package serve

import (
	"errors"
	"io"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/results"
)

// Bounds of what is shown of a directory and of a file.
const (
	maxListed  = 2000
	reportHead = 64 << 10
	tailBytes  = 64 << 10 // of a log, unless a request says otherwise
	maxTail    = 16 << 20
)

// file is a line of a listing.
type file struct {
	Name       string
	Dir        bool
	Size       int64
	Changed    time.Time
	Link, Tail string
	Note       string
}

func (s *Server) showFiles(w http.ResponseWriter, r *http.Request) {
	dir, ok := s.within(w, r)
	if !ok {
		return
	}
	list, err := readDir(s.root, dir)
	if err != nil {
		s.failed(w, err)
		return
	}
	data := struct {
		Name, Path, Up, Still, Report string
		Run                           *entry
		Files                         []file
		More                          int
	}{Name: word(dir), Path: dir}
	if dir == "." {
		data.Name = word(path.Base(s.dir))
	} else {
		data.Up = path.Dir(dir)
	}
	if run, err := s.index.run(dir); err == nil {
		data.Run = run
		if text, err := head(s.root, path.Join(dir, results.ReportFile), reportHead); err == nil {
			data.Report = strings.ToValidUTF8(string(text), "\uFFFD")
		}
	}
	for i, e := range list {
		if i == maxListed {
			data.More = len(list) - i
			break
		}
		if e.Name() == results.StillFile && e.Type().IsRegular() {
			data.Still = path.Join(dir, results.StillFile)
		}
		data.Files = append(data.Files, s.listed(dir, e))
	}
	s.page(w, http.StatusOK, "files.html", data)
}

func (s *Server) listed(dir string, e fs.DirEntry) file {
	f := file{Name: word(e.Name()), Dir: e.IsDir()}
	if info, err := e.Info(); err == nil {
		f.Size, f.Changed = info.Size(), info.ModTime()
	}
	at := path.Join(dir, e.Name())
	switch {
	case !fs.ValidPath(at):
		f.Note = "its name is no UTF-8: only the zip has it"
	case e.IsDir():
		f.Name += "/"
		f.Link = link("files", at)
	case e.Type()&fs.ModeSymlink != 0:
		f.Note = "a link, which is not followed"
	case !e.Type().IsRegular():
		f.Note = "no regular file"
	default:
		f.Link = link("file", at)
		if f.Size > tailBytes && !packed(at) {
			f.Tail = f.Link + "?tail=" + strconv.Itoa(tailBytes)
		}
	}
	return f
}

// sendFile sends a file as text, whatever it is, so that no browser takes it for a page:
// all of it, the ranges that a client asks for, what is from a byte on (?from=), or its
// end (?tail=).
func (s *Server) sendFile(w http.ResponseWriter, r *http.Request) {
	name, ok := s.within(w, r)
	if !ok {
		return
	}
	if err := plain(s.root, path.Dir(name), path.Base(name)); err != nil {
		s.failed(w, err)
		return
	}
	f, info, err := open(s.root, name)
	if err != nil {
		s.failed(w, err)
		return
	}
	defer f.Close()
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox")
	h.Set("Content-Type", "text/plain; charset=utf-8")
	switch {
	case path.Base(name) == results.StillFile:
		h.Set("Content-Type", "image/svg+xml")
	case packed(name):
		h.Set("Content-Type", "application/octet-stream")
	}
	from, err := beginning(r, info.Size())
	if err != nil {
		s.problem(w, http.StatusBadRequest, err.Error())
		return
	}
	if from < 0 {
		http.ServeContent(w, r, "", info.ModTime(), f)
		return
	}
	h.Set("Content-Length", strconv.FormatInt(info.Size()-from, 10))
	h.Set("X-From", strconv.FormatInt(from, 10))
	h.Set("X-Size", strconv.FormatInt(info.Size(), 10))
	if r.Method != http.MethodHead {
		io.Copy(w, io.NewSectionReader(f, from, info.Size()-from)) // who has gone needs no answer
	}
}

// packed tells whether a file is compressed, by its name.
func packed(name string) bool {
	return strings.HasSuffix(name, ".gz") || strings.HasSuffix(name, ".zst")
}

// beginning is the byte from which a request wants a file, -1 for one that does not say.
func beginning(r *http.Request, size int64) (int64, error) {
	query := r.URL.Query()
	for _, name := range []string{"tail", "from"} {
		if !query.Has(name) {
			continue
		}
		n, err := strconv.ParseInt(query.Get(name), 10, 64)
		switch {
		case err != nil || n < 0:
			return 0, errors.New("?" + name + "= takes a number of bytes.")
		case name == "from":
			return min(n, size), nil
		}
		return size - min(n, size, maxTail), nil
	}
	return -1, nil
}
