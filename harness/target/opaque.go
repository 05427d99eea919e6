package target

import (
	"errors"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
)

// Opaque is for a Target to embed: a system that writes no trace, whose peer
// traffic nobody decodes, that may apply a request as often as it comes, and whose
// clients read and write values.
// What is left to write is Name, Command, Status and Client. Elections are then
// not checked; processes, links and clients are attacked and judged as ever.
// Each answer may be overridden by itself.
type Opaque struct{}

// OneAddress returns false: members dial others at addresses of their own. With
// true, members that must agree on one address for each of them find it in
// Member.Advertised.
func (Opaque) OneAddress() bool { return false }

// Protocol returns nil: the peer traffic is not decoded.
func (Opaque) Protocol() fabric.Protocol { return nil }

// Tap returns nil, as Protocol does.
func (Opaque) Tap([]string, func(history.Raft)) Tap { return nil }

// Traced returns false: members write no trace.
func (Opaque) Traced() bool { return false }

// Trace fails, and is never called: members write no trace.
func (Opaque) Trace([]byte) (history.Raft, error) {
	return history.Raft{}, errors.New("trace: the system writes none")
}

// Idempotent returns false: no request is sent again on purpose.
func (Opaque) Idempotent() bool { return false }

// Ops returns get and put, which any store can do: a workload that asks for more is
// refused, until a target says here what else its clients carry out.
func (Opaque) Ops() []history.F { return []history.F{history.FGet, history.FPut} }
