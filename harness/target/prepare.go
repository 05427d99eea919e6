package target

import "context"

// Preparer is a Target whose system is set up before clients come: a stream, a bucket,
// a user is created.
type Preparer interface {
	// Prepare sets the system up. It is called once a run, when all members are ready
	// for the first time, and never again: not after a restart, nor for members that
	// join. Its error ends the run without a verdict, as it does not to return once ctx
	// has ended.
	Prepare(ctx context.Context, s Setup) error
}

// Setup is what Prepare has to work with.
type Setup struct {
	Members []Member // all of them, in order
	// Run runs a program to its end, and ends what is left of it when ctx ends. An
	// error says how it ended, unless that was with status 0, and what it printed last.
	Run func(ctx context.Context, c Command) error
	// Say tells, in a line, those who watch the run what is done or waited for. It may
	// be nil.
	Say func(what string)
}
