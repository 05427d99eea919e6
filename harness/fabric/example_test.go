package fabric_test

import (
	"fmt"
	"io"
	"net"

	"github.com/usurper/usurper/harness/fabric"
)

// A cut link holds what is sent into it and delivers it once healed.
func Example() {
	n2, err := net.Listen("tcp", "127.0.0.1:0") // the accepter's own address
	if err != nil {
		panic(err)
	}
	defer n2.Close()

	f, err := fabric.New(fabric.Options{})
	if err != nil {
		panic(err)
	}
	defer f.Close()
	addr, err := f.Listen("n1", "n2", fabric.ListenOptions{Addr: "127.0.0.1:0", Backend: n2.Addr().String()})
	if err != nil {
		panic(err)
	}

	cut, err := f.Apply(fabric.Rule{Action: fabric.Cut, Links: []fabric.Link{{From: "n1", To: "n2"}}})
	if err != nil {
		panic(err)
	}
	sender, err := net.Dial("tcp", addr) // what n1 is told is n2
	if err != nil {
		panic(err)
	}
	fmt.Fprint(sender, "heartbeat")
	sender.Close()

	cut.Remove() // returns evidence of what it held
	receiver, err := n2.Accept()
	if err != nil {
		panic(err)
	}
	defer receiver.Close()
	got, err := io.ReadAll(receiver)
	fmt.Printf("%s %v\n", got, err)
	// Output:
	// heartbeat <nil>
}
