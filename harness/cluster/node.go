package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// node is one member and the process it has at the moment, if any.
type node struct {
	o     *Options
	tails *tails // of the cluster
	name  string
	dir   string
	log   *logFile

	pid  atomic.Int64 // of the process it has, 0 for none
	last atomic.Pointer[incarnation]
	lone atomic.Pointer[lonelyEnd] // of a process that ended by itself, with none since

	starting sync.Mutex // held by whoever starts it, and while its disk is not there; before mu
	barred   error      // why it is never started again; of starting

	mu     sync.Mutex
	member target.Member
	run    *incarnation // nil while the member is down
	failed error        // the last exit that nobody asked for
	// joining says that what is started next may fail to come up.
	joining bool
	strange []string  // private addresses that somebody else had from the start
	asking  *question // while it is paused
	serves  string    // who serves in its place since it was killed or paused, if anybody

	quoting  sync.Mutex
	answered history.Claim // the last answer that was recorded
	quoted   time.Time     // when it was
}

// lonelyEnd is how a process ended by itself, and when.
type lonelyEnd struct {
	how End
	at  time.Time
}

// incarnation is one process of a member.
type incarnation struct {
	proc    Process
	inc     uint64
	asked   atomic.Bool   // the harness ends it
	excused atomic.Bool   // it may end by itself, and may say why
	settled chan struct{} // closed once reaped, traced and recorded
	tail    *tail         // of its trace; nil without one
	says    *tail         // of its assertions; nil without any
}

func newNode(o *Options, tails *tails, crashed *crashes, m target.Member) (*node, error) {
	n := &node{o: o, tails: tails, name: m.Name, dir: nodeDir(o.Dir, m.Name), member: m}
	if err := os.MkdirAll(n.dir, 0o755); err != nil {
		return nil, fmt.Errorf("lay out %s: %w", m.Name, err)
	}
	if err := os.MkdirAll(m.DataDir, 0o755); err != nil {
		return nil, fmt.Errorf("lay out %s: %w", m.Name, err)
	}
	crash := func(line string) {
		what := history.RunLog
		if run := n.last.Load(); run != nil && run.excused.Load() {
			what = history.RunNote
		}
		o.Record(history.Event{Run: &history.Run{What: what, Node: m.Name, Text: line}})
	}
	var err error
	n.log, err = openLog(LogFile(o.Dir, m.Name), crashed, crash)
	return n, err
}

func (n *node) startLocked() error {
	if n.run != nil {
		return ErrUp
	}
	taken := n.lookLocked()
	n.serves = ""
	n.member.Inc++
	if n.o.Target.Traced() {
		n.member.TraceFile = filepath.Join(n.dir, fmt.Sprintf("trace.%d.jsonl", n.member.Inc))
	}
	cmd, err := n.o.Target.Command(n.member)
	if err != nil {
		return fmt.Errorf("cannot be started: %w", err)
	}
	if l, ok := n.o.Target.(target.Listener); ok {
		m := n.member
		n.log.listen(func(line string) { l.Printed(m, line) })
	}
	run := &incarnation{inc: n.member.Inc, settled: make(chan struct{})}
	run.excused.Store(n.joining || taken)
	n.last.Store(run) // before it prints anything
	proc, err := n.o.Host.Start(cmd, n.log)
	if err != nil {
		return fmt.Errorf("cannot be started: %w", err)
	}
	run.proc = proc
	n.failed = nil
	n.lone.Store(nil)
	n.pid.Store(int64(proc.Pid()))
	if n.o.Started != nil {
		n.o.Started(n.name, proc.Pid())
	}
	n.proc(history.Proc{What: history.ProcStart, Inc: run.inc, Pid: proc.Pid()})
	if n.o.Target.Traced() {
		run.tail = &tail{path: n.member.TraceFile, parse: n.traced, hole: n.hole}
		n.tails.follow(run.tail)
	}
	if path := target.AssertionFile(n.o.Target, n.member); path != "" {
		run.says = &tail{path: path, parse: n.asserts(), hole: n.mute}
		n.tails.follow(run.says)
	}
	n.run = run
	go n.settle(run)
	return nil
}

// settle waits for the process to end and writes down how it did.
func (n *node) settle(run *incarnation) {
	<-run.proc.Done()
	if !run.asked.Load() {
		n.lone.Store(&lonelyEnd{run.proc.End(), time.Now()})
	}
	n.pid.CompareAndSwap(int64(run.proc.Pid()), 0)
	for _, t := range []*tail{run.tail, run.says} {
		if t != nil {
			n.tails.finish(t)
		}
	}
	p := history.Proc{What: history.ProcExit, Inc: run.inc, Pid: run.proc.Pid(), Expected: run.asked.Load() || run.excused.Load()}
	end := run.proc.End()
	p.Signal, p.Code = end.Signal, end.Code
	if !p.Expected {
		p.Text = strings.Join(n.log.lastLines(), "\n")
	}
	n.proc(p)
	close(run.settled) // before the lock: whoever stops the node holds it and waits
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.run != run || run.asked.Load() && p.Expected {
		return // whoever ended it knows
	}
	n.run = nil
	if !p.Expected {
		n.failed = fmt.Errorf("%s ended by itself (%s); its last log lines:\n%s", n.name, end, p.Text)
	}
}

func (n *node) killLocked() (int, error) {
	run := n.run
	if run == nil {
		return 0, ErrDown
	}
	n.unaskLocked()
	run.asked.Store(true)
	n.proc(history.Proc{What: history.ProcSignal, Inc: run.inc, Pid: run.proc.Pid(), Signal: syscall.SIGKILL.String()})
	if err := run.proc.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) && !errors.Is(err, ErrMissed) {
		return 0, fmt.Errorf("cannot be killed: %w", err)
	}
	<-run.settled
	n.run = nil
	n.serves = n.survivorsLocked(run)
	return run.proc.Pid(), nil
}

// pauseLocked stops the member, and asks it from then on whether it does stand.
func (n *node) pauseLocked() error {
	err := n.signalLocked(syscall.SIGSTOP)
	switch {
	case errors.Is(err, ErrMissed):
		n.serves = fmt.Sprintf("%s was paused, but not all that it had started: %v", n.name, err)
	case err != nil:
		return err
	default:
		n.serves = ""
	}
	n.unaskLocked()
	n.asking = ask(n.o.Target, n.member, n.run.proc)
	return nil
}

func (n *node) resumeLocked() error {
	n.unaskLocked() // before it may answer again
	if err := n.signalLocked(syscall.SIGCONT); err != nil && !errors.Is(err, ErrMissed) {
		return err
	}
	n.serves = ""
	return nil
}

// unaskLocked ends the questions to a paused member.
func (n *node) unaskLocked() {
	if n.asking != nil {
		n.asking.end()
		n.asking = nil
	}
}

func (n *node) signalLocked(sig syscall.Signal) error {
	run := n.run
	if run == nil {
		return ErrDown
	}
	n.proc(history.Proc{What: history.ProcSignal, Inc: run.inc, Pid: run.proc.Pid(), Signal: sig.String()})
	if err := run.proc.Signal(sig); err != nil {
		return fmt.Errorf("cannot be sent %s: %w", sig, err)
	}
	return nil
}

// stop ends the member for good: SIGTERM, then SIGKILL. It returns what is left of
// it.
func (n *node) stop() (left string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.unaskLocked()
	n.endLocked()
	return n.leftLocked()
}

func (n *node) endLocked() {
	run := n.run
	if run == nil {
		return
	}
	run.asked.Store(true)
	ctx, cancel := context.WithTimeout(context.Background(), n.o.Grace)
	defer cancel()
	n.proc(history.Proc{What: history.ProcSignal, Inc: run.inc, Pid: run.proc.Pid(), Signal: syscall.SIGTERM.String()})
	run.proc.Signal(syscall.SIGTERM)
	run.proc.Signal(syscall.SIGCONT)
	if await(ctx, run.proc) != nil {
		n.proc(history.Proc{What: history.ProcSignal, Inc: run.inc, Pid: run.proc.Pid(), Signal: syscall.SIGKILL.String()})
		run.proc.Signal(syscall.SIGKILL)
	}
	<-run.settled
	n.run = nil
}

// failure returns why the member ended without being asked to, or nil.
func (n *node) failure() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.failed
}

func (n *node) proc(p history.Proc) {
	p.Node = n.name
	n.o.Record(history.Event{Proc: &p})
}

// traced parses a line of the member's trace, which tells of itself and of members.
func (n *node) traced(line []byte) error {
	r, err := n.o.Target.Trace(line)
	if err != nil {
		return err
	}
	if r.Node != n.name {
		return fmt.Errorf("it tells of %q, but is the trace of %s", r.Node, n.name)
	}
	for _, name := range []string{r.Peer, r.Vote} {
		if name != "" && !slices.ContainsFunc(n.o.Members, func(m target.Member) bool { return m.Name == name }) {
			return fmt.Errorf("it tells of %q, which is no member", name)
		}
	}
	n.o.Record(history.Event{Raft: &r})
	return nil
}

// asserts returns what takes the lines that a process of the member says of itself. The
// first is told of even if it asserts nothing: it says that the process would tell.
func (n *node) asserts() func(line []byte) error {
	first := true
	return func(line []byte) error {
		a, err := target.ParseAssertion(line)
		if err != nil {
			return err
		}
		for _, told := range []*history.Assertion{nil, a} {
			if told != nil || first {
				n.o.Record(history.Event{Run: &history.Run{What: history.RunAssertion, Node: n.name, Assertion: told}})
			}
			first = false
		}
		return nil
	}
}

// mute says that nothing more of what the member says is read.
func (n *node) mute(err error) {
	n.o.Record(history.Event{Run: &history.Run{What: history.RunAssertion, Node: n.name, Text: err.Error()}})
}

func (n *node) hole(err error) {
	n.o.Record(history.Event{Run: &history.Run{What: history.RunUntrace, Node: n.name, Text: "read trace: " + err.Error()}})
}
