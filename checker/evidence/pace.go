package evidence

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/history"
)

// pace is how fast a system elects and serves. It judges nothing: Raft is safe at any
// pace. Figures of many runs are compared elsewhere (harness/pace).
type pace struct {
	election time.Duration
	who      history.Leaders
	leader   string // the last, also after its end
	term     uint64

	firstLead time.Duration
	tellers   []history.Teller // of the leaders that came after a loss
	lost      time.Duration    // when the leader's process ended or was paused; -1
	paused    bool             // it is paused, and may go on as the leader
	losses    []time.Duration  // how long it took until another leader came
	vain      int64            // of them those that ended without one

	attacked bool // the faults have begun
	faults   int64
	stood    map[candidacy]bool
	first    uint64 // the highest term when the faults began
	highest  uint64

	ready, over bool
	lastOK      time.Duration
	gap         time.Duration // the longest time without a success, from ready to stop
	silent      time.Duration // all gaps together that are longer than silence
	tail        time.Duration // the gap so far
}

// silence is from when on a time without a success counts as one. It is the same
// whatever the timers, since systems with different ones are compared.
const silence = 100 * time.Millisecond

// candidacy is that a member stood in a term.
type candidacy struct {
	node string
	term uint64
}

func newPace() pace {
	return pace{stood: make(map[candidacy]bool), firstLead: -1, lost: -1}
}

// event takes the next event.
func (p *pace) event(e *history.Event) {
	if lead, first := p.who.Take(e); first {
		p.led(lead)
	}
	switch {
	case e.Run != nil:
		p.run(e)
	case e.Proc != nil:
		p.proc(e)
	case e.Fault != nil && e.Fault.What == history.FaultInject:
		p.faults++
	case e.Raft != nil:
		p.raft(e.Raft)
	case e.Op != nil && e.Op.Type != history.Invoke:
		p.answered(e)
	}
}

func (p *pace) run(e *history.Event) {
	switch {
	case e.Run.What == history.RunBegin:
		p.election = e.Run.Election
	case e.Run.What != history.RunPhase:
	case e.Run.Phase == history.PhaseReady:
		p.ready, p.lastOK = true, e.At
	case e.Run.Phase == history.PhaseFaults:
		p.attacked, p.first = true, p.highest
	case e.Run.Phase == history.PhaseStop:
		p.over = true
		if p.lost >= 0 && !p.paused {
			p.loss(e.At, false)
		}
	}
}

// proc notes that the leader's process went, or stands still.
func (p *pace) proc(e *history.Event) {
	if e.Proc.Node != p.leader || p.over {
		return
	}
	switch {
	case e.Proc.What == history.ProcExit:
		if p.lost < 0 {
			p.lost = e.At
		}
		p.paused = false
	case e.Proc.Pauses() && p.lost < 0:
		p.lost, p.paused = e.At, true
	case e.Proc.Resumes() && p.paused:
		// It leads on, as far as is known. Long enough for an election, that is one that
		// nobody held; shorter, it was no loss.
		if e.At-p.lost >= 2*p.election {
			p.loss(e.At, false)
		}
		p.lost, p.paused = -1, false
	}
}

// led notes a new leader. Where members say of themselves that they lead, a change is
// known no sooner than they are asked: that is told, not judged.
func (p *pace) led(l history.Leadership) {
	if l.Term < p.term || l.Term == p.term && l.By != history.BySelf {
		return
	}
	p.term, p.leader = l.Term, l.Node
	if p.firstLead < 0 {
		p.firstLead = l.At
	}
	if p.lost >= 0 && !p.over {
		p.loss(l.At, true)
		if !slices.Contains(p.tellers, l.By) {
			p.tellers = append(p.tellers, l.By)
		}
	}
}

// loss ends the time without a leader.
func (p *pace) loss(at time.Duration, succeeded bool) {
	p.losses = append(p.losses, at-p.lost)
	if !succeeded {
		p.vain++
	}
	p.lost, p.paused = -1, false
}

func (p *pace) raft(r *history.Raft) {
	if p.over || r.Group != "" || r.What != history.RaftCandidate && r.What != history.RaftLeader {
		return
	}
	p.highest = max(p.highest, r.Term)
	if key := (candidacy{r.Node, r.Term}); r.What == history.RaftCandidate && p.attacked && r.Term > p.first && !p.stood[key] {
		p.stood[candidacy{strings.Clone(r.Node), r.Term}] = true
	}
}

// answered takes the end of an operation: a success, or a word that there was none up
// to now.
func (p *pace) answered(e *history.Event) {
	if !p.ready || p.over {
		return
	}
	p.tail = e.At - p.lastOK
	p.gap = max(p.gap, p.tail)
	if e.Op.Type == history.OK {
		p.silent += p.long()
		p.lastOK, p.tail = e.At, 0
	}
}

// long is the gap so far, if it is one.
func (p *pace) long() time.Duration {
	if p.tail <= silence {
		return 0
	}
	return p.tail
}

// tell counts the figures and returns those that a report names.
func (p *pace) tell(count func(stat string, n int64)) string {
	if p.firstLead >= 0 {
		count("first-leader-ms", p.firstLead.Milliseconds())
	}
	count("longest-gap-ms", p.gap.Milliseconds())
	count("silent-ms", (p.silent + p.long()).Milliseconds())
	count("faults", p.faults)
	if p.highest > 0 {
		count("candidacies", int64(len(p.stood)))
		count("terms", int64(p.highest-p.first))
	}
	summary := fmt.Sprintf("longest time without a success %v", p.gap.Round(time.Millisecond))
	n := len(p.losses)
	if n == 0 {
		return summary
	}
	slices.Sort(p.losses)
	median := p.losses[n/2]
	count("failovers", int64(n))
	count("failovers-in-vain", p.vain)
	count("failover-median-ms", median.Milliseconds())
	count("failover-max-ms", p.losses[n-1].Milliseconds())
	if p.vain == int64(n) {
		return summary + fmt.Sprintf(", no new leader after the loss of one (%d)", n)
	}
	within := "in"
	if slices.Contains(p.tellers, history.BySelf) {
		within = "in at most" // members are asked now and then
	}
	summary += fmt.Sprintf(", new leader after the loss of one %s %v (median of %d: %s", within, median.Round(time.Millisecond), n, p.told())
	if p.vain > 0 {
		summary += fmt.Sprintf("; none came after %d", p.vain)
	}
	return summary + ")"
}

// told names how it is known who led.
func (p *pace) told() string {
	var how []string
	for _, t := range p.tellers {
		how = append(how, string(t))
	}
	slices.Sort(how)
	return strings.Join(how, " and ")
}
