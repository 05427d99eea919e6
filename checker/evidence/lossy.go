package evidence

import (
	"fmt"
	"slices"
	"strings"

	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/history"
)

// powerFailure is the word of plans for the faults that take what was not synced, and
// nothing else.
const powerFailure = "power-failure"

// lyingDisk is the word of plans for writes that disks say they have made, and have not.
const lyingDisk = "lost-write"

// takesSynced lists the words of plans for faults that may take what a member has synced, so
// that nobody can hold the member to it, on disks of such a kind. A file system tells once of
// what it could not write, and may have it no more when it is synced again.
func takesSynced(disk string) []string {
	faults := []string{lyingDisk, "short-write", "fail-sync", bitRot}
	if disk != "" && disk != "fuse" { // it failed below the file system
		faults = append(faults, "fail-write")
	}
	return faults
}

// theFault is which of these faults it is, as plans call them; "" for none of them.
func theFault(f *history.Fault, faults ...string) string {
	for word := range strings.FieldsSeq(verdict.OrElse(f.Resolved, f.Text)) {
		if i := slices.Index(faults, word); i >= 0 {
			return faults[i]
		}
	}
	return ""
}

// silent lists those of them that tell the member nothing.
func silent() []string { return []string{lyingDisk, bitRot} }

// withoutEffect tells whether it is the end of a fault that did nothing.
func withoutEffect(f *history.Fault) bool {
	if f.What != history.FaultHeal || f.Bit || f.Reason != "" {
		return false
	}
	for _, n := range f.Evidence { // a fault may do what it does and count as one that did not bite
		if n > 0 {
			return false
		}
	}
	return true
}

// Disks follows which members were hit by what may take synced bytes. What had no effect hit
// nobody, which is known once it has ended. The zero value has seen nothing.
type Disks struct {
	members []string
	kind    string
	thefts  []theft
}

// theft is a fault that may have taken what members had synced.
type theft struct {
	step  int
	what  string
	nodes []string
	at    uint64 // its event
}

// Event takes the next event.
func (d *Disks) Event(e *history.Event) {
	switch {
	case e.Run != nil && e.Run.What == history.RunBegin:
		d.members, d.kind = slices.Clone(e.Run.Nodes), strings.Clone(e.Run.Disk)
	case e.Fault == nil:
	case e.Fault.What == history.FaultInject:
		if what := theFault(e.Fault, takesSynced(d.kind)...); what != "" {
			d.thefts = append(d.thefts, theft{e.Fault.Step, what, with(nil, e.Fault.Nodes), e.Seq})
		}
	case withoutEffect(e.Fault):
		for i := range slices.Backward(d.thefts) {
			if d.thefts[i].step == e.Fault.Step {
				d.thefts = slices.Delete(d.thefts, i, i+1)
				break
			}
		}
	}
}

func with(all, more []string) []string {
	for _, n := range more {
		if !slices.Contains(all, n) {
			all = append(all, strings.Clone(n))
		}
	}
	return all
}

// hit lists the members that were hit before an event by one of these faults; by any, if none
// is named.
func (d *Disks) hit(before uint64, faults ...string) (all []string) {
	for i := range d.thefts {
		if t := &d.thefts[i]; t.at < before && (len(faults) == 0 || slices.Contains(faults, t.what)) {
			all = with(all, t.nodes)
		}
	}
	return all
}

// Hit tells whether any was.
func (d *Disks) Hit() bool { return len(d.thefts) > 0 }

// OnlyRotten tells whether all that has hit any was bit-rot, and something has.
func (d *Disks) OnlyRotten() bool {
	return d.Hit() && !slices.ContainsFunc(d.thefts, func(t theft) bool { return t.what != bitRot })
}

// Silent lists the members that may have lost, before an event, what they had synced without a
// word, so that they cannot be held to what they had promised.
func (d *Disks) Silent(before uint64) []string { return d.hit(before, silent()...) }

// Spared says why a majority need not have at an event what was synced; "" if one has.
func (d *Disks) Spared(at uint64) string {
	hit := d.hit(at)
	if len(hit) == 0 || 2*len(hit) < len(d.members) {
		return ""
	}
	return fmt.Sprintf("faults may have taken what was synced from %s, which is no minority", strings.Join(hit, " "))
}

// Loss says why it proves nothing that what was acknowledged was gone at an event; "" if it
// does prove something. A majority elects and a majority keeps: what both share has to be
// more members than were robbed without a word.
func (d *Disks) Loss(at uint64) string {
	if why := d.Spared(at); why != "" {
		return why
	}
	n, robbed := len(d.members), d.Silent(at)
	if len(robbed) == 0 || len(robbed) < 2*(n/2+1)-n {
		return ""
	}
	return fmt.Sprintf("faults may have taken without a word what was synced from %s, and a majority of %d need not have another that keeps it",
		strings.Join(robbed, " "), n)
}

// Differing says why it proves nothing that these members differ from the others at an event;
// "" if it does prove something. What a disk says that it wrote and did not, nobody can know; a
// file that rots a member has to notice, and not to serve. Others differ as well once something
// that they have applied is lost.
func (d *Disks) Differing(odd []string, at uint64) string {
	lied := d.hit(at, lyingDisk)
	rotten := func(n string) bool { return slices.Contains(d.hit(at, bitRot), n) && !slices.Contains(lied, n) }
	if !slices.ContainsFunc(odd, func(n string) bool { return !rotten(n) }) {
		return ""
	}
	if why := d.Loss(at); why != "" {
		return why
	}
	if !slices.ContainsFunc(odd, func(n string) bool { return slices.Contains(lied, n) }) {
		return ""
	}
	return fmt.Sprintf("faults may have taken without a word what was written by %s", strings.Join(lied, " "))
}
