package picture

import (
	"iter"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/history"
)

// Source is what a picture is made of.
type Source struct {
	Title    string
	Command  string
	Commands []Command
	Versions []string
	Plan     string
	Report   checker.Report
	// Events yields the history, from its beginning. A picture of what came before is
	// made even if it ends in an error, which [Picture.Missing] then tells. An event
	// is valid only until the next. It is called once.
	Events iter.Seq2[*history.Event, error]
	Ended  bool // nothing more will come; false while the run is under way
}
