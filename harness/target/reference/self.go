package reference

import (
	"fmt"
	"os"

	"github.com/usurper/usurper/node"
	"github.com/usurper/usurper/node/bug"
)

// Bug is a deliberate bug of the reference node.
type Bug = bug.Bug

// Bugs is the catalogue of deliberate bugs, in a fixed order.
func Bugs() []Bug { return bug.All() }

// Reenter lets a program be its own reference node. Started with "node" as its
// first argument, the process becomes a node and Reenter does not return;
// otherwise it returns the path for Options.Binary. A test calls it first thing
// in TestMain.
func Reenter() string {
	if len(os.Args) > 1 && os.Args[1] == "node" {
		cmd := node.Command()
		cmd.SetArgs(os.Args[2:])
		if err := cmd.Execute(); err != nil {
			fmt.Fprintf(os.Stderr, "node: %v\n", err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	path, err := os.Executable()
	if err != nil {
		panic(fmt.Sprintf("find the path of this program: %v", err))
	}
	return path
}
