package evidence

import (
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// fate is what the final reads say of an acknowledged write.
type fate uint8

const (
	untold  fate = iota // nothing: it was overwritten, say
	present             // it is there
	gone                // it is lost
)

// finalAnswer is a final read that was served.
type finalAnswer struct{ asked, done history.Event }

// view is what a read shows of a key.
type view struct {
	r     *finalAnswer
	has   map[uint32]bool
	until uint64 // of a register: when the last had been answered who can have written what was read
}

// read returns what a read shows.
func (c *Lost) read(k *keptKey, r *finalAnswer) view {
	v := view{r: r, has: make(map[uint32]bool)}
	for value := range shown(r.done.Op) {
		v.has[c.values.ID(value)] = true
	}
	if k.grows {
		return v
	}
	value := c.values.ID(r.done.Op.Got)
	wrote := value == 0 // what was never written is nothing
	for i := range k.writes {
		w := &k.writes[i]
		if w.value != value || w.outcome == verdict.Failed {
			continue
		}
		wrote = true
		if w.outcome == verdict.Open {
			v.until = verdict.Forever
			return v
		}
		v.until = max(v.until, w.done.Seq)
	}
	if !wrote {
		v.until = verdict.Forever
	}
	return v
}

// between are the reads of a key that were the first after a failure, which narrow down when
// a write went.
func (c *Lost) between(k *keptKey) (views []view) {
	for _, f := range c.failures {
		if r := f.first[k]; r != nil {
			views = append(views, c.read(k, r))
		}
	}
	return views
}

// outcomeOf is what the final reads that came after a write say of it, and which of them.
func (w *keptWrite) outcomeOf(k *keptKey, shows []view) (f fate, by int) {
	for i := range shows {
		switch said := w.in(k, &shows[i]); said {
		case gone:
			f, by = gone, i
		case untold:
			if shows[i].r.asked.Seq >= w.done.Seq {
				return untold, i
			}
		default:
			return said, i
		}
	}
	return f, by
}

// in is what a read that was asked for after a write says of it, which is nothing of any other.
func (w *keptWrite) in(k *keptKey, v *view) fate {
	switch {
	case v.r.asked.Seq < w.done.Seq:
		return untold
	case v.has[w.value] && w.value == 0:
		return untold // nothing is there, as there was before anything was written
	case v.has[w.value]:
		return present
	case k.grows, v.until < w.invoke.Seq:
		return gone
	}
	return untold
}
