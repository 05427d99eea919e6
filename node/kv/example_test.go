package kv_test

import (
	"fmt"

	"github.com/usurper/usurper/node/kv"
)

func ExampleStore() {
	s := kv.New(kv.Options{})
	add := kv.Command{Op: kv.OpAppend, Key: "list", Arg: "a", Client: "c1", Seq: 1}
	s.Apply(1, add.AppendTo(nil))
	s.Apply(2, add.AppendTo(nil)) // resent: applied once
	fmt.Println(s.Get("list").List)

	other := kv.New(kv.Options{})
	if err := other.Restore(s.Snapshot()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(other.Digest() == s.Digest())
	// Output:
	// [a]
	// true
}
