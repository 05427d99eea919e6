package cli

import (
	"fmt"
	"io"
	"iter"

	"github.com/spf13/pflag"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/checker/verdict"
	"github.com/usurper/usurper/harness/engine"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/results"
	"github.com/usurper/usurper/harness/slice"
	layout "github.com/usurper/usurper/harness/text"
)

// causeFlags ask for what can have led to a broken rule.
type causeFlags struct{ slice, mermaid bool }

func (f *causeFlags) add(fs *pflag.FlagSet) {
	fs.BoolVar(&f.slice, "slice", false, "tell what can have led to it: the nearest events, and what joins them")
	fs.BoolVar(&f.mermaid, "mermaid", false, fmt.Sprintf("the same as a diagram in Mermaid's language, of at most %d events", slice.MermaidEvents))
}

// explain tells what can have led to the first broken rule, or to the first of the
// checker that by names.
func (f *causeFlags) explain(out io.Writer, dir results.Dir, report *checker.Report, by string, width int) error {
	none := len(report.Breaches()) == 0 && by == ""
	if none && !f.mermaid {
		fmt.Fprint(out, unexplained(report, width))
		return nil
	}
	broken, v, err := engine.Broken(report, by)
	switch {
	case none:
		return fmt.Errorf("explain: %s: no rule was broken: there is nothing to draw", dir)
	case err != nil:
		return fmt.Errorf("explain: %s: %w", dir, err)
	}
	limit := slice.TextEvents
	if f.mermaid {
		limit = slice.MermaidEvents
	}
	s, err := slice.Make(func() iter.Seq2[*history.Event, error] { return history.Read(dir.History()) }, v.Events, limit)
	if err != nil {
		return fmt.Errorf("explain %s: %w", dir, err)
	}
	if f.mermaid {
		fmt.Fprint(out, s.Mermaid())
		return nil
	}
	fmt.Fprintf(out, "%s\n\n%s", layout.Wrap(verdict.Printable(fmt.Sprintf("%s: %s", broken, v.Text)), width, 2), s.Text(width))
	return nil
}
