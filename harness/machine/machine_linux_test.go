package machine_test

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/machine"
)

// The test binary is also a member: it is told to tell its clock, to work, to have memory, to listen,
// to have a child, to execute itself again.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == "member" {
		serve()
		return
	}
	os.Exit(m.Run())
}

func serve() {
	var kept [][]byte
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		switch in.Text() {
		case "clock":
			fmt.Println(time.Now().UnixNano())
		case "work":
			var u syscall.Rusage
			for began := int64(-1); ; {
				syscall.Getrusage(syscall.RUSAGE_SELF, &u)
				if began < 0 {
					began = u.Utime.Nano() + u.Stime.Nano()
				}
				if u.Utime.Nano()+u.Stime.Nano() > began+20e6 {
					break
				}
			}
			fmt.Println("worked")
		case "eat":
			b := make([]byte, 50<<20)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			kept = append(kept, b)
			fmt.Println(len(kept))
		case "listen":
			l, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				panic(err)
			}
			fmt.Println(l.Addr())
		case "exec":
			fmt.Println("executes")
			syscall.Exec("/proc/self/exe", []string{os.Args[0], "member"}, nil)
		default:
			if program, ok := strings.CutPrefix(in.Text(), "exec "); ok {
				fmt.Println(syscall.Exec(program, []string{program}, nil))
			}
		}
	}
}

// members is a cluster of one, as a machine sees it.
type members struct {
	t *testing.T
	m *machine.Machine

	mu  sync.Mutex
	cmd *exec.Cmd
	ask func(string) (string, error)
}

func newMembers(t *testing.T, fault string) *members {
	t.Helper()
	if err := machine.Available(fault); err != nil {
		t.Skip(err)
	}
	s := &members{t: t}
	s.m = machine.New(machine.Options{
		Name: fmt.Sprintf("test-%d-%d", os.Getpid(), time.Now().UnixNano()),
		Processes: func(string) []int {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.cmd == nil {
				return nil
			}
			return []int{s.cmd.Process.Pid}
		},
	})
	t.Cleanup(func() {
		s.kill()
		require.NoError(t, s.m.Close())
		require.NoError(t, s.m.Close())
	})
	s.start()
	return s
}

func (s *members) start() {
	s.t.Helper()
	cmd := exec.Command(os.Args[0], "member")
	in, err := cmd.StdinPipe()
	require.NoError(s.t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(s.t, err)
	told := bufio.NewReader(out)
	require.NoError(s.t, cmd.Start())
	s.mu.Lock()
	s.cmd = cmd
	s.ask = func(what string) (string, error) {
		if _, err := fmt.Fprintln(in, what); err != nil {
			return "", err
		}
		line, err := told.ReadString('\n')
		return strings.TrimSpace(line), err
	}
	s.mu.Unlock()
	require.NoError(s.t, s.m.Started("n1", cmd.Process.Pid))
}

func (s *members) kill() {
	s.mu.Lock()
	cmd := s.cmd
	s.mu.Unlock()
	if cmd == nil {
		return
	}
	cmd.Process.Kill()
	cmd.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cmd = nil
}

func (s *members) does(what string) string {
	s.t.Helper()
	answer, err := s.ask(what)
	require.NoError(s.t, err)
	return answer
}

// ahead is how far the member's clock is ahead, to the minute.
func (s *members) ahead() time.Duration {
	s.t.Helper()
	ns, err := strconv.ParseInt(s.does("clock"), 10, 64)
	require.NoError(s.t, err)
	return time.Until(time.Unix(0, ns)).Round(time.Minute)
}

func (s *members) constrain(c machine.Constraint) *machine.Constrained {
	s.t.Helper()
	h, err := s.m.Constrain(s.t.Context(), "n1", c)
	require.NoError(s.t, err)
	return h
}

func (s *members) remove(h *machine.Constrained) map[string]int64 {
	s.t.Helper()
	evidence, err := h.Remove(s.t.Context())
	require.NoError(s.t, err)
	return evidence
}

func TestClock(t *testing.T) {
	s := newMembers(t, machine.FaultClock)
	require.Zero(t, s.ahead())
	h := s.constrain(machine.Constraint{Clock: &machine.Clock{Offset: time.Hour}})
	require.Equal(t, time.Hour, s.ahead())
	later := s.constrain(machine.Constraint{Clock: &machine.Clock{Offset: -2 * time.Hour}})
	require.Equal(t, -2*time.Hour, s.ahead())
	evidence := s.remove(later)
	require.EqualValues(t, 1, evidence["clock-shifted-processes"])
	require.Positive(t, evidence["readings-off"])
	require.Equal(t, time.Hour, s.ahead(), "what was in force before is again")

	s.kill()
	s.start()
	require.Equal(t, time.Hour, s.ahead(), "it outlasts restarts")
	evidence = s.remove(h)
	require.EqualValues(t, 2, evidence["clock-shifted-processes"])
	require.Positive(t, evidence["readings-off"])
	require.Zero(t, s.ahead())
	require.Empty(t, s.remove(h), "there is nothing to remove any more")
}

// A process that executes another program is found again.
func TestClockExec(t *testing.T) {
	s := newMembers(t, machine.FaultClock)
	h := s.constrain(machine.Constraint{Clock: &machine.Clock{Offset: time.Hour}})
	require.Equal(t, time.Hour, s.ahead())
	s.does("exec")
	require.Eventually(t, func() bool { return s.ahead() == time.Hour }, time.Minute, 10*time.Millisecond)
	s.remove(h)
	require.Zero(t, s.ahead())
}

// It is told of a process that executes what cannot be given a clock, and that is no failure.
func TestClockOtherProgram(t *testing.T) {
	s := newMembers(t, machine.FaultClock)
	program := filepath.Join(t.TempDir(), "pause")
	require.NoError(t, os.WriteFile(program, pause386(), 0o700))
	h := s.constrain(machine.Constraint{Clock: &machine.Clock{Offset: time.Hour}})
	require.Equal(t, time.Hour, s.ahead())
	told, err := s.ask("exec " + program)
	if err == nil {
		t.Skip("32-bit programs do not run here: ", told)
	}
	evidence := s.remove(h)
	require.EqualValues(t, 1, evidence["clock-shifted-processes"])
	require.EqualValues(t, 1, evidence["clock-true-processes"])

	_, err = s.m.Constrain(t.Context(), "n1", machine.Constraint{Clock: &machine.Clock{Offset: time.Hour}})
	require.ErrorContains(t, err, "only x86-64 is known")
}

// pause386 is a 32-bit program that does nothing, and closes what it was given.
func pause386() []byte {
	const at, header = 0x08048000, 52 + 32
	code := []byte{
		0xbb, 1, 0, 0, 0, 0xb8, 6, 0, 0, 0, 0xcd, 0x80, // close(1)
		0xb8, 29, 0, 0, 0, 0xcd, 0x80, // pause()
		0xeb, 0xf7,
	}
	size := uint32(header + len(code))
	var b bytes.Buffer
	for _, v := range []any{
		[]byte("\x7fELF\x01\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"), uint16(2), uint16(3), uint32(1),
		uint32(at + header), uint32(52), uint32(0), uint32(0), uint16(52), uint16(32), uint16(1), uint16(40), uint16(0), uint16(0),
		uint32(1), uint32(0), uint32(at), uint32(at), size, size, uint32(5), uint32(0x1000), code,
	} {
		binary.Write(&b, binary.LittleEndian, v)
	}
	return b.Bytes()
}

// A clock that nobody reads is no fault.
func TestClockUnread(t *testing.T) {
	s := newMembers(t, machine.FaultClock)
	s.does("work")
	require.Equal(t, map[string]int64{"readings-off": 0}, s.remove(s.constrain(machine.Constraint{Clock: &machine.Clock{Offset: time.Hour}})))
	s.kill()
	h := s.constrain(machine.Constraint{Clock: &machine.Clock{Offset: time.Hour}})
	require.Equal(t, map[string]int64{"readings-off": 0}, s.remove(h), "nor is one of a member that is down")
}

func TestSlow(t *testing.T) {
	s := newMembers(t, machine.FaultSlow)
	require.Zero(t, s.remove(s.constrain(machine.Constraint{CPU: 50}))["throttled-periods"], "who does nothing is not slowed")
	h := s.constrain(machine.Constraint{CPU: 5})
	s.does("work")
	s.kill()
	s.start()
	s.does("work")
	require.Positive(t, s.remove(h)["throttled-periods"])
}

func TestStarve(t *testing.T) {
	s := newMembers(t, machine.FaultStarve)
	h := s.constrain(machine.Constraint{Memory: 40 << 20})
	_, err := s.ask("eat")
	require.Error(t, err, "it is killed")
	require.Eventually(t, func() bool { return s.m.OutOfMemory("n1") == 1 }, time.Minute, time.Millisecond)
	s.kill()
	evidence := s.remove(h)
	require.EqualValues(t, 1, evidence["oom-kills"])
	require.Positive(t, evidence["memory-limit-hits"])
	s.start()
	s.does("eat")
}

// A share of what is in use bites whatever that is: with all of it there is none left for more.
func TestStarveByShare(t *testing.T) {
	s := newMembers(t, machine.FaultStarve)
	s.does("eat")
	h := s.constrain(machine.Constraint{Share: 500})
	s.does("eat")
	s.remove(s.constrain(machine.Constraint{Share: 100}))
	later := s.constrain(machine.Constraint{Share: 110})
	_, err := s.ask("eat")
	require.Error(t, err, "it is killed")
	require.Eventually(t, func() bool { return s.m.OutOfMemory("n1") == 1 }, time.Minute, time.Millisecond)
	s.kill()
	require.Positive(t, s.remove(later)["memory-limit-hits"])
	s.start()
	s.does("eat")
	s.does("eat")
	require.Zero(t, s.remove(h)["oom-kills"]-1, "of which it is told twice")
	_, err = s.m.Constrain(t.Context(), "n2", machine.Constraint{Share: 110})
	require.ErrorContains(t, err, "no memory in use")
}

func TestFreeze(t *testing.T) {
	s := newMembers(t, machine.FaultFreeze)
	h := s.constrain(machine.Constraint{Freeze: true})
	again := s.constrain(machine.Constraint{Freeze: true})
	time.Sleep(20 * time.Millisecond)
	require.Positive(t, s.remove(again)["frozen-ms"])
	answered := make(chan string, 1)
	go func() {
		answer, _ := s.ask("work")
		answered <- answer
	}()
	select {
	case <-answered:
		t.Fatal("the first one still holds it")
	case <-time.After(50 * time.Millisecond):
	}
	require.Positive(t, s.remove(h)["frozen-ms"])
	require.Equal(t, "worked", <-answered)

	// One that stands still can be killed, and its next process stands still too.
	h = s.constrain(machine.Constraint{Freeze: true})
	s.kill()
	s.start()
	go func() {
		answer, _ := s.ask("work")
		answered <- answer
	}()
	select {
	case <-answered:
		t.Fatal("it outlasts restarts")
	case <-time.After(50 * time.Millisecond):
	}
	s.remove(h)
	require.Equal(t, "worked", <-answered)
}

// A clock may change under a member that stands still.
func TestClockFrozen(t *testing.T) {
	s := newMembers(t, machine.FaultFreeze)
	if err := machine.Available(machine.FaultClock); err != nil {
		t.Skip(err)
	}
	require.Zero(t, s.ahead())
	still := s.constrain(machine.Constraint{Freeze: true})
	h := s.constrain(machine.Constraint{Clock: &machine.Clock{Offset: time.Hour}})
	s.remove(still)
	require.Equal(t, time.Hour, s.ahead())
	still = s.constrain(machine.Constraint{Freeze: true})
	s.remove(h)
	s.remove(still)
	require.Zero(t, s.ahead())
}

func TestDeaf(t *testing.T) {
	s := newMembers(t, machine.FaultDeaf)
	addr := s.does("listen")
	evidence, err := s.m.Deafen(t.Context(), "n1")
	require.NoError(t, err)
	require.Equal(t, map[string]int64{"listeners-closed": 1, "dials-refused": 1}, evidence)
	_, err = net.Dial("tcp", addr)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
}

func TestNothing(t *testing.T) {
	s := newMembers(t, machine.FaultSlow)
	_, err := s.m.Constrain(t.Context(), "n1", machine.Constraint{})
	require.ErrorContains(t, err, "nothing to do")
	_, err = s.m.Constrain(t.Context(), "n1", machine.Constraint{CPU: 0.001})
	require.ErrorContains(t, err, "slow of n1")
	require.Error(t, machine.Available("haste"))
}
