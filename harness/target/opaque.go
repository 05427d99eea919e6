package target

import (
	"errors"

	"github.com/usurper/usurper/harness/fabric"
	"github.com/usurper/usurper/harness/history"
	"github.com/usurper/usurper/harness/tap"
)

// Opaque is for a Target to embed: a system that writes no trace, that may apply a
// request as often as it comes, and whose clients read and write values.
// What is left to write is Name, Command, Status and Client. Processes, links and
// clients are attacked and judged as ever; elections if Wire says what members speak.
// Each answer may be overridden by itself.
type Opaque struct {
	// Wire is how members say Raft's messages to each other, such as a dialect of
	// harness/dialect. Zero: nobody decodes their traffic, and elections are not checked.
	Wire tap.Dialect
}

// OneAddress returns false: members dial others at addresses of their own. With
// true, members that must agree on one address for each of them find it in
// Member.Advertised.
func (Opaque) OneAddress() bool { return false }

// Protocol returns what splits the traffic of Wire, nil without one.
func (o Opaque) Protocol() fabric.Protocol {
	if o.Wire.Open == nil {
		return nil
	}
	return o.Wire.Watch(nil, nil)
}

// Tap returns what judges by Wire, nil without one.
func (o Opaque) Tap(members []string, emit func(history.Raft)) Tap {
	if o.Wire.Open == nil {
		return nil
	}
	return o.Wire.Watch(members, emit)
}

// Shows lists what a tap tells, nil without Wire. A system that writes a trace as well
// says for itself what both show.
func (o Opaque) Shows() []history.RaftWhat {
	if o.Wire.Open == nil {
		return nil
	}
	return tap.Shows()
}

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
