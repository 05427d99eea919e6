package cluster

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/fabric/owner"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/target"
)

const (
	// lingers bounds how long the kernel may go on to accept for processes that
	// are gone: it closes some sockets a moment after their process.
	lingers = 500 * time.Millisecond
	// dialTimeout bounds a dial on this machine, which is answered or refused at
	// once.
	dialTimeout = 200 * time.Millisecond
)

// Serves tells who serves in the place of a member that was killed or paused: some
// process of its own that could not be reached, somebody who accepts at its private
// addresses although it was killed, or who has answered there since it was paused.
// It is "" for nobody, and for a member that runs. A fault of which somebody can be
// told did not bite, whatever was signalled.
func (c *Cluster) Serves(ctx context.Context, name string) string {
	n, err := c.node(name)
	if err != nil {
		return ""
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case n.serves != "":
	case n.asking != nil:
		n.serves = n.asking.answered()
	case n.run == nil && n.member.Inc > 0:
		n.serves = n.acceptsLocked(ctx)
	}
	return n.serves
}

// Processes lists the living processes of each member, wherever they are.
func (c *Cluster) Processes() map[string][]int {
	all := make(map[string][]int)
	for _, n := range c.nodes {
		if run := n.last.Load(); run != nil && n.pid.Load() != 0 {
			all[n.name] = run.proc.Kin()
		}
	}
	return all
}

// survivorsLocked tells which processes live on of one that was ended, or who accepts
// in their place, once the kernel has had its moment.
func (n *node) survivorsLocked(run *incarnation) string {
	if kin := run.proc.Kin(); len(kin) > 0 {
		return fmt.Sprintf("%s was ended, but not all that it had started: %s", n.name, owner.Names(kin))
	}
	ctx, cancel := context.WithTimeout(context.Background(), lingers)
	defer cancel()
	for {
		who := n.acceptsLocked(context.Background()) // a dial that is cut short proves nothing
		if who == "" || pause(ctx) != nil {
			return who
		}
	}
}

// acceptsLocked tells at which private address of the member, whose process was
// ended, somebody accepts, and who; "" for nowhere.
func (n *node) acceptsLocked(ctx context.Context) string {
	for _, addr := range n.addresses() {
		if !slices.Contains(n.strange, addr) && accepts(ctx, addr) {
			return fmt.Sprintf("%s was ended, and yet somebody accepts at its private address %s: %s", n.name, addr, listeners(addr))
		}
	}
	return ""
}

// addresses returns where the member, and nobody else, is to listen. What clients
// dial may be another one's, such as a balancer's.
func (n *node) addresses() []string { return addresses(n.o.Target, &n.member) }

func addresses(t target.Target, m *target.Member) []string {
	all := slices.AppendSeq([]string{m.PeerAddr, m.ClientAddr}, maps.Values(m.Ports))
	own, _, _ := net.SplitHostPort(m.ClientAddr)
	client, err := target.ClientAddress(t, *m)
	if host, _, malformed := net.SplitHostPort(client); err == nil && malformed == nil && host == own {
		all = append(all, client)
	}
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(addr string) bool { return addr == "" })
}

// lookLocked looks at the member's addresses before it is started. Whoever accepts
// there before its first process is a stranger, of whom nothing follows. Later on it is
// somebody whom a kill did not reach: taken says so, and the member may then fail to
// come up, which is not held against it.
func (n *node) lookLocked() (taken bool) {
	if n.member.Inc == 0 {
		for _, addr := range n.addresses() {
			if accepts(context.Background(), addr) {
				n.strange = append(n.strange, addr)
				n.note(fmt.Sprintf("somebody accepts at its private address %s before it is started: %s", addr, listeners(addr)))
			}
		}
		return false
	}
	who := n.acceptsLocked(context.Background())
	if who != "" {
		n.note("it may fail to start: " + who)
	}
	return who != ""
}

// accepts tells whether a connection to addr is accepted. Only one that was is
// evidence: a dial may fail for want of ports as well.
func accepts(ctx context.Context, addr string) bool {
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func listeners(addr string) string {
	pids, err := owner.Listening(addr)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		return "which process cannot be told here"
	case err != nil || len(pids) == 0:
		return "a process that cannot be told, perhaps another user's"
	}
	return owner.Names(pids)
}

func (n *node) note(text string) {
	n.o.Record(history.Event{Run: &history.Run{What: history.RunNote, Node: n.name, Text: text}})
}

// leftLocked names what the end of the run leaves behind of the last process, "" for
// nothing.
func (n *node) leftLocked() string {
	run := n.last.Load()
	if run == nil || run.proc == nil {
		return ""
	}
	who := n.survivorsLocked(run)
	if who != "" {
		n.note("left behind: " + who)
	}
	return who
}
