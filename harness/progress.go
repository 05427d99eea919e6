package harness

import (
	"fmt"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/count"
	"github.com/usurper/usurper/harness/engine"
)

// sayEvery is how often a test that is asked to tell more says how its run goes.
const sayEvery = 10 * time.Second

// telling says now and then how a run goes.
type telling struct {
	say  func(format string, args ...any)
	next time.Duration
}

func (p *telling) update(now engine.Progress) {
	if p.next == 0 {
		p.next = sayEvery
	}
	if now.At < p.next {
		return
	}
	p.next = now.At + sayEvery
	if now.Phase == engine.PhasePrepare {
		p.say("%s", strings.TrimRight(fmt.Sprintf("%.0fs: prepare: %s", now.At.Seconds(), now.Doing), ": "))
		return
	}
	text := fmt.Sprintf("%.0fs: %s, %s succeeded, %.0f a second", now.At.Seconds(), strings.TrimSpace(now.Phase), count.Many(now.OK, "operation"), now.PerSec)
	if now.Leader.Node != "" {
		text += ", leader " + now.Leader.Node
	}
	if now.Steps > 0 {
		text += fmt.Sprintf(", %d of %s done", now.Done, count.Many(now.Steps, "step"))
	}
	if len(now.Faults) > 0 {
		text += ": " + strings.Join(now.Faults, "; ")
	}
	p.say("%s", text)
}
