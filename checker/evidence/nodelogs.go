package evidence

import (
	"fmt"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// NodeLogs checks that no member crashed: none logged a panic, a data race or a
// fatal error, and no process ended that the harness did not end. Both are
// recorded facts; a history cut short can only lack some.
type NodeLogs struct {
	verdict.Findings
	starts int64
}

// NewNodeLogs returns the checker "node-logs".
func NewNodeLogs() *NodeLogs { return &NodeLogs{} }

// Name returns "node-logs".
func (*NodeLogs) Name() string { return "node-logs" }

// Early returns AsEventsCome.
func (*NodeLogs) Early() verdict.Early { return verdict.AsEventsCome }

// Kinds returns Others.
func (*NodeLogs) Kinds() verdict.Kinds { return verdict.Others }

// Event takes the next event.
func (c *NodeLogs) Event(e *history.Event) {
	switch {
	case e.Run != nil && e.Run.What == history.RunLog:
		c.Violate("a crash in a node's log",
			fmt.Sprintf("%s logged: %s", verdict.OrElse(e.Run.Node, "a node"), verdict.FirstLine(e.Run.Text)), verdict.Keep(e))
	case e.Proc != nil && e.Proc.What == history.ProcStart:
		c.starts++
	case e.Proc != nil && e.Proc.What == history.ProcExit && !e.Proc.Expected:
		p := e.Proc
		how := fmt.Sprintf("with code %d", p.Code)
		if p.Signal != "" {
			how = "by " + p.Signal
		}
		c.Violate("a node died by itself", fmt.Sprintf("%s ended %s, which the harness did not cause", p.Node, how), verdict.Keep(e))
	}
}

// Finish gives the verdict.
func (c *NodeLogs) Finish() verdict.Result {
	c.Count("processes", c.starts)
	if c.starts == 1 {
		return c.Result(c.Name(), "1 process, which did not crash")
	}
	return c.Result(c.Name(), fmt.Sprintf("%d processes, none crashed", c.starts))
}
