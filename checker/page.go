package checker

import (
	"io"
	"iter"

	"github.com/usurper/usurper/checker/model"
	"github.com/usurper/usurper/checker/register"
	"github.com/usurper/usurper/harness/history"
)

// WriteHTML writes porcupine's interactive page about a key that holds one value
// (get, put, cas, delete) and on which the operations of a history have no order:
// those that prove it and at most some 100 about them. Without a violation the
// error is ErrOrdered. An error of the history is returned; nothing is written then.
func WriteHTML(w io.Writer, key string, events iter.Seq2[*history.Event, error]) (Page, error) {
	return model.WriteRegister(w, key, register.New(Options{}), events)
}
