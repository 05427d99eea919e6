package evidence

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// NodeLogs checks that no member crashed: none logged a panic, a data race or a
// fatal error, and no process ended that the harness did not end. Both are
// recorded facts; a history cut short can only lack some.
//
// To end is right where a member cannot go on: while its files fail it, its disk has no power
// or its memory is taken, until it is started again without that, and whenever what it has
// synced may be taken from it.
type NodeLogs struct {
	verdict.Findings
	ends   ends
	starts int64
	told   []string
}

// NewNodeLogs returns the checker "node-logs".
func NewNodeLogs() *NodeLogs {
	return &NodeLogs{ends: newEnds()}
}

// Name returns "node-logs".
func (*NodeLogs) Name() string { return "node-logs" }

// Early returns AsEventsCome.
func (*NodeLogs) Early() verdict.Early { return verdict.AsEventsCome }

// Kinds returns Others.
func (*NodeLogs) Kinds() verdict.Kinds { return verdict.Others }

// Event takes the next event.
func (c *NodeLogs) Event(e *history.Event) {
	c.ends.event(e)
	switch {
	case e.Run != nil && e.Run.What == history.RunLog:
		if c.mayEnd(e.Run.Node, "logged a crash") {
			return
		}
		c.Violate("a crash in a node's log",
			fmt.Sprintf("%s logged: %s", verdict.OrElse(e.Run.Node, "a node"), verdict.FirstLine(e.Run.Text)), verdict.Keep(e))
	case e.Proc != nil && e.Proc.What == history.ProcStart:
		c.starts++
	case e.Proc != nil && e.Proc.What == history.ProcExit && !e.Proc.Expected:
		p := e.Proc
		how := howEnded(p)
		if c.mayEnd(p.Node, how) {
			return
		}
		c.Violate("a node died by itself", fmt.Sprintf("%s %s, which the harness did not cause", p.Node, how), verdict.Keep(e))
	}
}

// mayEnd tells whether a member may do what it did, and notes that it did.
func (c *NodeLogs) mayEnd(node, did string) bool {
	why := c.ends.may(node)
	if why == "" {
		return false
	}
	c.Count("ends-excused", 1)
	if text := fmt.Sprintf("%s %s, as it may after %s", node, did, why); !slices.Contains(c.told, text) && len(c.told) < maxTold {
		c.told = append(c.told, text)
	}
	return true
}

// maxTold is how many ends are told that are no crashes.
const maxTold = 5

// Finish gives the verdict.
func (c *NodeLogs) Finish() verdict.Result {
	c.Count("processes", c.starts)
	text := fmt.Sprintf("%d processes, none crashed", c.starts)
	if c.starts == 1 {
		text = "1 process, which did not crash"
	}
	if len(c.told) > 0 {
		text += " but where it may"
	}
	r := c.Result(c.Name(), text)
	r.Told = strings.Join(c.told, "; ")
	return r
}
