package serve

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/picture"
)

// BenchmarkLive prints, of a history that grows by so many events a second, how long it takes
// from an event to the picture that has it, and what the server takes of a processor
// (reader and viewer together, since they are one process here). One round is ten seconds:
//
//	go test ./harness/serve -run '^$' -bench Live -benchtime 1x
func BenchmarkLive(b *testing.B) {
	const perSecond, seconds = 6000, 10 // three thousand operations
	for b.Loop() {
		dir := b.TempDir()
		put(b, dir, "one/history.jsonl", begun)
		s := up(b, dir, Options{})
		f, err := os.OpenFile(filepath.Join(dir, "one", "history.jsonl"), os.O_WRONLY|os.O_APPEND, 0)
		require.NoError(b, err)
		defer f.Close()
		lines := s.watch("/events/one")
		var written atomic.Int64 // the last event, which is of its number in microseconds
		times := make([]atomic.Int64, perSecond*(seconds+5))
		stop := make(chan struct{})
		before := spent()
		begin := time.Now()
		go func() {
			defer close(stop)
			n := 0
			for time.Since(begin) < seconds*time.Second {
				var text strings.Builder
				for due := int(time.Since(begin).Seconds() * perSecond); n < due; n++ {
					kind := []string{"invoke", "ok"}[n%2]
					fmt.Fprintf(&text, `{"n":%d,"t":%d,"op":{"process":1,"type":%q,"f":"put","key":"r0","arg":"a","node":"n1"}}`+"\n", n+3, int64(n+3000)*1000, kind)
				}
				f.WriteString(text.String())
				if n > 0 {
					times[n-1].Store(int64(time.Since(begin)))
					written.Store(int64(n - 1))
				}
				time.Sleep(10 * time.Millisecond)
			}
		}()
		var late []time.Duration
		for going := true; going; {
			select {
			case <-stop:
				going = false
			case line := <-lines:
				if !strings.HasPrefix(line, "data: ") {
					continue
				}
				newest := written.Load() // not in the picture that is fetched, most likely; the one that has it is the next
				at := time.Duration(times[newest].Load())
				for {
					var p picture.Picture
					require.NoError(b, json.Unmarshal([]byte(s.ok("/picture/one")), &p))
					if int64(p.End) >= (newest+3000)*1000 {
						late = append(late, time.Since(begin)-at)
						break
					}
					s.next(lines)
				}
			}
		}
		wall := time.Since(begin).Seconds()
		b.ReportMetric(100*(spent()-before)/wall, "%cpu")
		require.NotEmpty(b, late)
		slices.Sort(late)
		b.ReportMetric(late[len(late)/2].Seconds()*1e3, "median-ms")
		b.ReportMetric(late[len(late)-1].Seconds()*1e3, "max-ms")
		b.ReportMetric(float64(len(late)), "pictures")
	}
}
