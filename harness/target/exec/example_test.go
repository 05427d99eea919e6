package exec_test

import (
	"fmt"
	"strings"

	"github.com/usurper/usurper/harness/target/exec"
)

// A file describes a system; a engine.Config takes the target that it makes.
func ExampleParse() {
	system := `
name: my-store
nodes: 5
command: [sh, -c, "exec my-store --id {{.Name}} --peers {{join \",\" (pairs \"=\" .Peers)}}"]
client:
  resp:
    ops:
      get: {command: [GET, "{{.Key}}"]}
      put: {command: [SET, "{{.Key}}", "{{.Value}}"]}
`
	t, err := exec.Parse(exec.Options{Config: "my-store.yaml", Text: system})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(t.Name(), t.Nodes(), t.Ops())

	_, err = exec.Parse(exec.Options{Config: "my-store.yaml", Text: strings.Replace(system, "command", "comand", 1)})
	fmt.Println(err)
	// Output:
	// my-store 5 [get put]
	// my-store.yaml:4: unknown field "comand": did you mean "command"?
	// my-store.yaml:2: no command: say how a member is started, as a list of words
}
