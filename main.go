// Usurper proves that leader-based distributed systems keep their promises: it
// runs real node processes behind a proxy layer, attacks them by a seeded plan,
// and judges the recorded history.
package main

import (
	"context"
	"os"

	"github.com/usurper/usurper/harness/cli"
	"github.com/usurper/usurper/node"
)

func main() {
	os.Exit(cli.Main(context.Background(), os.Args[1:], cli.Options{
		Stdout: os.Stdout,
		Stderr: os.Stderr,
		Node:   node.Command(),
	}))
}
