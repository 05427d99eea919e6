#!/usr/bin/env bash
# go-junit-report's package junit writes XML that no parser reads
#
# Version:     github.com/jstemmer/go-junit-report/v2 v2.1.0, package junit
# Expectation: Testsuites.WriteXML writes well-formed XML or returns an error. Output of
#              a test that failed goes into Result.Data, and output of programs has
#              control characters: colours (ESC) for a start.
# Behaviour:   The data is written as CDATA as it is. XML 1.0 allows no control
#              character but tab and line ends, not even escaped, so the document is
#              not well-formed, and a CI that reads it shows no results at all, of any
#              test. WriteXML returns nil. The module's own command replaces such
#              characters before it fills the structs, so that it is not seen there; and
#              the message, an attribute, is safe, since encoding/xml replaces them.
# Seen:        WriteXML: <nil>
#              read back: XML syntax error on line 4: illegal character code U+001B
#              the message alone, read back: <nil>
# Date:        2026-11-30
#
# Needs Go. Ends with 0 as long as it is so.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"bytes"
	"encoding/xml"
	"fmt"

	"github.com/jstemmer/go-junit-report/v2/junit"
)

func write(r junit.Result) ([]byte, error) {
	var suite junit.Testsuite
	suite.AddTestcase(junit.Testcase{Name: "TestA", Failure: &r})
	var all junit.Testsuites
	all.AddSuite(suite)
	var out bytes.Buffer
	err := all.WriteXML(&out)
	return out.Bytes(), err
}

func main() {
	const red = "\x1b[31mwrong\x1b[0m"
	b, err := write(junit.Result{Message: "Failed", Data: red})
	fmt.Println("WriteXML:", err)
	fmt.Println("read back:", xml.Unmarshal(b, new(junit.Testsuites)))
	b, _ = write(junit.Result{Message: red})
	fmt.Println("the message alone, read back:", xml.Unmarshal(b, new(junit.Testsuites)))
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/jstemmer/go-junit-report/v2@v2.1.0 >/dev/null 2>&1
out=$(go run .)
echo "$out"
grep -qx 'WriteXML: <nil>' <<<"$out"
grep -q '^read back: XML syntax error .* illegal character code U+001B$' <<<"$out"
grep -qx 'the message alone, read back: <nil>' <<<"$out"
