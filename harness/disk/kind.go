package disk

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
