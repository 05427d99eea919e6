package cluster

import (
	"fmt"
	"io"
	"os/exec"
	"strconv"
	"sync"
	"syscall"

	"github.com/usurper/usurper/harness/guard"
)

// keeperScript outlives the harness by a moment. It learns process groups and the
// marks of their kin from its standard input ("+ 123 456", "- 123 456") and, when
// that ends because the harness is gone, however it went, kills those that are
// left, looking again until it finds none, for five seconds at least. Signals meant for the harness pass it by.
const keeperScript = `trap '' INT TERM HUP QUIT
` + guard.KillMarked + `left=' ' marks=' '
while read -r op group mark; do
	case $op in
	+) left="$left$group " marks="$marks$mark " ;;
	-)
		case $left in *" $group "*) left="${left%% $group *} ${left#* $group }" ;; esac
		case $marks in *" $mark "*) marks="${marks%% $mark *} ${marks#* $mark }" ;; esac
		;;
	esac
done
for group in $left; do kill -s KILL -- "-$group" 2>/dev/null; done
case $marks in *[0-9]*) ;; *) exit ;; esac
patiently none
`

// keeper makes sure that no process outlives the harness. The kernel's
// parent-death signal would not do: it follows the thread that forked, and Go
// moves goroutines between threads.
type keeper struct {
	cmd   *exec.Cmd
	guard *guard.Guard // knows the marks too, for when the keeper is killed as well; may be nil

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

// watch hands a process group and the mark of its kin, if it has one, to the keeper;
// it returns once the keeper's pipe holds them, so that from then on none of them
// can outlive the harness.
func (k *keeper) watch(group int, kin mark) error {
	if k.guard != nil && kin != 0 {
		if err := k.guard.Promise(kin.undo()); err != nil {
			return err
		}
	}
	return k.tell('+', group, kin)
}

// forget takes back a group that was reaped, whose number may be used again, and a
// mark that nobody has any more.
func (k *keeper) forget(group int, kin mark) {
	if k.guard != nil && kin != 0 {
		k.guard.Fulfilled(kin.undo())
	}
	k.tell('-', group, kin)
}

// undo is what ends all that have the mark.
func (m mark) undo() guard.Undo {
	return guard.Undo{What: guard.Kill, Of: strconv.FormatUint(uint64(m), 10)}
}

func (k *keeper) tell(op byte, group int, kin mark) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err == nil {
		line := fmt.Sprintf("%c %d", op, group)
		if kin != 0 {
			line += fmt.Sprintf(" %d", kin)
		}
		if _, err := fmt.Fprintln(k.in, line); err != nil {
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
