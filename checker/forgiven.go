package checker

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/evidence"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// forgive takes back what members may do that were robbed of what they had synced. Whoever
// was told nothing of that is not held to what he had promised, which is told; and where too
// few are left who keep it, nobody can be held to what was acknowledged, which is unknown
// then. What was proven before that, what members do that were not robbed and that follows
// from nothing that others forget, and that a value is read which nobody ever wrote, stays.
// What is left is the report's verdict.
func (r *Report) forgive(d *evidence.Disks) {
	for i := range r.Results {
		result := &r.Results[i]
		if slices.Contains(ofLoss(), result.Checker) {
			result.Excuse(func(v *Violation) string { return ownLoss(d, v) })
			result.Doubt(func(v *Violation) string { return doubt(d, result.Checker, v) })
		}
		r.Verdict = Worse(r.Verdict, result.Verdict)
	}
}

// forgives tells whether what a checker finds broken may be taken back in the end.
func (r *Runner) forgives(checker string) bool {
	return r.summary.disks.Hit() && slices.Contains(ofLoss(), checker)
}

// ofLoss lists the checkers whose rules may be broken where what was synced is gone. A member
// that is told to take back what was committed may well end, or say that this cannot be.
func ofLoss() []string {
	return []string{"votes", "logs", "election", "claims", "stale-log", "linearizable", "set", "lock", "transactions", "autopsy",
		"node-logs", "assertions"}
}

// promises lists the rules that a member breaks all by itself, whatever others forget.
func promises() []string {
	return []string{
		"two votes in one term", "a vote was forgotten", "a vote at a stale term",
		"a term went back", "durable entries were lost",
		"a leader removed entries", "a leader committed an entry of an earlier term by itself",
	}
}

// invented lists the rules that no loss breaks.
func invented() []string {
	return []string{"a value that nobody wrote", "a value that nobody added", "garbage-read"}
}

// ownLoss says why a member need not have kept a promise; "" if it had to.
func ownLoss(d *evidence.Disks, v *Violation) string {
	if !slices.Contains(promises(), v.Rule) {
		return ""
	}
	who, robbed := about(v), d.Silent(proven(v))
	if len(who) == 0 || slices.ContainsFunc(who, func(n string) bool { return !slices.Contains(robbed, n) }) {
		return ""
	}
	return "it may have been robbed of what it had synced without a word"
}

// doubt says why a broken rule proves nothing; "" if it does. Whom a member votes for is its
// own affair, and that of who asks it.
func doubt(d *evidence.Disks, checker string, v *Violation) string {
	if slices.Contains(invented(), v.Rule) || slices.Contains(promises(), v.Rule) {
		return ""
	}
	robbed := d.Silent(proven(v))
	if checker == "autopsy" {
		return rotten(robbed, v)
	}
	if why := d.Loss(proven(v)); why != "" && checker != "votes" {
		return why
	}
	for _, n := range append(about(v), peers(v)...) {
		if slices.Contains(robbed, n) {
			return fmt.Sprintf("faults may have taken without a word what was synced from %s", strings.Join(robbed, " "))
		}
	}
	return ""
}

// proven is the event with which a rule was broken for sure: what comes later takes nothing of it back.
func proven(v *Violation) uint64 {
	if at := v.Proven(); at > 0 {
		return at
	}
	return verdict.Forever
}

// rotten says why what is wrong with files that were left is nobody's doing; "" if it is a member's.
func rotten(robbed []string, v *Violation) string {
	for i := range v.Events {
		if r := v.Events[i].Run; r != nil && (r.Node == "" && len(robbed) > 0 || slices.Contains(robbed, r.Node)) {
			return fmt.Sprintf("faults may have damaged without a word what %s had", strings.Join(robbed, " "))
		}
	}
	return ""
}

// about lists the members whose deeds prove it.
func about(v *Violation) (who []string) {
	for i := range v.Events {
		switch e := &v.Events[i]; {
		case e.Raft != nil:
			who = append(who, e.Raft.Node)
		case e.Run != nil && e.Run.What == history.RunAssertion:
			who = append(who, e.Run.Node)
		}
	}
	return who
}

// peers lists those with whom they had to do.
func peers(v *Violation) (who []string) {
	for i := range v.Events {
		if r := v.Events[i].Raft; r != nil {
			who = append(who, r.Peer)
		}
	}
	return who
}
