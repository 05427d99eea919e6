package night

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Request is what a night is asked for. It is saved before the first run, and together
// with the seed says what each run is: see [Plan.Job].
type Request struct {
	// Command is how the night was called, without the name of the program.
	Command []string `json:"command"`
	// Build is the program that was called. Another one begins another night.
	Build string `json:"build"`

	// Cells are the configurations that take turns; at least one.
	Cells []Cell `json:"cells"`
	// Controls are what the night shows by that it can see; their names are distinct.
	Controls []Control `json:"controls,omitempty"`
	// Name is what the night is called, "" for the day on which it begins. Shards that agree
	// in it are of one night, whenever and wherever they begin.
	Name string `json:"name,omitempty"`
	// Seed is that of the first run, and each later one has one more. 0 is the seed of the
	// night's name, or without one of the day: see [NameSeed] and [DaySeed].
	Seed uint64 `json:"seed,omitempty"`

	// Runs is how many the night has, all shards together; 0 for as many as there is time
	// for. For bounds the night's wall time, Until says when it is over; both zero is no
	// bound. Failures is after how many invalid runs it ends, 0 for never.
	Runs     int           `json:"runs,omitempty"`
	For      time.Duration `json:"for,omitempty"`
	Until    string        `json:"until,omitempty"` // "06:00", the next time that clocks show it
	Failures int           `json:"failures,omitempty"`

	// Parallel is how many runs go on side by side; 0 is as many as the machine bears.
	Parallel int   `json:"parallel"`
	Shard    Shard `json:"shard"`
	// MaxUnknown is [entry.Facts.MaxUnknown].
	MaxUnknown float64 `json:"max_unknown,omitempty"`
}

// Cell is one configuration, by the arguments of `usurper run` that make it.
type Cell struct {
	// Name is its values in one word, Axes the same by name.
	Name string            `json:"name"`
	Axes map[string]string `json:"axes,omitempty"`
	Args []string          `json:"args"`
	// Weight is its share of the runs, in relation to the others'; at least 1.
	Weight int `json:"weight"`
	// Sizes says that the seed draws how many members a run has.
	Sizes bool `json:"sizes,omitempty"`
	// For is how long one run is planned to take, Bound when it has hung.
	For   time.Duration `json:"for"`
	Bound time.Duration `json:"bound"`
}

// Shard is one of several parts of a night, which know nothing of each other: part I of
// N, from 1. The zero value is the whole.
type Shard struct {
	I int `json:"i"`
	N int `json:"n"`
}

// whole is the shard of a night that is not cut.
func (s Shard) whole() Shard {
	if s.N == 0 {
		return Shard{1, 1}
	}
	return s
}

// String is "2/5".
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.I, s.N) }

// Validate tells what is wrong with a request.
func (r *Request) Validate() error {
	var errs []error
	bad := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	if len(r.Cells) == 0 {
		bad("a night of nothing: no configuration is left of the matrix")
	}
	if r.Runs < 0 || r.Parallel < 0 {
		bad("%d runs, %d side by side: use at least 1 of each", r.Runs, r.Parallel)
	}
	if r.Seed > maxSeed {
		bad("seed %d: use at most %d, so that each later run has one more", r.Seed, uint64(maxSeed))
	}
	if r.Failures < 0 {
		bad("an end after %d failures: use at least 1, or 0 for none", r.Failures)
	}
	if r.Runs == 0 && r.For == 0 && r.Until == "" && r.Failures == 0 {
		bad("a night without an end: say how many runs, for how long, or until when")
	}
	if s := r.Shard.whole(); s.N < 1 || s.I < 1 || s.I > s.N {
		bad("shard %s: use one such as 2/5, the second of five", s)
	} else if r.Runs > 0 && r.Runs < s.I {
		bad("shard %s of a night of %d runs has none: use at most %d shards", s, r.Runs, r.Runs)
	} else if s.N > 1 && r.name() == "" {
		bad("shard %s of a night that has neither a name nor a seed: of shards that begin before and after midnight each would be of its own night: give all of them one --name, or one --seed", s)
	}
	if r.Name != "" && (!named.MatchString(r.Name) || r.Name == latest || folderOfShard.MatchString(r.Name)) {
		bad("the name %.70q of a night: use up to 63 letters, digits, dots, hyphens and underscores, a letter or digit first, and no end such as -1of4", r.Name)
	}
	if r.For < 0 {
		bad("a night of %s: use a positive time such as 1h", r.For)
	}
	if r.Until != "" {
		if _, err := clock(r.Until); err != nil {
			errs = append(errs, err)
		}
	}
	for _, c := range r.Cells {
		if r.For > 0 && c.For+slack > r.For {
			bad("a night of %s has no time for a run of %s (%s): give it longer", r.For, c.For, c.Name)
		}
	}
	return errors.Join(errs...)
}

// named is what a night may be called, and so its folder; folderOfShard is how the folders
// of shards end.
var (
	named         = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	folderOfShard = regexp.MustCompile(`-[0-9]+of[0-9]+$`)
)

// name is what the night is called whenever it begins; "" if the day says so. Shards
// without a name have that of their seed.
func (r *Request) name() string {
	if r.Name == "" && r.Shard.whole().N > 1 && r.Seed != 0 {
		return "seed" + strconv.FormatUint(r.Seed, 10)
	}
	return r.Name
}

// maxSeed bounds the seed of the first run.
const maxSeed = 1 << 63

// slack is what a run takes beyond its planned time, at least.
const slack = time.Second

// clock reads a time of the day.
func clock(text string) (time.Time, error) {
	at, err := time.Parse("15:04", text)
	if err != nil {
		return at, fmt.Errorf("until %q: use a time of the day such as 06:00", text)
	}
	return at, nil
}

// limit is when a night that begins is over, zero if nothing says so.
func (r *Request) limit(begun time.Time) time.Time {
	var limit time.Time
	if r.For > 0 {
		limit = begun.Add(r.For)
	}
	if r.Until != "" {
		at, _ := clock(r.Until) // Validate has read it
		until := time.Date(begun.Year(), begun.Month(), begun.Day(), at.Hour(), at.Minute(), 0, 0, begun.Location())
		if !until.After(begun) {
			until = until.AddDate(0, 0, 1)
		}
		if limit.IsZero() || until.Before(limit) {
			limit = until
		}
	}
	return limit
}

// ParseShard reads "2/5".
func ParseShard(text string) (Shard, error) {
	var s Shard
	i, n, ok := strings.Cut(text, "/")
	if ok {
		_, err1 := fmt.Sscanf(i+" ", "%d ", &s.I)
		_, err2 := fmt.Sscanf(n+" ", "%d ", &s.N)
		ok = err1 == nil && err2 == nil && fmt.Sprintf("%d/%d", s.I, s.N) == text && s.I >= 1 && s.I <= s.N
	}
	if !ok {
		return s, fmt.Errorf("shard %q: use one such as 2/5, the second of five", text)
	}
	return s, nil
}
