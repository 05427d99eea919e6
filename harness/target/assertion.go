package target

import (
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/usurper/usurper/harness/history"
)

// AssertionVariable is the variable of a program's environment that tells the SDKs of
// Antithesis to which file they write assertions where no Antithesis is.
const AssertionVariable = "ANTITHESIS_SDK_LOCAL_OUTPUT"

// Asserting is a Target whose members write assertions of the SDKs of Antithesis to a
// file, a JSON object a line.
type Asserting interface {
	// AssertionFile is where the process of m writes them, "" if it writes none. It does
	// not exist before the process is started: see AssertionPath.
	AssertionFile(m Member) string
}

// AssertionFile is where the process of m of t writes assertions, "" if it writes none.
func AssertionFile(t Target, m Member) string {
	if a, ok := t.(Asserting); ok {
		return a.AssertionFile(m)
	}
	return ""
}

// Asserts tells whether members of t write assertions.
func Asserts(t Target) bool { return AssertionFile(t, Member{Name: "n1", Inc: 1}) != "" }

// AssertionPath is a place for the assertions of one process of m, beside its data.
func AssertionPath(m Member) string {
	return filepath.Join(filepath.Dir(m.DataDir), fmt.Sprintf("assertions.%d.jsonl", m.Inc))
}

// maxDetails bounds what an assertion says besides, in bytes.
const maxDetails = 1000

// ParseAssertion reads a line of such a file. Lines of other kinds tell of none.
func ParseAssertion(line []byte) (*history.Assertion, error) {
	var l struct {
		Assert *struct {
			Message   string          `json:"message"`
			Type      string          `json:"assert_type"`
			Hit       bool            `json:"hit"`
			Must      bool            `json:"must_hit"`
			Condition bool            `json:"condition"`
			Details   json.RawMessage `json:"details"`
			Location  struct {
				File string `json:"file"`
				Line int    `json:"begin_line"`
			} `json:"location"`
		} `json:"antithesis_assert"`
	}
	if err := json.Unmarshal(line, &l); err != nil {
		return nil, fmt.Errorf("no line of assertions: %w", err)
	}
	if l.Assert == nil {
		return nil, nil
	}
	a := &history.Assertion{
		Message: l.Assert.Message, Type: l.Assert.Type,
		Hit: l.Assert.Hit, Must: l.Assert.Must, Condition: l.Assert.Condition,
	}
	switch a.Type {
	case history.AssertAlways, history.AssertSometimes, history.AssertReach:
	default:
		return nil, fmt.Errorf("an assertion of the type %.40q", a.Type)
	}
	if l.Assert.Location.File != "" {
		a.Where = fmt.Sprintf("%s:%d", l.Assert.Location.File, l.Assert.Location.Line)
	}
	if text := string(l.Assert.Details); text != "null" {
		a.Details = text[:min(len(text), maxDetails)]
	}
	return a, nil
}
