package serve

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"

	nights "github.com/usurper/usurper/harness/night/entry"
	"github.com/usurper/usurper/harness/night/morning"
)

// nightEvery is how often somebody who watches a night has its files looked at.
const nightEvery = time.Second

// sendChanges tells the page of a night that goes on, by server-sent events, that its files
// have changed, and in the end that it goes on no more.
func (s *Server) sendChanges(w http.ResponseWriter, r *http.Request) {
	dir, ok := s.night(w, r)
	if !ok {
		return
	}
	send, leave, ok := s.stream(w, r)
	if !ok {
		return
	}
	defer leave()
	look, beat := time.NewTicker(nightEvery), time.NewTicker(beatEvery)
	defer look.Stop()
	defer beat.Stop()
	state := ""
	for n := 0; ; {
		now, err := nightOf(s.root, dir)
		if !now.now {
			send(fmt.Sprintf("event: end\ndata: %d\n\n", n))
			return
		}
		if is := s.nightState(dir) + fmt.Sprint(err); is != state {
			state = is
			if n++; !send(fmt.Sprintf("data: %d\n\n", n)) {
				return
			}
		}
		select {
		case <-look.C:
		case <-beat.C:
			if !send(": still there\n\n") {
				return
			}
		case <-r.Context().Done():
			return
		case <-s.done:
			return
		}
	}
}

// night is the directory of the night that a request is about. If there is none it is
// answered.
func (s *Server) night(w http.ResponseWriter, r *http.Request) (dir string, ok bool) {
	if dir, ok = s.within(w, r); !ok {
		return dir, false
	}
	_, err := readDir(s.root, dir)
	if err == nil {
		if _, err = s.root.Lstat(path.Join(dir, nights.LogFile)); errors.Is(err, fs.ErrNotExist) {
			err = errNoNight
		}
	}
	if err != nil {
		s.failed(w, err)
	}
	return dir, err == nil
}

// nightState changes whenever what a night's page shows does.
func (s *Server) nightState(dir string) string {
	return s.stateOf(dir, morning.JSONFile, morning.SummaryFile)
}
