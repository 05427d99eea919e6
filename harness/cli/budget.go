package cli

import (
	"fmt"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/pflag"

	"github.com/usurper/usurper/checker"
)

// budgetFlags say what the searches of checkers may spend.
type budgetFlags struct {
	steps  int64
	memory string
	wall   time.Duration
}

func (b *budgetFlags) add(fs *pflag.FlagSet) {
	fs.Int64Var(&b.steps, "steps", 5_000_000, "judging: steps that one search for an order of operations may take")
	fs.StringVar(&b.memory, "memory", "256MiB", "judging: what one such search may remember")
	fs.DurationVar(&b.wall, "search-for", 2*time.Minute, "judging: the time that all such searches may take together")
}

func (b *budgetFlags) options() (o checker.Options, err error) {
	bytes, err := humanize.ParseBytes(b.memory)
	switch {
	case err != nil || bytes == 0 || bytes > 1<<50:
		return o, fmt.Errorf("--memory %s: use a size such as 512MiB or 2GiB", b.memory)
	case b.steps <= 0:
		return o, fmt.Errorf("--steps %d: use a positive number, such as 50000000", b.steps)
	case b.wall <= 0:
		return o, fmt.Errorf("--search-for %v: use a positive time, such as 10m", b.wall)
	}
	return checker.Options{Steps: b.steps, Wall: b.wall, SearchMemory: int64(bytes)}, nil
}
