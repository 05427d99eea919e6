package setup

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/document"
	"github.com/usurper/usurper/harness/engine"
)

// anyChecker is what --fail-fast alone means.
const anyChecker = "any"

// failFastFlag is the value of --fail-fast: nothing, or a checker of whose rules one is
// to be broken.
type failFastFlag struct{ cfg *engine.Config }

// String is what help shows as the default: nothing.
func (f *failFastFlag) String() string {
	switch {
	case f.cfg == nil:
		return ""
	case f.cfg.FailFast:
		return anyChecker
	case f.cfg.Until.Checker == "":
		return "false" // which help leaves out
	}
	return f.cfg.Until.Checker
}

// Set takes "any", a truth value, or the name of a checker.
func (f *failFastFlag) Set(text string) error {
	f.cfg.FailFast, f.cfg.Until = text == anyChecker, checker.Breach{}
	if f.cfg.FailFast {
		return nil
	}
	if yes, err := strconv.ParseBool(text); err == nil {
		f.cfg.FailFast = yes
		return nil
	}
	if !slices.Contains(CheckerNames(), text) {
		return fmt.Errorf("there is no checker %q: %s", text, document.Suggest(text, append(CheckerNames(), anyChecker)))
	}
	f.cfg.Until.Checker = text
	return nil
}

// Type is how help calls the value.
func (*failFastFlag) Type() string { return "checker" }
