package verdict

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/history"
)

// HeldText says what the members hold at a key: key k holds "a", written at
// revision 7, on n1 n2 and nothing on n3.
func HeldText(s *history.State) string {
	if len(s.Held) == 0 {
		return "key " + s.Key + " is held differently"
	}
	var order []string
	where := make(map[string][]string)
	first := s.Held[0]
	rest := !slices.ContainsFunc(s.Held, func(h history.Held) bool { // nothing else tells them apart
		return h.Missing != first.Missing || h.Value != first.Value || h.Revision != first.Revision
	})
	for _, h := range s.Held {
		text := "nothing"
		if !h.Missing {
			text = fmt.Sprintf("%q, written at revision %d,", h.Value, h.Revision)
		}
		if rest {
			text += fmt.Sprintf(" with version and lease %016x", h.Rest)
		}
		if where[text] == nil {
			order = append(order, text)
		}
		where[text] = append(where[text], h.Node)
	}
	for i, text := range order {
		order[i] = text + " on " + strings.Join(where[text], " ")
	}
	return fmt.Sprintf("key %s holds %s", s.Key, strings.Join(order, " and "))
}

func describeState(s *history.State) string {
	if s.Error != "" {
		return fmt.Sprintf("%s does not tell its %s: %s", s.Node, s.What, s.Error)
	}
	switch s.What {
	case history.StatePosition:
		return fmt.Sprintf("%s is at revision %d, having applied entries up to %d", s.Node, s.Revision, s.Applied)
	case history.StateHash:
		return fmt.Sprintf("%s tells the digest %08x of its data at revision %d, compacted at %d", s.Node, s.Hash, s.Revision, s.Compacted)
	case history.StateData:
		return fmt.Sprintf("%s shows %s at revision %d, digest %016x", s.Node, count.Many(s.Keys, "key"), s.Revision, s.Hash)
	case history.StateDiffer:
		if s.Revision == 0 {
			return HeldText(s)
		}
		return fmt.Sprintf("at revision %d, %s", s.Revision, HeldText(s))
	}
	return s.Node + ": " + string(s.What)
}

// describeLock says what is asked of a lock.
func describeLock(op *history.Op) string {
	switch op.F {
	case history.FAcquire:
		return fmt.Sprintf("lock %s as %s", op.Key, Value(op.Arg))
	case history.FRelease:
		text := fmt.Sprintf("unlock %s as %s", op.Key, Value(op.Arg))
		if token := OrElse(op.Got, op.Old); token != "" && op.Type != history.Fail {
			text += " with token " + token
		}
		return text
	}
	return fmt.Sprintf("write %s = %s with token %s", op.Key, Value(op.Arg), OrElse(op.Old, "unknown"))
}
