package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// BenchmarkCycle is the harness's own part of a power failure of one member.
func BenchmarkCycle(b *testing.B) {
	for _, c := range usualDisks {
		b.Run(fmt.Sprintf("%s/%s", c.kind, c.engine), func(b *testing.B) {
			v := one(b, c.kind, c.engine)
			var cut, back time.Duration
			for b.Loop() {
				write(b, filepath.Join(v.Dir(), "x"), "x", true)
				begun := time.Now()
				require.NoError(b, v.Cut(Keep{What: keepNothing}))
				cut += time.Since(begun)
				r := restore(b, v)
				require.True(b, r.Bit && !r.Lied)
				back += r.Took
			}
			b.ReportMetric(float64(cut.Microseconds())/1000/float64(b.N), "ms-cut/op")
			b.ReportMetric(float64(back.Microseconds())/1000/float64(b.N), "ms-back/op")
		})
	}
}

// BenchmarkAppend is what a member pays for a kilobyte that it appends and syncs. The
// machine's own file system is "plain".
func BenchmarkAppend(b *testing.B) {
	for _, c := range append(usualDisks, disks{Plain, ""}) {
		b.Run(fmt.Sprintf("%s/%s", c.kind, c.engine), func(b *testing.B) {
			f, err := os.Create(filepath.Join(one(b, c.kind, c.engine).Dir(), "log"))
			require.NoError(b, err)
			defer f.Close()
			line := make([]byte, 1<<10)
			for b.Loop() {
				if _, err := f.Write(line); err != nil {
					b.Fatal(err)
				}
				if err := unix.Fdatasync(int(f.Fd())); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

type disks struct {
	kind   Kind
	engine Engine
}

var usualDisks = []disks{{Ext4, Shutdown}, {XFS, Shutdown}}
