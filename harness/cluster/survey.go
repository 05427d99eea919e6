package cluster

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/usurper/usurper/harness/target"
)

// Statuses asks every member for its status at once. Members that do not answer
// within a second are left out. What they answer, here and wherever else the
// cluster asks, is in the history.
func (c *Cluster) Statuses(ctx context.Context) map[string]target.Status {
	return c.ask(ctx).statuses
}

// survey is what the members said when they were all asked at once.
type survey struct {
	statuses map[string]target.Status
	errs     map[string]error // of those that gave no status
}

func (c *Cluster) ask(ctx context.Context) survey {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	var mu sync.Mutex
	var wg sync.WaitGroup
	s := survey{make(map[string]target.Status), make(map[string]error)}
	for _, n := range c.nodes {
		wg.Go(func() {
			m, err := c.Member(n.name)
			var status target.Status
			if err == nil {
				status, err = c.o.Target.Status(ctx, m)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				s.errs[n.name] = err
				return
			}
			c.said(n, &m, &status)
			s.statuses[n.name] = status
		})
	}
	wg.Wait()
	return s
}

// look asks every member for its status. What was asked when ctx ended says
// nothing about the members: then it is what was seen last.
func (c *Cluster) look(ctx context.Context, last survey) survey {
	seen := c.ask(ctx)
	if ctx.Err() != nil && last.statuses != nil {
		return last
	}
	return seen
}

// leader returns the member that a majority follows, and its term. Of members
// that say nothing of roles it can only tell that a majority answers: then it
// is "".
func (c *Cluster) leader(seen survey) (string, uint64, error) {
	all := seen.statuses
	silent := 0
	for name, s := range all {
		if s.Role == "" {
			silent++
		}
		if s.Role != "leader" {
			continue
		}
		agree := 0
		for _, other := range all {
			same := other.Term == s.Term || other.Term == 0 || s.Term == 0 // or not told
			if same && other.Leader == name {
				agree++
			}
		}
		if agree > len(c.nodes)/2 {
			return name, s.Term, nil
		}
	}
	if silent == len(all) && silent > len(c.nodes)/2 {
		return "", 0, nil
	}
	return "", 0, fmt.Errorf("no leader that a majority follows: %d of %d members answer", len(all), len(c.nodes))
}

// words tells the role of each member and the leader that it names.
func words(all map[string]target.Status) string {
	var each []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		each = append(each, fmt.Sprintf("%s is %s in term %d and names %s", name, cmp.Or(s.Role, "silent"), s.Term, cmp.Or(s.Leader, "nobody")))
	}
	return strings.Join(each, ", ")
}

// unready says what keeps the cluster from being ready: the members that give no
// status, with the reason and the last log lines of the first, or that there is
// no leader.
func (c *Cluster) unready(seen survey) string {
	silent := slices.Sorted(maps.Keys(seen.errs))
	if len(silent) == 0 {
		return "all members answer, but no majority names one leader: " + words(seen.statuses)
	}
	first := silent[0]
	text := fmt.Sprintf("no status from %s: %v", strings.Join(silent, ", "), seen.errs[first])
	n, err := c.node(first)
	if err != nil {
		return text
	}
	if lines := n.log.lastLines(); len(lines) > 0 {
		return fmt.Sprintf("%s; the last log lines of %s:\n%s", text, first, strings.Join(lines, "\n"))
	}
	return text + "; it has logged nothing"
}
