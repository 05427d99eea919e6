package etcd

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/usurper/usurper/harness/target/compile"
)

const (
	// module holds etcd's server. Its go.mod has replace directives, so "go
	// install" refuses it; a module of one file that depends on it builds.
	module = "go.etcd.io/etcd/server/v3"

	mainFile = `// Command etcd is etcd itself.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() { etcdmain.Main(os.Args) }
`
)

var (
	versionSyntax = regexp.MustCompile(`^v?(3)\.(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})(-(alpha|beta|rc)\.(0|[1-9]\d{0,3}))?$`)
	versionAnswer = regexp.MustCompile(`(?m)^etcd Version: (\S+)$`)
)

// program is etcd's server.
func program() compile.Program {
	return compile.Program{Name: "etcd", Module: module, Main: mainFile, Canonical: canonical, Answer: versionAnswer}
}

// Build returns the path of an etcd of the given version, such as v3.6.16, as
// compile.Program does. Versions from 3.5.0 on can be built; older servers are no Go
// module.
func Build(ctx context.Context, version string, progress func(string)) (string, error) {
	return program().Build(ctx, version, progress)
}

// Cached returns the path of the binary that Build would return without
// building, and whether there is one.
func Cached(version string) (string, bool) { return program().Cached(version) }

// Version asks a binary for its version, such as "3.6.16". It is an error if the
// binary is not etcd.
func Version(ctx context.Context, binary string) (string, error) {
	return program().Version(ctx, binary)
}

// canonical checks the syntax of a version and puts a v before it.
func canonical(version string) (string, error) {
	m := versionSyntax.FindStringSubmatch(version)
	if m == nil {
		return "", fmt.Errorf("etcd version %.40q: give one of major version 3, and write it like v3.6.16", version)
	}
	if minor, _ := strconv.Atoi(m[2]); minor < 5 {
		return "", fmt.Errorf("etcd version %s: only 3.5.0 and later can be built; give the path of a binary instead", version)
	}
	return "v" + strings.TrimPrefix(version, "v"), nil
}
