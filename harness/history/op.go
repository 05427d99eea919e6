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
	// workloads never write it.
	Arg string `json:"arg,omitempty"`
	Old string `json:"old,omitempty"`

	// Got is the value that a completed get returned, and the value that a
	// failed cas saw; Saw says that Got was observed (it may be "", no value).
	// List is the same for a read of a list, in order.
	Got  string   `json:"got,omitempty"`
	Saw  bool     `json:"saw,omitempty"`
	List []string `json:"list,omitempty"`

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
	Invoke OpType = "invoke"
	OK     OpType = "ok"   // it happened
	Fail   OpType = "fail" // it certainly did not happen, now or later
	Info   OpType = "info" // it may have happened, or may yet
)

// F is what an operation does.
type F string

const (
	FGet    F = "get"
	FPut    F = "put"
	FCas    F = "cas"
	FAppend F = "append" // append Arg to the list at Key
	FDelete F = "delete"
	FAdd    F = "add"  // add Arg to the set at Key
	FRead   F = "read" // read the whole list or set at Key
)
