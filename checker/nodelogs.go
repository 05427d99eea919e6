package checker

import (
	"fmt"

	"github.com/usurper/usurper/harness/history"
)

// NodeLogs checks that no member crashed: none logged a panic, a data race or a
// fatal error, and no process ended that the harness did not end. Both are
// recorded facts; a history cut short can only lack some.
type NodeLogs struct {
	findings
	starts int64
}

// NewNodeLogs returns the checker "node-logs".
func NewNodeLogs() *NodeLogs { return &NodeLogs{} }

// Name returns "node-logs".
func (*NodeLogs) Name() string { return "node-logs" }

// Early returns AsEventsCome.
func (*NodeLogs) Early() Early { return AsEventsCome }

// Event takes the next event.
func (c *NodeLogs) Event(e *history.Event) {
	switch {
	case e.Run != nil && e.Run.What == history.RunLog:
		c.violate("a crash in a node's log",
			fmt.Sprintf("%s logged: %s", orElse(e.Run.Node, "a node"), firstLine(e.Run.Text)), keep(e))
	case e.Proc != nil && e.Proc.What == history.ProcStart:
		c.starts++
	case e.Proc != nil && e.Proc.What == history.ProcExit && !e.Proc.Expected:
		p := e.Proc
		how := fmt.Sprintf("with code %d", p.Code)
		if p.Signal != "" {
			how = "by " + p.Signal
		}
		c.violate("a node died by itself", fmt.Sprintf("%s ended %s, which the harness did not cause", p.Node, how), keep(e))
	}
}

// Finish gives the verdict.
func (c *NodeLogs) Finish() Result {
	c.count("processes", c.starts)
	return c.result(c.Name(), fmt.Sprintf("%d processes, none crashed", c.starts))
}
