package audit

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/usurper/usurper/harness/target"
)

const (
	// watchLimit bounds one question to a member that may be away.
	watchLimit = time.Second
	// watchShare is how many times as long as the asking takes the pause after it is,
	// at least: digests of much data cost the members as much as their clients do.
	watchShare = 20
)

// Watch compares what the members hold again and again while the run is under way,
// until ctx ends. Whoever does not answer is left out; those who do are compared
// at the lowest revision that one of them is at. Nothing is concluded from a member
// that is late, since at one revision it holds what the others held there.
func Watch(ctx context.Context, o Options) {
	if len(o.Members) < 2 {
		return
	}
	a := audit{Options: o, amid: true, limit: watchLimit}
	pause := time.NewTimer(o.Pause)
	defer pause.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-pause.C:
		}
		begun := time.Now()
		a.round++
		a.look(ctx)
		pause.Reset(max(o.Pause, watchShare*time.Since(begun)))
	}
}

// look compares those who answer, once.
func (a *audit) look(ctx context.Context) {
	at := a.positions(ctx, a.round)
	if len(at) < 2 {
		return
	}
	there := *a
	there.Members = among(a.Members, at)
	lowest := slices.Min(slices.Collect(maps.Values(revisions(at))))
	digests, _ := there.digests(ctx, lowest)
	if differ(digests) {
		there.Members = among(there.Members, digests)
		there.compare(ctx, lowest)
	}
}

// among keeps the members that told.
func among[T any](members []target.Member, told map[string]T) []target.Member {
	return slices.DeleteFunc(slices.Clone(members), func(m target.Member) bool {
		_, ok := told[m.Name]
		return !ok
	})
}

// differ tells whether two digests differ that can be compared.
func differ(told map[string]target.Digest) bool {
	hashes := make(map[uint64]uint64) // by what is forgotten
	for _, d := range told {
		if h, ok := hashes[d.Compacted]; ok && h != d.Hash {
			return true
		}
		hashes[d.Compacted] = d.Hash
	}
	return false
}
