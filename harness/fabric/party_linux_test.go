package fabric

import (
	"bufio"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/fabric/owner"
)

// TestDiallerProcess is what the other tests start as member processes:
//
//	pipe ADDR              connects its input and output with ADDR
//	storm NAME N PAUSE ADDR...
//	                       makes N connections as stormDial does, from eight
//	                       goroutines that pause in between, then waits for the
//	                       end of its input
func TestDiallerProcess(t *testing.T) {
	args := flag.Args()
	switch {
	case len(args) == 2 && args[0] == "pipe":
		c, err := net.Dial("tcp", args[1])
		if err != nil {
			os.Exit(3)
		}
		go func() {
			io.Copy(c, os.Stdin)
			c.(*net.TCPConn).CloseWrite()
		}()
		if _, err := io.Copy(os.Stdout, c); err != nil {
			os.Exit(4) // reset
		}
		os.Exit(0)
	case len(args) > 4 && args[0] == "storm":
		n, _ := strconv.Atoi(args[2])
		pause, _ := time.ParseDuration(args[3])
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for j := i; j < n; j += 8 {
					time.Sleep(pause)
					stormDial(args[1], args[4+rand.IntN(len(args)-4)])
				}
			})
		}
		wg.Wait()
		fmt.Println("done")
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	t.Skip("started by other tests")
}

// stormDial says its name, waits for an answer and closes; one in eight closes
// right away.
func stormDial(name, addr string) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer c.Close()
	if rand.IntN(8) == 0 {
		return
	}
	c.Write(toyFrame(0, name))
	readToy(c)
}

// child is a member process.
type child struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func start(t testing.TB, args ...string) *child {
	t.Helper()
	return launch(t, exec.Command(os.Args[0], append([]string{"-test.run=^TestDiallerProcess$", "--"}, args...)...))
}

func launch(t testing.TB, cmd *exec.Cmd) *child {
	t.Helper()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	c := &child{cmd: cmd, in: in, out: bufio.NewReader(out)}
	t.Cleanup(c.kill)
	return c
}

// kill ends the process and those it has started; more than once is fine.
func (c *child) kill() {
	if c.cmd.ProcessState == nil {
		_ = syscall.Kill(-c.cmd.Process.Pid, syscall.SIGKILL)
		_ = c.cmd.Wait() // killed
	}
}

// staff says which processes the members have.
type staff struct {
	mu   sync.Mutex
	pids map[string][]int
	kin  map[string][]int // elsewhere; replaced as a whole
}

func (s *staff) set(member string, c *child) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pids[member] = []int{c.cmd.Process.Pid}
}

func (s *staff) list() map[string][]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	pids := make(map[string][]int, len(s.pids))
	for m, list := range s.pids {
		pids[m] = slices.Clone(list)
	}
	return pids
}

func (s *staff) elsewhere() map[string][]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kin
}

// party is a fabric of members with shared listeners whose diallers are told
// by an owner.Finder. Their backends answer each name with their own.
type party struct {
	fabric *Fabric
	staff  *staff
	told   *told
	names  *names
	addrs  map[string]string
}

// names checks that a frame carries the name of whom its link comes from.
type names struct {
	mu    sync.Mutex
	good  map[Link]int
	wrong []string
}

func (n *names) Frame(stage Stage, f Frame) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if stage != Delivered {
		return
	}
	if name := string(f.Bytes[5:]); name != f.Link.From {
		n.wrong = append(n.wrong, fmt.Sprintf("%s carries a frame of %q", f.Link, name))
		return
	}
	n.good[f.Link]++
}

func (n *names) Undecodable(l Link, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.wrong = append(n.wrong, fmt.Sprintf("%s: %v", l, err))
}

func newParty(t testing.TB, wait time.Duration, members ...string) *party {
	t.Helper()
	p := &party{staff: &staff{pids: make(map[string][]int)}, told: &told{}, names: &names{good: make(map[Link]int)}, addrs: make(map[string]string)}
	finder, err := owner.New(p.staff.list, p.staff.elsewhere)
	require.NoError(t, err)
	p.fabric, err = New(Options{Protocol: toy{}, Observer: p.names})
	require.NoError(t, err)
	var wg sync.WaitGroup
	var backends []net.Listener
	for _, m := range members {
		backend, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		backends = append(backends, backend)
		wg.Go(func() { answer(backend, m, &wg) })
		p.addrs[m], err = p.fabric.ListenShared(m, SharedOptions{
			Addr: "127.0.0.1:0", Backend: backend.Addr().String(), Decode: true,
			Identify: finder.Identify, Attributed: p.told.add, Wait: wait,
		})
		require.NoError(t, err)
	}
	t.Cleanup(func() {
		require.NoError(t, p.fabric.Close())
		for _, b := range backends {
			b.Close()
		}
		wg.Wait()
		require.NoError(t, finder.Close())
		require.NoError(t, finder.Close(), "a second Close")
	})
	return p
}

// answer serves connections until the listener is closed.
func answer(l net.Listener, name string, wg *sync.WaitGroup) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		wg.Go(func() {
			defer c.Close()
			for {
				if _, err := readToy(c); err != nil {
					return
				}
				if _, err := c.Write(toyFrame(0, name)); err != nil {
					return
				}
			}
		})
	}
}

// storm starts a member that makes n connections to the others.
func (p *party) storm(t testing.TB, member string, n int, pause time.Duration) *child {
	args := []string{"storm", member, strconv.Itoa(n), pause.String()}
	for other, addr := range p.addrs {
		if other != member {
			args = append(args, addr)
		}
	}
	c := start(t, args...)
	p.staff.set(member, c)
	return c
}

// check fails if any connection was taken for somebody else's, or was not told
// without an excuse, and returns how many were.
func (p *party) check(t testing.TB) (known, gone int) {
	t.Helper()
	p.names.mu.Lock()
	require.Empty(t, p.names.wrong)
	p.names.mu.Unlock()
	for _, a := range p.told.list() {
		if a.Err == nil {
			known++
			continue
		}
		require.ErrorIs(t, a.Err, owner.ErrGone)
		gone++
	}
	return known, gone
}
