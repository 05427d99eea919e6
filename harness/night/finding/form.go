package finding

import (
	"regexp"
	"slices"
	"strings"

	"github.com/usurper/usurper/nemesis"
)

// NoFault is the form of a plan without steps: the system fails by itself.
const NoFault = "no fault"

// member is the name of one in a plan.
var member = regexp.MustCompile(`^[A-Za-z]+[0-9]+$`)

// Form is what a smallest plan comes to, so that two that say the same are equal:
// "kill a; partition a | rest on leader". Members are a, b, … as they come, times, numbers,
// the order of steps and how often one is there are left out.
func Form(p nemesis.Plan) string {
	var steps [][]string
	for _, s := range p.Steps {
		text := s.Fault.String()
		if s.Trigger.On != "" {
			text += " on " + s.Trigger.On
		}
		if s.Trigger.By != "" {
			text += " by " + string(s.Trigger.By)
		}
		words := strings.Fields(text)
		steps = append(steps, slices.DeleteFunc(words, func(w string) bool { return w[0] >= '0' && w[0] <= '9' }))
	}
	nameless := func(words []string) string {
		masked := slices.Clone(words)
		for i, w := range masked {
			if member.MatchString(w) {
				masked[i] = "?"
			}
		}
		return strings.Join(masked, " ")
	}
	slices.SortStableFunc(steps, func(a, b []string) int { return strings.Compare(nameless(a), nameless(b)) })
	names := make(map[string]string)
	var all []string
	for _, words := range steps {
		for i, w := range words {
			if !member.MatchString(w) {
				continue
			}
			if names[w] == "" {
				names[w] = string(rune('a' + len(names)))
			}
			words[i] = names[w]
		}
		if text := strings.Join(words, " "); !slices.Contains(all, text) {
			all = append(all, text)
		}
	}
	if len(all) == 0 {
		return NoFault
	}
	return strings.Join(all, "; ")
}
