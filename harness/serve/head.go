package serve

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/usurper/usurper/harness/picture/columns"
	"github.com/usurper/usurper/harness/results"
)

// What the index calls runs that have no verdict.
const (
	underWay  = "under way"
	notJudged = "not judged"
	aNight    = "night"
)

// entry is a run or a night as the index knows it. Its texts are printable and short.
type entry struct {
	Path     string // below the directory, as it is
	Name     string
	Night    bool
	At       time.Time
	Verdict  string
	Target   string
	Workload string
	Plan     string
	Bug      string
	Seed     uint64
	Nodes    int
	Rules    []string // that were broken
	Length   time.Duration
	Runs     string // of a night, in words

	changed time.Time // of its directory, when it was read
}

// Bounds of what is read of files for the index.
const (
	configHead  = 64 << 10
	verdictHead = 4 << 10
	rulesHead   = 128 << 10 // of a run that is invalid
	nightHead   = 1 << 20
	maxRules    = 8
)

// readRun reads the heads of the files of a run directory.
func readRun(root *os.Root, dir string, info fs.FileInfo) *entry {
	e := &entry{Path: dir, Name: word(path.Base(dir)), At: beganAt(path.Base(dir), info.ModTime()), changed: info.ModTime(), Verdict: notJudged}
	var cfg struct {
		Target   string          `json:"target"`
		Workload string          `json:"workload"`
		Plan     string          `json:"plan"`
		Seed     uint64          `json:"seed"`
		Nodes    int             `json:"nodes"`
		Options  json.RawMessage `json:"target_options"`
	}
	if text, err := head(root, path.Join(dir, results.ConfigFile), configHead); err == nil {
		json.Unmarshal(text, &cfg) // what it does not say is not known
	}
	var options struct{ Bug string }
	json.Unmarshal(cfg.Options, &options)
	e.Target, e.Workload, e.Plan, e.Bug = word(cfg.Target), word(cfg.Workload), word(cfg.Plan), word(options.Bug)
	e.Seed, e.Nodes = cfg.Seed, cfg.Nodes
	text, err := head(root, path.Join(dir, results.VerdictFile), verdictHead)
	if err != nil {
		e.look(root)
		return e
	}
	v := readVerdict(text)
	if v.verdict == "invalid" && len(text) == verdictHead {
		if text, err = head(root, path.Join(dir, results.VerdictFile), rulesHead); err == nil {
			v = readVerdict(text)
		}
	}
	e.Length, e.Rules = v.length, v.rules
	if v.verdict != "" {
		e.Verdict = word(v.verdict)
	}
	return e
}

// look tells whether a run without verdict is under way.
func (e *entry) look(root *os.Root) {
	if e.Verdict = notJudged; goesOn(root, e.Path) {
		e.Verdict = underWay
	}
}

// settled tells whether what the index has of a run changes only with its directory.
func (e *entry) settled() bool { return e.Verdict != underWay && e.Verdict != notJudged }

// word is a text of somebody else's as the index shows it.
func word(s string) string { return line(s, 120) }

// line is a text of somebody else's in a line of at most so many characters.
func line(s string, most int) string {
	if len(s) > 4*most {
		s = s[:4*most]
	}
	s = columns.Line(strings.ToValidUTF8(s, "\uFFFD"))
	if r := []rune(s); len(r) > most {
		s = string(r[:most]) + "…"
	}
	return s
}

// beganAt is when a run began, as its directory's name has it, or else when that changed.
func beganAt(name string, changed time.Time) time.Time {
	const layout = "20060102-150405"
	if len(name) >= len(layout) {
		if t, err := time.ParseInLocation(layout, name[:len(layout)], time.Local); err == nil {
			return t
		}
	}
	return changed
}

// judged is what the beginning of a verdict file tells.
type judged struct {
	verdict string
	length  time.Duration
	rules   []string
}

// readVerdict reads as much of a verdict file as there is.
func readVerdict(text []byte) (v judged) {
	dec := json.NewDecoder(bytes.NewReader(text))
	var inside []json.Delim // what begins each of the values that are not ended
	key, isKey := "", false // of the value to come; whether a key comes
	for {
		token, err := dec.Token()
		if err != nil {
			return v
		}
		switch token := token.(type) {
		case json.Delim:
			if token == '{' || token == '[' {
				inside = append(inside, token)
			} else {
				inside = inside[:len(inside)-1]
			}
			key = ""
		case string:
			if isKey {
				key, isKey = token, false
				continue
			}
			v.word(key, token, len(inside))
		case float64:
			if key == "length" && v.length == 0 && token < 1e18 {
				v.length = time.Duration(token)
			}
		}
		isKey = len(inside) > 0 && inside[len(inside)-1] == '{'
	}
}

// word takes a text of a verdict file, at a depth of it.
func (v *judged) word(key, value string, depth int) {
	switch {
	case key == "verdict" && depth == 1:
		v.verdict = value
	case key == "rule" && len(v.rules) < maxRules:
		if rule := word(value); !slices.Contains(v.rules, rule) {
			v.rules = append(v.rules, rule)
		}
	}
}
