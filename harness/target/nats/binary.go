package nats

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/usurper/usurper/harness/target/compile"
)

// module is the path of the server's module, and of its main package.
const module = "github.com/nats-io/nats-server/v2"

// assertionTag lets the server write the assertions of the Antithesis SDK, from 2.12 on.
const assertionTag = "enable_antithesis_sdk"

var (
	versionSyntax = regexp.MustCompile(`^v?2\.(0|[1-9]\d{0,3})\.(0|[1-9]\d{0,3})(-[0-9A-Za-z][0-9A-Za-z.-]{0,30})?$`)
	versionAnswer = regexp.MustCompile(`(?m)^nats-server: v(\S+)$`)
)

// program is the server, with or without its assertions.
func program(asserts bool) compile.Program {
	p := compile.Program{Name: "nats-server", Module: module, Package: module, Canonical: canonical, Answer: versionAnswer}
	if asserts {
		p.Tags = assertionTag
	}
	return p
}

// Build returns the path of a server of the given version, such as v2.15.2, as
// compile.Program does. Versions from 2.10.0 on can be built. asserts asks for one that
// writes the assertions of the Antithesis SDK, which servers have from 2.12 on.
func Build(ctx context.Context, version string, asserts bool, progress func(string)) (string, error) {
	if minor, err := minorOf(version); asserts && err == nil && minor < 12 {
		return "", fmt.Errorf("nats-server %s has no assertions: use 2.12.0 or later, or leave them out", version)
	}
	return program(asserts).Build(ctx, version, progress)
}

// Cached returns the path of the binary that Build would return without building, and
// whether there is one.
func Cached(version string, asserts bool) (string, bool) { return program(asserts).Cached(version) }

// Version asks a binary for its version, such as "2.15.2". It is an error if the binary
// is not a nats-server.
func Version(ctx context.Context, binary string) (string, error) {
	return program(false).Version(ctx, binary)
}

// canonical checks the syntax of a version and puts a v before it.
func canonical(version string) (string, error) {
	if _, err := minorOf(version); err != nil {
		return "", err
	}
	return "v" + strings.TrimPrefix(version, "v"), nil
}

// answersInTerm tells whether the servers of a version say in which term they grant a vote: by
// their source 2.10.14 do, and 2.10.7 say that of before the request. Of those that do not, who
// voted cannot be told from the wire.
func answersInTerm(version string) bool {
	const minor, patch = "10", 14
	m := versionSyntax.FindStringSubmatch(version)
	if m == nil || m[1] != minor {
		return m != nil
	}
	n, err := strconv.Atoi(m[2])
	return err == nil && n >= patch
}

// minorOf returns the 15 of v2.15.2.
func minorOf(version string) (int, error) {
	m := versionSyntax.FindStringSubmatch(version)
	if m == nil {
		return 0, fmt.Errorf("nats-server version %.40q: give one of major version 2, and write it like v2.15.2", version)
	}
	minor, err := strconv.Atoi(m[1])
	if err == nil && minor < 10 {
		err = fmt.Errorf("nats-server version %s: only 2.10.0 and later are known here", version)
	}
	return minor, err
}
