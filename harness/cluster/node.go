package cluster

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

// node is one member and the process it has at the moment, if any.
type node struct {
	o    *Options
	name string
	dir  string
	log  *logFile

	pid  atomic.Int64 // of the process it has, 0 for none
	last atomic.Pointer[incarnation]

	mu     sync.Mutex
	member target.Member
	run    *incarnation // nil while the member is down
	failed error        // the last exit that nobody asked for
	// joining says that what is started next may fail to come up.
	joining bool
}

// incarnation is one process of a member.
type incarnation struct {
	proc    Process
	inc     uint64
	asked   atomic.Bool   // the harness ends it
	excused atomic.Bool   // it may end by itself, and may say why
	settled chan struct{} // closed once reaped, traced and recorded
	tail    *tail
}

func newNode(o *Options, m target.Member) (*node, error) {
	n := &node{o: o, name: m.Name, dir: nodeDir(o.Dir, m.Name), member: m}
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
	n.log, err = openLog(LogFile(o.Dir, m.Name), crash)
	return n, err
}

func (n *node) startLocked() error {
	if n.run != nil {
		return ErrUp
	}
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
	run.excused.Store(n.joining)
	n.last.Store(run) // before it prints anything
	proc, err := n.o.Host.Start(cmd, n.log)
	if err != nil {
		return fmt.Errorf("cannot be started: %w", err)
	}
	run.proc = proc
	n.failed = nil
	n.pid.Store(int64(proc.Pid()))
	n.proc(history.Proc{What: history.ProcStart, Inc: run.inc, Pid: proc.Pid()})
	if n.o.Target.Traced() {
		run.tail = &tail{path: n.member.TraceFile, parse: n.o.Target.Trace, emit: n.raft, hole: n.hole}
		run.tail.start()
	}
	n.run = run
	go n.settle(run)
	return nil
}

// settle waits for the process to end and writes down how it did.
func (n *node) settle(run *incarnation) {
	<-run.proc.Done()
	n.pid.CompareAndSwap(int64(run.proc.Pid()), 0)
	if run.tail != nil {
		run.tail.finish()
	}
	p := history.Proc{What: history.ProcExit, Inc: run.inc, Pid: run.proc.Pid(), Expected: run.asked.Load() || run.excused.Load()}
	if ws, ok := run.proc.State().Sys().(syscall.WaitStatus); ok && ws.Signaled() {
		p.Signal = ws.Signal().String()
	} else {
		p.Code = run.proc.State().ExitCode()
	}
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
		n.failed = fmt.Errorf("%s ended by itself (%s); its last log lines:\n%s", n.name, run.proc.State(), p.Text)
	}
}

func (n *node) killLocked() (int, error) {
	run := n.run
	if run == nil {
		return 0, ErrDown
	}
	run.asked.Store(true)
	n.proc(history.Proc{What: history.ProcSignal, Inc: run.inc, Pid: run.proc.Pid(), Signal: syscall.SIGKILL.String()})
	if err := run.proc.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return 0, fmt.Errorf("cannot be killed: %w", err)
	}
	<-run.settled
	n.run = nil
	return run.proc.Pid(), nil
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

// stop ends the member for good: SIGTERM, then SIGKILL.
func (n *node) stop() {
	n.mu.Lock()
	defer n.mu.Unlock()
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

func (n *node) raft(e history.Raft) { n.o.Record(history.Event{Raft: &e}) }

func (n *node) hole(err error) {
	n.o.Record(history.Event{Run: &history.Run{What: history.RunUntrace, Node: n.name, Text: err.Error()}})
}
