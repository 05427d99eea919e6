package morning

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The exit status, and why it is that one.
func TestJudge(t *testing.T) {
	runs := Counts{All: 100, Valid: 100}
	unknown := Counts{All: 100, Valid: 97, Unknown: 3}
	broken := Counts{All: 100, Valid: 99, Broken: 1}
	finding := func(s Status, tonight int, muted bool) []Finding {
		return []Finding{{Status: s, Tonight: tonight, Muted: muted}}
	}
	doubt := []Doubt{{aboutCell, "x", "cell x was never run"}}
	for name, c := range map[string]struct {
		evidence
		status int
		found  string
		lacks  string
	}{
		"nothing":                        {evidence{runs: runs}, 0, "", ""},
		"no run at all":                  {evidence{}, 2, "", "no run was made"},
		"new":                            {evidence{runs: runs, findings: finding(New, 1, false)}, 1, "1 new finding", ""},
		"new, muted":                     {evidence{runs: runs, findings: finding(New, 1, true)}, 0, "", ""},
		"new, not seen":                  {evidence{runs: runs, findings: finding(New, 0, false)}, 0, "", ""},
		"regressed":                      {evidence{runs: runs, findings: finding(Regressed, 1, false)}, 1, "1 regressed finding", ""},
		"ongoing":                        {evidence{runs: runs, findings: finding(Ongoing, 1, false)}, 0, "", ""},
		"ongoing, any":                   {evidence{runs: runs, findings: finding(Ongoing, 1, false), failOn: FailOnAny}, 1, "1 ongoing finding", ""},
		"ongoing, any, muted":            {evidence{runs: runs, findings: finding(Ongoing, 1, true), failOn: FailOnAny}, 0, "", ""},
		"ongoing, any, not seen":         {evidence{runs: runs, findings: finding(Ongoing, 0, false), failOn: FailOnAny}, 0, "", ""},
		"resolved, any":                  {evidence{runs: runs, findings: finding(Resolved, 0, false), failOn: FailOnAny}, 0, "", ""},
		"a status of a later version":    {evidence{runs: runs, findings: finding("odd", 1, false)}, 1, "1 finding of status odd", ""},
		"unfiled":                        {evidence{runs: runs, unfiled: 2}, 1, "2 broken rules of which no finding tells", ""},
		"broken":                         {evidence{runs: broken, maxUnknown: 1}, 2, "", "1 run broken"},
		"unknown, none may be":           {evidence{runs: unknown}, 2, "", "3 of 100 runs unknown: none may be"},
		"unknown, within its share":      {evidence{runs: unknown, maxUnknown: 0.03}, 0, "", ""},
		"unknown, beyond its share":      {evidence{runs: unknown, maxUnknown: 0.02}, 2, "", "3 of 100 runs unknown: at most 2 % may be"},
		"doubt":                          {evidence{runs: runs, doubts: doubt}, 2, "", "cell x was never run"},
		"doubts":                         {evidence{runs: runs, doubts: append(doubt, doubt...)}, 2, "", "cell x was never run, and 1 more doubt"},
		"found is not masked by unknown": {evidence{runs: broken, findings: finding(New, 1, false), doubts: doubt}, 1, "1 new finding", "1 run broken"},
		"nor by what is muted":           {evidence{runs: runs, findings: append(finding(New, 1, true), finding(Regressed, 1, false)...)}, 1, "1 regressed finding", ""},
	} {
		verdict, found, lacks := judge(c.evidence)
		require.Equal(t, c.status, verdict.Status(), name)
		for _, said := range []struct {
			want string
			got  []string
		}{{c.found, found}, {c.lacks, lacks}} {
			if said.want == "" {
				require.Empty(t, said.got, name)
			} else {
				require.Equal(t, said.want, said.got[0], name)
			}
		}
	}
}
