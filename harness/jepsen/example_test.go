package jepsen_test

import (
	"fmt"
	"strings"

	"github.com/usurper/usurper/checker"
	"github.com/usurper/usurper/harness/jepsen"
)

func ExampleCheck() {
	h, err := jepsen.New("jepsen.log", strings.NewReader(`INFO  jepsen.util - 0 :invoke :write 1
INFO  jepsen.util - 0 :ok :write 1
INFO  jepsen.util - 1 :invoke :cas [2 3]
INFO  jepsen.util - 1 :ok :cas [2 3]
`), jepsen.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	report, err := jepsen.Check(h, checker.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Verdict)
	fmt.Println(h.Facts())
	// Output:
	// invalid
	// model cas-register (guessed), operations 2, without times: line n is shown as n ms
}
