package engine

import (
	"context"
	"math"
	"time"

	"github.com/usurper/usurper/harness/cluster"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
)

// HoldForever is the Config.Hold of a run that is held until its context ends.
const HoldForever time.Duration = math.MaxInt64

// Held is a system that was left running because a rule is broken.
type Held struct {
	Dir     results.Dir
	Broken  string        // the checker, and what it found
	For     time.Duration // how long it is held, HoldForever for as long as the run's context lasts
	Members []HeldMember
}

// HeldMember is one of its members.
type HeldMember struct {
	Name       string
	Pid        int // 0 if it is down
	ClientAddr string
	DataDir    string
	Log        string // the file of what it prints
	Trace      string // "" for none
}

// hold keeps the system running for whoever wants to look at it, everything healed
// and without clients, if the attack ended for a broken rule and the run is to be
// held. It returns once the time is up or ctx ends, which then interrupts nothing.
func (r *run) hold(ctx context.Context) {
	if r.broken == "" || r.cfg.Hold <= 0 {
		return
	}
	r.note("", "held for a look at it: "+r.broken)
	if r.cfg.Holding != nil {
		r.cfg.Holding(r.held())
	}
	since := r.rec.Now()
	sleep(ctx, r.cfg.Hold)
	// Members may have been stopped by a debugger: their timing proves nothing.
	r.rec.Record(history.Event{Run: &history.Run{What: history.RunStall, Stall: r.rec.Now() - since}})
}

func (r *run) held() Held {
	h := Held{Dir: r.dir, Broken: r.broken, For: r.cfg.Hold}
	pids := r.cluster.Pids()
	for _, name := range r.cluster.Names() {
		m, err := r.cluster.Member(name)
		if err != nil {
			continue
		}
		held := HeldMember{
			Name: name, ClientAddr: m.ClientAddr, DataDir: m.DataDir, Trace: m.TraceFile,
			Log: cluster.LogFile(r.dir.Path(results.NodesDir), name),
		}
		if len(pids[name]) > 0 {
			held.Pid = pids[name][0]
		}
		h.Members = append(h.Members, held)
	}
	return h
}
