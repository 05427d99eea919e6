package disk

import (
	"slices"

	"github.com/usurper/usurper/harness/disk/files"
)

// Engines lists what takes the power from a disk of a kind, the usual one first; none, if
// it loses none.
func Engines(k Kind) []Engine {
	switch k {
	case Ext4, XFS:
		return []Engine{Shutdown, Block}
	case Btrfs:
		return []Engine{Block}
	}
	return nil
}

// States lists what an engine may be told to keep, of the words of plans; "" is the usual
// engine of the kind.
func States(k Kind, e Engine) []string {
	engines := Engines(k)
	if len(engines) == 0 {
		return nil
	}
	if e == "" {
		e = engines[0]
	}
	if e == Block {
		return []string{"nothing", "some"}
	}
	return []string{"nothing", "names"}
}

// Troubles lists the faults, by the words of plans, by which such a disk fails while it has
// power, and whether they are below its file system, where nobody knows of files; "" is the
// usual engine of the kind.
func Troubles(k Kind, e Engine) (faults []string, below bool) {
	if k == FUSE {
		return words(files.Actions()), false
	}
	if usual(k, e) != Block || !slices.Contains(Engines(k), Block) {
		return nil, false
	}
	return words([]files.Action{files.SlowSync, files.FailSync, files.FailWrite}), true
}

func words(actions []files.Action) (all []string) {
	for _, a := range actions {
		all = append(all, string(a))
	}
	return all
}
