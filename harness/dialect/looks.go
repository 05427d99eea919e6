package dialect

import (
	"errors"
	"fmt"

	"github.com/usurper/usurper/harness/tap"
)

// Explain says, of the error of a connection that could not be decoded, what it looks like
// and what would help: a part of a sentence that follows the error, "" if nothing is
// known.
func Explain(err error) string {
	var u *tap.Undecoded
	if !errors.As(err, &u) {
		return ""
	}
	return looks(u, All())
}

func looks(u *tap.Undecoded, all []tap.Dialect) string {
	for _, d := range all {
		if d.Name != u.Dialect && d.Begins != nil && d.Begins(u.First) {
			return fmt.Sprintf("; it looks like %s: is that what members speak?", d.Name)
		}
	}
	switch what := tap.Foreign(u.First); {
	case what == "":
		return ""
	case what == "TLS" && u.Plain != "":
		return fmt.Sprintf("; it looks like TLS, which no tap can read: use %s", u.Plain)
	case what == "TLS":
		return "; it looks like TLS, which no tap can read: let members talk without it, as they may on one machine"
	default:
		return fmt.Sprintf("; it looks like %s: is this where members say Raft's messages?", what)
	}
}
