#!/usr/bin/env bash
# antithesis-sdk-go 0.8.0: a program that is built without C reports a failed assertion that
# nobody made.
#
# Outside Antithesis, a program with the tag enable_antithesis_sdk writes its assertions to the file that
# ANTITHESIS_SDK_LOCAL_OUTPUT names. An "always" with "hit": true and "condition": false in
# it is an assertion that did not hold, as the SDK's format says
# (https://antithesis.com/docs/using_antithesis/sdk/fallback/), so that whoever reads the
# file may fail a test by it.
#
# Built with CGO_ENABLED=0 on linux/amd64, a program that makes one assertion, which
# holds, writes two: the other is the SDK's own, an "always" that failed, with no file and no line, named
# "Go application under test compiled with CGO enabled". It is about coverage within
# Antithesis, but is written everywhere. (NATS 2.15 comes with this version; with C the line is absent.)
#
# Seen 2026-12-01, Go 1.26.8, linux/amd64:
#   without C: 1 assertion that failed
#   with its own alone: 0
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
cat >go.mod <<'MOD'
module asserts

go 1.24

require github.com/antithesishq/antithesis-sdk-go v0.8.0-default-no-op
MOD
cat >main.go <<'MAIN'
package main

import "github.com/antithesishq/antithesis-sdk-go/assert"

func main() { assert.Always(true, "it holds", nil) }
MAIN
export GOFLAGS=-mod=mod CGO_ENABLED=0 GOOS=linux GOARCH=amd64
go build -tags enable_antithesis_sdk -o asserts .
ANTITHESIS_SDK_LOCAL_OUTPUT=$work/out.jsonl ./asserts
failed=$(grep '"hit":true' out.jsonl | grep -c '"condition":false' || true)
own=$(grep '"hit":true' out.jsonl | grep '"message":"it holds"' | grep -c '"condition":false' || true)
echo "without C: $failed assertion that failed"
echo "with its own alone: $own"
[ "$failed" = 1 ] && [ "$own" = 0 ] && grep -q 'compiled with CGO enabled' out.jsonl
