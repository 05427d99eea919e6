package serve

import (
	"net/http"
	"time"
)

// patiently lets go of those who ask and then do not take the answer: each part of it must
// be taken within a time, so that nobody holds a file open, or a place among those who
// watch, for ever. However slow a line is, all of an answer passes as long as some of it
// does.
func (s *Server) patiently(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p := patient{w, http.NewResponseController(w), s.takeWithin}
		p.wait()
		next.ServeHTTP(p, r)
		p.wait() // what is left of it is sent now
	})
}

// patient is an answer of which each part has a time of its own. It has no ReadFrom: a file
// is copied in parts.
type patient struct {
	http.ResponseWriter
	control *http.ResponseController
	within  time.Duration
}

func (p patient) wait() {
	p.control.SetWriteDeadline(time.Now().Add(p.within)) // where there is none, who has gone ends it
}

func (p patient) Write(b []byte) (int, error) {
	const part = 64 << 10
	n := 0
	for {
		p.wait()
		m, err := p.ResponseWriter.Write(b[n:min(n+part, len(b))])
		if n += m; err != nil || n >= len(b) {
			return n, err
		}
	}
}

// FlushError sends what is written, and Unwrap is for a controller.
func (p patient) FlushError() error {
	p.wait()
	return p.control.Flush()
}

func (p patient) Unwrap() http.ResponseWriter { return p.ResponseWriter }
