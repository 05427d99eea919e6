package files

import (
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// BenchmarkAppendSync appends 1 KiB and calls fdatasync, in turn here and on the directory below, and
// says how much longer it takes here.
func BenchmarkAppendSync(b *testing.B) { inTurn(b, true) }

// BenchmarkAppend is the same without sync.
func BenchmarkAppend(b *testing.B) { inTurn(b, false) }

func inTurn(b *testing.B, sync bool) {
	_, dir, backing := mountHere(b, Options{})
	var took [2]time.Duration
	var fds [2]int
	for i, name := range []string{dir + "/here", backing + "/below"} {
		fd, err := unix.Open(name, unix.O_RDWR|unix.O_CREAT, 0o600)
		if err != nil {
			b.Fatal(err)
		}
		defer unix.Close(fd)
		fds[i] = fd
	}
	p := make([]byte, 1024)
	for b.Loop() {
		for i, fd := range fds {
			begun := time.Now()
			_, err := unix.Write(fd, p)
			if sync && err == nil {
				err = unix.Fdatasync(fd)
			}
			if err != nil {
				b.Fatal(os.NewSyscallError("append", err))
			}
			took[i] += time.Since(begun)
		}
	}
	b.ReportMetric(float64(took[0])/float64(took[1]), "times-below")
	b.ReportMetric(float64(took[0].Microseconds())/float64(b.N), "us-here")
}
