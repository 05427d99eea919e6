package verdict

import (
	"slices"

	"github.com/usurper/usurper/harness/history"
)

// NotMinimal is what an explanation says of which some operation may not be needed as
// it is: another one of the same kind, at another time, might do.
const NotMinimal = "; not minimal"

// Prover makes explanations proofs that show no more than they need.
type Prover struct {
	// Fresh returns a new checker of the same kind, as a [Findings.Trial].
	Fresh func() Checker
	// Grows is how a key grows that is read as a whole (see [Unshown]). Nil: there is none.
	Grows func(key string) history.F
	// Keep is set if each rule says something of its own: an explanation is then not made
	// one of another rule, even if that needs less.
	Keep bool
	// Enables tells that an operation may be what makes another legal: to leave it out would
	// tell the other's story wrong. Nil: none does, but who writes what others write too.
	Enables func(op, other Shown) bool
	// Plainly says of a key, of which these operations prove something, that they do,
	// and no more. It returns "" where the text that the checker has for these operations
	// alone, which break a rule, is true of the whole history too. Nil: it always is, as
	// long as nobody is left out who writes what others write too.
	Plainly func(key, rule string, ops []Shown) string
}

// Trial makes the findings those of a history that a Prover tries: they are left as
// they are.
func (f *Findings) Trial() { f.trial = true }

// Prove makes each explanation a proof. It is called before Result.
//
// Operations are left out as long as what is left is rejected, however the one left out
// may have taken effect. What is left is then told as the checker tells it. If one of
// its operations can not be done without, but is not needed as it is either, the text
// says so: it is not minimal.
func (f *Findings) Prove(p Prover) {
	if f.trial {
		return
	}
	for i := range f.violations {
		t := trial{Prover: p}
		t.prove(&f.violations[i])
	}
}

// trial tries parts of an explanation.
type trial struct {
	Prover
	also Unshown
	rule string
}

// MaxProven is how many operations an explanation may have to be made minimal. One that
// needs more, such as a long cycle, shows some of them and proves nothing by itself.
const MaxProven = 64

// judge returns what is wrong with the operations as a history.
func (t *trial) judge(ops []Shown, loose ...history.Op) []Violation {
	c := t.Fresh()
	u := t.also
	u.Loose = slices.Concat(u.Loose, loose)
	for _, e := range Alone(ops, u) {
		c.Event(&e)
	}
	return c.Finish().Violations
}

// counts tells whether what was found is still the violation.
func (t *trial) counts(found []Violation) bool {
	return len(found) > 0 && (!t.Keep || broken(found, t.rule))
}

func broken(found []Violation, rule string) bool {
	return slices.ContainsFunc(found, func(v Violation) bool { return v.Rule == rule })
}

func (t *trial) prove(v *Violation) {
	ops := ShownIn(v.Events)
	if len(ops) == 0 || len(ops) > MaxProven {
		v.Text += NotMinimal
		return
	}
	key := ops[0].Call.Op.Key
	if t.Grows != nil {
		t.also.Grows = t.Grows(key)
	}
	t.rule = v.Rule
	told := t.judge(ops)
	if !t.counts(told) {
		t.also.Nobody = true
		if told = t.judge(ops); !t.counts(told) {
			v.Text += NotMinimal
			return
		}
	}
	less, needed := t.reduce(ops)
	if len(less) < len(ops) {
		told = t.judge(less)
	}
	same := max(slices.IndexFunc(told, func(o Violation) bool { return o.Rule == v.Rule }), 0)
	if told[same].Rule != v.Rule || len(less) < len(ops) {
		v.Rule, v.Text = told[same].Rule, told[same].Text
		if t.Plainly != nil {
			if text := t.Plainly(key, v.Rule, less); text != "" {
				v.Text = text
			}
		}
	}
	if !t.shorten(less, needed, v.Rule) {
		v.Text += NotMinimal
	}
	v.Events = Evidence(less)
}

// reduce leaves out what is not needed. Of the rest it tells which are known to be needed
// as they are.
func (t *trial) reduce(ops []Shown) (rest []Shown, needed []bool) {
	needed = make([]bool, len(ops))
	for i := len(ops) - 1; i >= 0; i-- {
		less, loose := without(ops, i), ops[i].Loose()
		several := oneOfSeveral(ops[i], less) || t.enables(ops[i], less)
		if several && t.Plainly == nil {
			continue
		}
		found := t.judge(less, loose...)
		needed[i] = len(found) == 0 && len(t.also.Loose) == 0
		if t.counts(found) && t.counts(t.judge(less)) {
			ops, needed = less, slices.Delete(needed, i, i+1)
			t.also.Loose = append(t.also.Loose, loose...)
			if several { // the others may have been legal because of it
				clear(needed)
			}
		}
	}
	t.also.Loose = nil
	return ops, needed
}

// shorten leaves out answers that are not needed, of operations that are. It tells
// whether the others are needed as they are.
func (t *trial) shorten(ops []Shown, needed []bool, rule string) (minimal bool) {
	minimal = true
	for i := range ops {
		s := ops[i]
		if needed[i] || !s.Answered() || len(t.judge(without(ops, i), s.Loose()...)) == 0 {
			continue
		}
		ops[i].Done = history.Event{}
		if !broken(t.judge(ops), rule) {
			ops[i], minimal = s, false
		}
	}
	return minimal
}

// enables tells whether an operation may be what makes one of the others legal.
func (t *trial) enables(s Shown, others []Shown) bool {
	return t.Enables != nil && slices.ContainsFunc(others, func(o Shown) bool { return t.Enables(s, o) })
}

func without(ops []Shown, i int) []Shown { return slices.Delete(slices.Clone(ops), i, i+1) }

// oneOfSeveral tells whether an operation writes a value that others observed and that
// is not written by it alone. To leave it out would tell the value's story wrong.
func oneOfSeveral(s Shown, others []Shown) bool {
	for _, d := range s.deeds() {
		if d.reads() {
			continue
		}
		observed, again := false, d.Arg == ""
		for _, o := range others {
			for _, other := range o.deeds() {
				if other.Key != d.Key {
					continue
				}
				if d.F == history.FAcquire && other.F == history.FRelease && other.Arg == d.Arg {
					return true
				}
				observed = observed || slices.Contains(other.observed(), d.Arg)
				again = again || !other.reads() && other.writes(d.Arg)
			}
		}
		if observed && again {
			return true
		}
	}
	return false
}
