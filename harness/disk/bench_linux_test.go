package disk

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/usurper/usurper/harness/disk/block"
)

// BenchmarkCycle is the harness's own part of a power failure of one member.
func BenchmarkCycle(b *testing.B) {
	for _, c := range usualDisks {
		b.Run(fmt.Sprintf("%s/%s", c.kind, c.engine), func(b *testing.B) {
			v := one(b, c.kind, c.engine)
			var cut, back time.Duration
			for b.Loop() {
				require.NoError(b, block.Aside(func() error { return store(v, "x", []byte("x"), true) }))
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
			v := one(b, c.kind, c.engine)
			require.NoError(b, block.Aside(func() error { return appendTo(filepath.Join(v.Dir(), "log"), b.Loop) }))
		})
	}
}

func appendTo(path string, on func() bool) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for line := make([]byte, 1<<10); on(); {
		if _, err := f.Write(line); err != nil {
			return err
		}
		if err := unix.Fdatasync(int(f.Fd())); err != nil {
			return err
		}
	}
	return nil
}

type disks struct {
	kind   Kind
	engine Engine
}

var usualDisks = []disks{{Ext4, Shutdown}, {XFS, Shutdown}, {Ext4, Block}, {XFS, Block}, {Btrfs, Block}}
