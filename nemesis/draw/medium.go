package draw

import (
	"time"

	"pgregory.net/rapid"

	"github.com/usurper/usurper/nemesis"
)

// power draws a power failure. What disks keep is now and then not said, or half of it.
func (d drawer) power(t *rapid.T, triggered bool) nemesis.Fault {
	keep := nemesis.Keep{What: rapid.SampledFrom([]string{nemesis.KeepNothing, nemesis.KeepNames, nemesis.KeepSome, ""}).Draw(t, "keep")}
	if keep.What == nemesis.KeepSome {
		keep.Seed = rapid.Uint64Range(0, 100).Draw(t, "seed")
	}
	quiet := rapid.Bool().Draw(t, "quiet")
	of := func(who nemesis.Target) nemesis.Fault {
		return nemesis.PowerFailure{Who: who, Keep: keep, Quiet: quiet}
	}
	if rare(t, "staggered") {
		return d.staggered(t, of, triggered)
	}
	return of(d.members(t, triggered))
}

// meddling is a kind of fault of files.
func (d drawer) meddling(action string, triggered bool) fault {
	return fault{action, func(t *rapid.T) nemesis.Fault {
		f := nemesis.FileFault{Action: action, Who: d.members(t, triggered), Files: d.files(t)}
		if action == "slow-sync" {
			f.Delay = d.positive(t, "delay")
			f.Jitter = d.Unit * time.Duration(rapid.IntRange(0, int(f.Delay/d.Unit)).Draw(t, "jitter"))
		}
		return f
	}}
}

// files draws a class of files, a pattern, or none.
func (d drawer) files(t *rapid.T) string {
	return rapid.SampledFrom([]string{"", "wal", "snapshot", "*.log", "member/*", "[a-z]?", `\\x`, "LOCK"}).Draw(t, "files")
}

// constrained is a kind of fault of the machine.
func (d drawer) constrained(kind string, triggered bool) fault {
	return fault{kind, func(t *rapid.T) nemesis.Fault {
		f := nemesis.Constrained{Who: d.members(t, triggered)}
		switch kind {
		case "clock":
			f.Clock = d.clock(t)
		case "slow":
			f.CPU = float64(rapid.IntRange(1, 200).Draw(t, "half percents")) / 2
		case "starve":
			if rapid.Bool().Draw(t, "by share") {
				f.Share = float64(rapid.IntRange(200, 1000).Draw(t, "half percents")) / 2
				break
			}
			f.Memory = rapid.Int64Range(1_000_000, 1<<40).Draw(t, "memory")
		case "freeze":
			f.Freeze = true
		}
		return f
	}}
}

// clock draws a clock that is not right.
func (d drawer) clock(t *rapid.T) *nemesis.Clock {
	switch rapid.IntRange(0, 2).Draw(t, "clock") {
	case 0:
		offset := d.positive(t, "offset")
		if rapid.Bool().Draw(t, "late") {
			offset = -offset
		}
		return &nemesis.Clock{Offset: offset}
	case 1:
		drift := rapid.IntRange(1, 1_000_000).Draw(t, "half millionths")
		if rapid.Bool().Draw(t, "late") {
			drift = -drift
		}
		return &nemesis.Clock{Drift: float64(drift) / 2}
	}
	return &nemesis.Clock{Offset: d.positive(t, "offset"), Every: max(d.positive(t, "every"), time.Millisecond)}
}
