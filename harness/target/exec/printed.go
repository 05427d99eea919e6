package exec

import (
	"errors"
	"regexp"
	"sync"
)

// printed is what the lines that one process printed have shown. The zero value
// has shown nothing.
type printed struct {
	mu      sync.Mutex
	inc     uint64
	matched map[*regexp.Regexp]bool
	role    [3]string // the words for role, term and leader; "" where not told
}

func (p *printed) ready(re *regexp.Regexp) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.matched[re]
}

// begin forgets what an earlier process printed.
func (p *printed) begin(inc uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inc, p.matched, p.role = inc, make(map[*regexp.Regexp]bool), [3]string{}
}

// line takes the next line of process inc.
//
// Role and term belong together only if one line has both: a member that says
// "leader" after it has said "term 4" may lead term 5. So a term from another line
// than the role is no term at all.
func (p *printed) line(inc uint64, line string, ready []probe, role *regexp.Regexp) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if inc != p.inc || p.matched == nil {
		return
	}
	for _, r := range ready {
		if r.log != nil && !p.matched[r.log] && r.log.MatchString(line) {
			p.matched[r.log] = true
		}
	}
	if role == nil {
		return
	}
	groups := role.FindStringSubmatch(line)
	if groups == nil {
		return
	}
	var told [3]string
	for i, name := range []string{"role", "term", "leader"} {
		if g := role.SubexpIndex(name); g >= 0 {
			told[i] = groups[g]
		}
	}
	switch {
	case told[0] != "":
		p.role[0], p.role[1] = told[0], told[1]
	case told[1] != p.role[1] && told[1] != "":
		p.role[1] = "" // whether it still has that role in the new term is not known
	}
	p.role[2] = told[2] // else the leader of another term, perhaps
}

// words returns the words of the last lines that told of the role.
func (p *printed) words() ([3]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.role[0] == "" {
		return p.role, errors.New("it has not printed its role yet")
	}
	return p.role, nil
}
