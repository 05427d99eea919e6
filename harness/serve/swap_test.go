package serve

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/results"
)

// outside makes a directory with one run, and beside it a run that nobody may see, which
// its member's name gives away.
func outside(t *testing.T) (dir, secret string) {
	base := t.TempDir()
	dir, secret = filepath.Join(base, "runs"), filepath.Join(base, "elsewhere")
	run(t, dir, "one", "valid", "", "")
	put(t, base, "elsewhere/history.jsonl", `{"n":0,"t":0,"run":{"what":"begin","format":1,"nodes":["secret"],"workload":"register"}}`+"\n")
	for _, name := range []string{results.ConfigFile, results.PlanFile, results.ExecutedFile, results.VerdictFile} {
		put(t, base, "elsewhere/"+name, `{"command":["secret"],"build":{"usurper":"secret"},"verdict":"secret"}`)
	}
	return dir, secret
}

// Links that come after the look at a run's files lead nowhere: each file alone, all of
// them, and the directory.
func TestLinksAfterTheLook(t *testing.T) {
	dir, secret := outside(t)
	s := up(t, dir, Options{})
	files, err := os.ReadDir(secret)
	require.NoError(t, err)
	for _, f := range files {
		for _, to := range []string{filepath.Join(secret, f.Name()), "../../elsewhere/" + f.Name()} {
			os.Remove(filepath.Join(dir, "one", f.Name()))
			require.NoError(t, os.Symlink(to, filepath.Join(dir, "one", f.Name())))
			text, err := s.s.drawing("one")
			require.NotContains(t, string(text), "secret", f.Name())
			require.False(t, err != nil && len(text) > 0)
		}
	}
	_, err = s.s.drawing("one")
	require.Error(t, err, "its history leads out")
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "one")))
	require.NoError(t, os.Symlink(secret, filepath.Join(dir, "one")))
	_, err = s.s.drawing("one")
	require.Error(t, err)
}

// … nor do they when they come and go at any moment.
func TestLinksComeAndGo(t *testing.T) {
	dir, secret := outside(t)
	s := up(t, dir, Options{})
	real, link := filepath.Join(dir, "real"), filepath.Join(dir, "one")
	require.NoError(t, os.Rename(link, real))
	stop := make(chan struct{})
	var wg sync.WaitGroup
	defer wg.Wait()
	defer close(stop)
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
			}
			os.Rename(real, link)
			os.Rename(link, real)
			os.Symlink(secret, link)
			os.Remove(link)
		}
	})
	const least, most, enough = 10, 300, 5 * time.Second // of rounds; on a busy machine each is slow
	for n, begin := 0, time.Now(); n < least || n < most && time.Since(begin) < enough; n++ {
		for _, kind := range []string{"picture", "files", "file", "events"} {
			at := "/" + kind + "/one"
			if kind == "file" {
				at += "/history.jsonl"
			}
			_, text, _ := s.get(at)
			require.NotContains(t, text, "secret")
		}
	}
}
