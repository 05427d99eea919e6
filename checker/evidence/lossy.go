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

// takesSynced lists the words of plans for faults that may take what a member has synced, so
// that nobody can hold the member to it, on disks of such a kind. A file system tells once of
// what it could not write, and may have it no more when it is synced again.
func takesSynced(disk string) []string {
	faults := []string{"lost-write", "short-write", "fail-sync", bitRot}
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
func silent() []string { return []string{"lost-write", bitRot} }

// Disks follows which members were hit by what may take synced bytes. The zero value has
// seen nothing.
type Disks struct {
	members []string
	kind    string
	hit     []string
	silent  []string // those of them that were told nothing
	others  bool     // something else than bit-rot hit one
	first   uint64   // the event at which the first was hit
}

// Event takes the next event.
func (d *Disks) Event(e *history.Event) {
	switch {
	case e.Run != nil && e.Run.What == history.RunBegin:
		d.members, d.kind = slices.Clone(e.Run.Nodes), strings.Clone(e.Run.Disk)
	case e.Fault != nil && e.Fault.What == history.FaultInject:
		what := theFault(e.Fault, takesSynced(d.kind)...)
		if what == "" {
			return
		}
		if len(d.hit) == 0 {
			d.first = e.Seq
		}
		d.hit = with(d.hit, e.Fault.Nodes)
		d.others = d.others || what != bitRot
		if slices.Contains(silent(), what) {
			d.silent = with(d.silent, e.Fault.Nodes)
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

// Hit tells whether any was.
func (d *Disks) Hit() bool { return len(d.hit) > 0 }

// OnlyRotten tells whether all that has hit any was bit-rot, and something has.
func (d *Disks) OnlyRotten() bool { return len(d.hit) > 0 && !d.others }

// Before tells whether an event, of which 0 is none, came before the first of them was hit.
func (d *Disks) Before(event uint64) bool { return event > 0 && event < d.first }

// Silent lists the members that may have lost what they had synced without a word, so that
// they cannot be held to what they had promised.
func (d *Disks) Silent() []string { return d.silent }

// Spared says why a majority need not have what was synced; "" if one has.
func (d *Disks) Spared() string {
	if len(d.hit) == 0 || 2*len(d.hit) < len(d.members) {
		return ""
	}
	return fmt.Sprintf("faults may have taken what was synced from %s, which is no minority", strings.Join(d.hit, " "))
}

// Loss says why the loss of what was acknowledged proves nothing; "" if it does prove
// something. A majority elects and a majority keeps: what both share has to be more members
// than were robbed without a word.
func (d *Disks) Loss() string {
	if why := d.Spared(); why != "" {
		return why
	}
	n := len(d.members)
	if len(d.silent) == 0 || len(d.silent) < 2*(n/2+1)-n {
		return ""
	}
	return fmt.Sprintf("faults may have taken without a word what was synced from %s, and a majority of %d need not have another that keeps it",
		strings.Join(d.silent, " "), n)
}
