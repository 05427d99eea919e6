package finding

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/usurper/usurper/harness/night/entry"
)

// Signature is what runs have in common that show one finding. The version of the system
// is no part of it: a bug may outlast many.
type Signature struct {
	Target  string `json:"target"` // the system's name
	Checker string `json:"checker"`
	Rule    string `json:"rule"`
	Shape   string `json:"shape"`
}

// Unnamed is the target of entries that do not name one.
const Unnamed = "unnamed"

// signature is that of a breach of a run.
func signature(e *entry.Entry, b entry.Breach) Signature {
	return Signature{cmp.Or(e.Axes["target"], Unnamed), b.Checker, b.Rule, b.Shape}
}

// SignatureOf is what a run is a finding for, see [Primary]. A run that broke no rule is
// none, nor is the try of a control.
func SignatureOf(e entry.Entry) (Signature, bool) {
	if !judged(&e) || e.Class != entry.Invalid || len(e.Breaches) == 0 {
		return Signature{}, false
	}
	return signature(&e, e.Breaches[Primary(e.Breaches)]), true
}

// judged tells whether a run could have shown a finding, and counts for its rate: the
// valid and the invalid ones do that are no controls.
func judged(e *entry.Entry) bool {
	return e.Control == "" && (e.Class == entry.Valid || e.Class == entry.Invalid)
}

// digits is how many hexadecimal digits of a signature's digest its ID has.
const digits = 8

// ID is the name of the finding, and of its folder: "votes-3f9a2c11". Machines that know
// nothing of each other make the same.
func (s Signature) ID() string { return s.id(digits) }

func (s Signature) id(digits int) string {
	text, _ := json.Marshal(s) // of strings
	return cmp.Or(slug(s.Checker), "checker") + "-" + digest(text)[:digits]
}

// String is "reference, votes: two votes in one term".
func (s Signature) String() string { return s.Target + ", " + s.Checker + ": " + s.Rule }

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// slug is a text as a part of a file's name: small letters, digits and single hyphens.
func slug(text string) string {
	text = regexp.MustCompile(`[^a-z0-9]+`).ReplaceAllString(strings.ToLower(text), "-")
	return strings.Trim(text, "-")
}
