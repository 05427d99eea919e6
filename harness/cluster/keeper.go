package cluster

import (
	"fmt"
	"io"
	"os/exec"
	"sync"
	"syscall"
)

// keeperScript outlives the harness by a moment. It learns process groups from
// its standard input ("+ 123", "- 123") and, when that ends because the harness
// is gone, however it went, kills those that are left. Signals meant for the
// harness pass it by.
const keeperScript = `trap '' INT TERM HUP QUIT
left=' '
while read -r op group; do
	case $op in
	+) left="$left$group " ;;
	-) case $left in *" $group "*) left="${left%% $group *} ${left#* $group }" ;; esac ;;
	esac
done
for group in $left; do kill -s KILL -- "-$group" 2>/dev/null; done
`

// keeper makes sure that no process outlives the harness. The kernel's
// parent-death signal would not do: it follows the thread that forked, and Go
// moves goroutines between threads.
type keeper struct {
	cmd *exec.Cmd

	mu  sync.Mutex
	in  io.WriteCloser
	err error
}

func startKeeper() (*keeper, error) {
	cmd := exec.Command("/bin/sh", "-c", keeperScript)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start keeper: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start keeper: %w", err)
	}
	return &keeper{cmd: cmd, in: in}, nil
}

// watch hands a process group to the keeper; it returns once the keeper's pipe
// holds it, so that from then on the group cannot outlive the harness.
func (k *keeper) watch(group int) error { return k.tell('+', group) }

// forget takes back a group that was reaped. Its number may be used again.
func (k *keeper) forget(group int) { k.tell('-', group) }

func (k *keeper) tell(op byte, group int) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		if _, err := fmt.Fprintf(k.in, "%c %d\n", op, group); err != nil {
			k.err = fmt.Errorf("the keeper process is gone: %w", err)
		}
	}
	return k.err
}

// close ends the keeper, which kills what it still watches, and reaps it.
func (k *keeper) close() {
	k.mu.Lock()
	k.in.Close()
	k.mu.Unlock()
	k.cmd.Wait()
}
