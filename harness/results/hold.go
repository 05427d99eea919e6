package results

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
)

// Hold has the directory tell that its run is under way, for as long as this process lives
// or until release is called: a lock on HeldFile, which ends with the process however that
// ends. Where locks cannot be had the directory tells nothing. Once there is a verdict the
// file is removed by release; without one it stays, and tells that nobody holds it.
func (d Dir) Hold() (release func()) {
	temp := d.Path("." + HeldFile + ".new")
	f, err := os.OpenFile(temp, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o644)
	if err != nil {
		return func() {}
	}
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == nil {
		_, err = fmt.Fprintf(f, "Locked by process %d while this run is under way.\n%s%s\n", os.Getpid(), machine, bootID())
	}
	if err == nil { // nobody finds it before it is held
		err = os.Rename(temp, d.Path(HeldFile))
	}
	if err != nil {
		f.Close()
		os.Remove(temp)
		return func() {}
	}
	return func() {
		if _, err := os.Stat(d.Path(VerdictFile)); err == nil {
			os.Remove(d.Path(HeldFile))
		}
		f.Close()
	}
}

// machine is what the name of the machine's boot stands behind.
const machine = "boot: "

// bootID tells a machine, since it was started, from all others; "" where that is not told.
func bootID() string {
	id, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(id))
}

// IsHeld tells whether a process holds f, a HeldFile that is open for reading. It is not
// known if locks do not work there, or if the process is one of another machine, or of
// this one before it was started anew: its locks may not be seen here.
func IsHeld(f *os.File) (held, known bool) {
	text := make([]byte, 256)
	n, _ := f.ReadAt(text, 0)
	if _, id, _ := strings.Cut(string(text[:n]), machine); strings.TrimSpace(id) != bootID() {
		return false, false
	}
	return IsLocked(f)
}

// IsLocked tells whether a process holds an exclusive lock (flock) on f. It is not known
// where locks do not work. Who takes one meanwhile must try again if that fails.
func IsLocked(f *os.File) (locked, known bool) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return true, true
	case err != nil:
		return false, false
	}
	syscall.Flock(int(f.Fd()), syscall.LOCK_UN) // closing it does the same
	return false, true
}
