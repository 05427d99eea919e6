package tape

import (
	"strings"

	"github.com/usurper/usurper/harness/history"
)

// Put writes v.
func Put(v string) history.Op { return history.Op{F: history.FPut, Arg: v} }

// Get reads, and finds v.
func Get(v string) history.Op { return history.Op{F: history.FGet, Got: v, Saw: true} }

// Cas writes b if a is there.
func Cas(a, b string) history.Op { return history.Op{F: history.FCas, Old: a, Arg: b} }

// Saw is the operation with what it found, as a failed cas tells it.
func Saw(op history.Op, v string) history.Op {
	op.Got, op.Saw = v, true
	return op
}

// Erase deletes.
func Erase() history.Op { return history.Op{F: history.FDelete} }

// Acquire takes the lock under a name, and is given the token.
func Acquire(name, token string) history.Op {
	return history.Op{F: history.FAcquire, Key: "l", Arg: name, Got: token}
}

// Release gives the lock up that a name has with the token.
func Release(name, token string) history.Op {
	return history.Op{F: history.FRelease, Key: "l", Arg: name, Got: token}
}

// Fence writes with a token what the lock guards.
func Fence(value, token string) history.Op {
	return history.Op{F: history.FFenced, Key: "l", Arg: value, Old: token}
}

// Add adds v to the set s.
func Add(v string) history.Op { return history.Op{F: history.FAdd, Key: "s", Arg: v} }

// Extend appends v to the list s.
func Extend(v string) history.Op { return history.Op{F: history.FAppend, Key: "s", Arg: v} }

// Read reads all of s, and finds the values.
func Read(values ...string) history.Op {
	return history.Op{F: history.FRead, Key: "s", List: values, Saw: true}
}

// Final is Read, after healing.
func Final(values ...string) history.Op {
	op := Read(values...)
	op.Final = true
	return op
}

// TxnOf does all of it at one instant.
func TxnOf(micro ...history.Micro) history.Op { return history.Op{F: history.FTxn, Txn: micro} }

// PutAt is Put as a part of a transaction.
func PutAt(key, v string) history.Micro { return history.Micro{F: history.FPut, Key: key, Arg: v} }

// GetAt is Get as a part of a transaction.
func GetAt(key, v string) history.Micro {
	return history.Micro{F: history.FGet, Key: key, Got: v, Saw: true}
}

// GetOf is Get of a key.
func GetOf(key, v string) history.Op {
	return history.Op{F: history.FGet, Key: key, Got: v, Saw: true}
}

// deeds parses "append x 1, read y 1 2": what a transaction does, and what it
// reads if it happens.
func Txn(text string) history.Op {
	op := history.Op{F: history.FTxn}
	for _, part := range strings.Split(text, ", ") {
		words := strings.Fields(part)
		m := history.Micro{F: history.F(words[0]), Key: words[1]}
		switch m.F {
		case history.FRead:
			m.List, m.Saw = words[2:], true
		case history.FAppend, history.FPut:
			m.Arg = words[2]
		}
		op.Txn = append(op.Txn, m)
	}
	return op
}
