package target

import "context"

// Autopsied is a Target that can tell by the files of its members, once they have ended,
// that something went wrong: a tool of the system's own compares them.
type Autopsied interface {
	// Autopsy looks at the data directories of all members, which have ended and left
	// them as they are, and changes nothing there. It returns what is wrong, nothing if
	// nothing is; an error says why it could not tell, as it does once ctx has ended.
	Autopsy(ctx context.Context, s Setup) ([]Remains, error)
}

// Remains is something that is wrong with what members left.
type Remains struct {
	Node string // whose files show it, "" for those of several
	Text string // what is wrong, in the words of who found it; lines
}

// Failed is the error of a program that ran to its end, which was not status 0.
type Failed struct {
	Program string // its name
	End     string // how it ended, such as "exit status 1"
	Said    string // what it printed last
}

// Error tells all of that.
func (f *Failed) Error() string {
	if f.Said == "" {
		return f.Program + ": " + f.End + "; it printed nothing"
	}
	return f.Program + ": " + f.End + "; it printed last:\n" + f.Said
}
