package night

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/usurper/usurper/harness/engine"
)

// Plan is a night that has begun: its request, and what was settled then. It is saved
// before anything is run, and says what every run of the night is, so that a night that
// was killed goes on with what it has not made.
type Plan struct {
	Format int       `json:"format"` // [planFormat]
	Night  string    `json:"night"`  // its name, that of its directory
	Seed   uint64    `json:"seed"`   // of run 1
	Begun  time.Time `json:"begun"`
	Limit  time.Time `json:"limit,omitzero"` // no run begins that would end later
	// Favour says which themes of random plans to draw more often than others, by what
	// nights before this one covered.
	Favour map[string]float64 `json:"favour,omitempty"`
	Request
}

// planFormat is the version of the saved plans.
const planFormat = 1

// Job is one run of a night.
type Job struct {
	Number int
	Seed   uint64
	Cell   *Cell
	// Nodes is how many members the seed drew, 0 if it did not.
	Nodes int
	// Args are the arguments of usurper that make the run, from anywhere.
	Args []string
	// Control is the name of the control that the run tries, empty for a run of the plan.
	Control string
}

// id tells the jobs of a night apart, and is a name for a folder.
func (j *Job) id() string {
	if j.Control == "" {
		return strconv.Itoa(j.Number)
	}
	return fmt.Sprintf("control-%d-%d", j.Seed, j.Number)
}

// Job returns run number n, counted from 1 over all shards. It is the same for every
// shard and after every resumption.
func (p *Plan) Job(n int) Job {
	j := Job{Number: n, Seed: p.Seed + uint64(n-1), Cell: p.cell(n)}
	j.Args = append([]string{"run"}, j.Cell.Args...)
	j.Args = append(j.Args, "--seed="+strconv.FormatUint(j.Seed, 10))
	if j.Cell.Sizes {
		j.Nodes = Size(j.Seed)
		j.Args = append(j.Args, "--nodes="+strconv.Itoa(j.Nodes))
	}
	if theme := p.favoured(&j); theme != "" {
		j.Args = append(j.Args, "--favour="+theme)
	}
	return j
}

// cell is the configuration of run number n. They take turns by weight, in rounds, each
// in an order of its own: a round has every cell as often as its weight says, so that a
// night which is long enough for one has run them all.
func (p *Plan) cell(n int) *Cell {
	round, at := 0, n-1
	total := 0
	for _, c := range p.Cells {
		total += max(1, c.Weight)
	}
	round, at = at/total, at%total
	order := engine.Stream(p.Seed+uint64(round), "cells").Perm(total)
	for at = order[at]; ; {
		for i := range p.Cells {
			if at -= max(1, p.Cells[i].Weight); at < 0 {
				return &p.Cells[i]
			}
		}
	}
}

// share is how many runs of the night are this shard's, 0 for no bound.
func (p *Plan) share() int {
	s := p.Shard.whole()
	if p.Runs == 0 {
		return 0
	}
	return (p.Runs - s.I + s.N) / s.N
}

// Size draws how many members a run has. Seeds that follow each other have others, until
// all had their turn.
func Size(seed uint64) int {
	sizes := []int{3, 4, 5, 7}
	turns := uint64(len(sizes))
	order := engine.Stream(seed/turns, "members").Perm(len(sizes))
	return sizes[order[seed%turns]]
}

// DaySeed is the seed of the k-th night, from 0, that begins on a day: no two of them
// have a seed in common unless one has more than ten thousand runs. It reads as the date:
// 20261130000001.
func DaySeed(day time.Time, k int) uint64 {
	y, m, d := day.Date()
	return uint64(y*10_000+int(m)*100+d)*1_000_000 + uint64(k)*10_000 + 1
}

// NameSeed is the seed of the night of a name.
func NameSeed(name string) uint64 {
	sum := sha256.Sum256([]byte(name))
	return binary.BigEndian.Uint64(sum[:])>>16 | 1 // 48 bits: any reader of JSON takes that
}

// name is what the k-th night of a day is called, and all shards of it: 20261130,
// 20261130.2.
func name(day time.Time, k int) string {
	text := day.Format("20060102")
	if k > 0 {
		text += "." + strconv.Itoa(k+1)
	}
	return text
}

// folder is the name of the night's directory: 20261130.2, 20261130.2-3of5.
func (p *Plan) folder() string {
	if s := p.Shard.whole(); s.N > 1 {
		return fmt.Sprintf("%s-%dof%d", p.Night, s.I, s.N)
	}
	return p.Night
}

// same tells whether two requests are for one night.
func same(a, b *Request) bool {
	return a.Build == b.Build && a.Shard.whole() == b.Shard.whole() && a.name() == b.name() && slices.Equal(a.Command, b.Command) &&
		slices.EqualFunc(a.Cells, b.Cells, func(a, b Cell) bool { return a.Name == b.Name && slices.Equal(a.Args, b.Args) })
}

// cells names the cells that the night must have run to be one: all, unless it is a shard
// with so few runs that others have some of them.
func (p *Plan) cells() []string {
	var names []string
	if p.Runs == 0 || p.Shard.whole().N == 1 {
		for _, c := range p.Cells {
			names = append(names, c.Name)
		}
		return names
	}
	for n := p.Shard.I; n <= p.Runs && len(names) < len(p.Cells); n += p.Shard.N {
		if c := p.cell(n); !slices.Contains(names, c.Name) {
			names = append(names, c.Name)
		}
	}
	return names
}
