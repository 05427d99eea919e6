package coverage

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// Confidence is that of all statements about power.
const Confidence = 0.95

// Least returns the rate r such that n runs without a bug exclude, with 95 %, a bug that
// shows in r of such runs or more: 1 - 0.05^(1/n). It is 1 for no runs.
//
// Nothing but n goes into it: it takes the runs that hit a cell for independent, and
// says nothing of a bug which needs more than what they have in common, nor of one that
// no checker would see.
func Least(n int) float64 {
	if n <= 0 {
		return 1
	}
	return -math.Expm1(math.Log(1-Confidence) / float64(n))
}

// Power is what the runs that hit a cell could have seen.
type Power struct {
	Cell  Cell    `json:"cell"`
	Runs  int     `json:"runs"`
	Times int     `json:"times"`
	Rate  float64 `json:"rate"` // [Least] of Runs
}

// Powers returns the power of all cells that were hit, the weakest first.
func (t Tally) Powers() []Power {
	var out []Power
	for c, n := range t.Cells {
		out = append(out, Power{c, n.Runs, n.Times, Least(n.Runs)})
	}
	slices.SortFunc(out, func(a, b Power) int {
		return cmp.Or(a.Runs-b.Runs, a.Cell.compare(b.Cell))
	})
	return out
}

// Possible returns the cells that could have been hit: of the kinds of faults that were
// put in force, with roles and phases that the history of some run could tell of. It
// leaves out what the words exclude, such as a joining member in a steady phase.
func (t Tally) Possible() []Cell {
	all := make(map[Cell]bool)
	for c := range t.Cells {
		all[c] = true
	}
	for s := range t.Settings {
		for kind, n := range t.Kinds {
			if n.Put > 0 {
				s.possible(kind, all)
			}
		}
	}
	return slices.SortedFunc(maps.Keys(all), Cell.compare)
}

func (s Setting) possible(kind string, into map[Cell]bool) {
	for _, role := range roles() {
		for _, phase := range phases() {
			for _, reach := range reaches() {
				if c := (Cell{kind, role, phase, reach}); s.allows(c) {
					into[c] = true
				}
			}
		}
	}
}

// allows tells whether a cell can be hit in this setting, and be told.
func (s Setting) allows(c Cell) bool {
	has := func(t tells) bool { return s.tells&t == t }
	single := !processKind(c.Kind) // what it does is known of all whom it hit, as a whole
	led := c.Phase == Steady || c.Phase == CatchingUp
	if !has(tellLeaders) {
		return s.allowsUntold(c)
	}
	switch c.Phase {
	case Final, UnknownPhase:
		return false
	case CatchingUp:
		if !has(tellLogs) {
			return false
		}
	case Snapshot:
		if !has(tellSnapshots) {
			return false
		}
	case Membership:
		if !has(tellChanges) {
			return false
		}
	}
	switch c.Role {
	case Leader, Deposed:
		if single && c.Reach != One && s.Members > 1 {
			return false
		}
	case Candidate:
		if !has(tellVotes) {
			return false
		}
	case Voter:
		if !has(tellVotes) || led {
			return false
		}
	case Joining:
		if !has(tellChanges) || c.Phase != Membership {
			return false
		}
	case Lagging:
		if !has(tellLogs) || c.Phase == Steady {
			return false
		}
	case Down:
		if !has(tellProcesses) || !single {
			return false
		}
	case Mixed:
		return single && c.Reach != One && s.reaches(c.Reach)
	case UnknownRole:
		return false
	}
	if single && led && c.Reach == All && c.Role != Leader {
		return false // a leader is among them
	}
	return s.reaches(c.Reach)
}

// allowsUntold is allows where nothing tells who leads.
func (s Setting) allowsUntold(c Cell) bool {
	single := !processKind(c.Kind)
	switch c.Role {
	case UnknownRole:
	case Down:
		if !single || s.tells&tellProcesses == 0 {
			return false
		}
	case Mixed:
		if !single || c.Reach == One {
			return false
		}
	default:
		return false
	}
	when := c.Phase == UnknownPhase || c.Phase == Membership && s.tells&tellChanges != 0
	return when && s.reaches(c.Reach)
}

// reaches tells whether some number of members is so far.
func (s Setting) reaches(r Reach) bool {
	for n := 1; n <= s.Members; n++ {
		if reachOf(n, s.Members) == r {
			return true
		}
	}
	return false
}
