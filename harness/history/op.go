package history

// Op is one half of a client operation: its invocation or its completion.
//
// An operation belongs to a logical process. A process has at most one
// operation open. After an [Info] its operation stays open to the end of the
// history and the process never acts again: the client goes on under a new
// process number, as in Jepsen.
type Op struct {
	Process int    `json:"process"`
	Type    OpType `json:"type"`
	F       F      `json:"f"`
	Key     string `json:"key,omitempty"`

	// Arg is the value written by put, append and add, and the new value of cas.
	// Old is the value that cas expects. The empty string stands for "no value":
	// workloads never write it. Values may have any bytes; text.go says how a file
	// has those that are no text.
	Arg string `json:"arg,omitempty"`
	Old string `json:"old,omitempty"`

	// Got is the value that a completed get returned, and the value that a
	// failed cas saw; Saw says that Got was observed (it may be "", no value). Only a
	// cas that failed because of the value that it saw tells one: it is not Old.
	// List is the same for a read of a list, in order.
	Got  string   `json:"got,omitempty"`
	Saw  bool     `json:"saw,omitempty"`
	List []string `json:"list,omitempty"`

	// Txn is what a transaction does, in order. Its writes happen all or not at
	// all; no register is written twice.
	Txn []Micro `json:"txn,omitempty"`

	// Node is the member that was asked. Request identifies the request to the
	// system: a deliberate resend carries the same one and is part of the same
	// operation.
	Node    string `json:"node,omitempty"`
	Request string `json:"request,omitempty"`
	// Sends is how many times the request was sent, set on completion when it is
	// more than one.
	Sends int `json:"sends,omitempty"`
	// Final marks a read made after healing.
	Final bool   `json:"final,omitempty"`
	Error string `json:"error,omitempty"` // why it failed or is unknown
}

// OpType is where an operation stands.
type OpType string

const (
	Invoke OpType = "invoke" // it is asked for
	OK     OpType = "ok"     // it happened
	Fail   OpType = "fail"   // it certainly did not happen, now or later
	Info   OpType = "info"   // it may have happened, or may yet
)

// F is what an operation does. Workloads may have words of their own; see
// [F.Known].
type F string

const (
	FGet    F = "get"    // get the value at Key
	FPut    F = "put"    // put Arg at Key
	FCas    F = "cas"    // put Arg at Key if Old is there
	FAppend F = "append" // append Arg to the list at Key
	FDelete F = "delete" // leave nothing at Key
	FAdd    F = "add"    // add Arg to the set at Key
	FRead   F = "read"   // read the whole list or set at Key

	// FTxn does Txn at one instant. Key, if set, is a condition: every key that
	// begins with it exists, and there is one; else the transaction fails.
	FTxn F = "txn"
)

// Known tells whether f is an operation of this package. Any other is a word of a
// user's own workload, which only a checker that claims it judges.
func (f F) Known() bool {
	switch f {
	case FGet, FPut, FCas, FAppend, FDelete, FAdd, FRead, FTxn,
		FAcquire, FRelease, FFenced, FGrant, FAttach, FRevoke, FCompact:
		return true
	}
	return false
}

// The lock called Key. Who takes it does so under a name that nobody uses again,
// and is given a fencing token, a decimal number: it is larger than those of all
// who had the lock before. Locks do not expire.
const (
	// FAcquire takes the lock under the name Arg. Got is the token; of a refused
	// one, that of the last to get the lock.
	FAcquire F = "acquire"
	// FRelease gives up the lock that the name Arg has, with the token Old if it is
	// known. Got is the token.
	FRelease F = "release"
	// FFenced writes Arg to what the lock guards, with the token Old. It is refused
	// once a write with a larger token was accepted; Got is that token.
	FFenced F = "fenced"
)

// These move a system's revisions in more ways. What they do to a key may end by
// itself, so that no checker judges their keys, which no other operation uses.
const (
	FGrant   F = "grant"   // grant a lease called Key, for the time Arg ("2s")
	FAttach  F = "attach"  // put Arg at Key until the lease called Old ends
	FRevoke  F = "revoke"  // end the lease called Key
	FCompact F = "compact" // forget all but about the newest Arg revisions
)

// Micro is one deed of a transaction: F is get, put or delete of a register, or
// append to or read of a list, and the other fields are what they are in Op. Got,
// List and Saw are set once the transaction is known to have happened. A
// transaction sees its own earlier deeds. It may append to a list more than once.
type Micro struct {
	F    F        `json:"f"`
	Key  string   `json:"key"`
	Arg  string   `json:"arg,omitempty"`
	Got  string   `json:"got,omitempty"`
	List []string `json:"list,omitempty"`
	Saw  bool     `json:"saw,omitempty"`
}
