#!/usr/bin/env bash
# gopacket: a TCP header without options is written with those bytes of padding that the one
# before it needed
#
# Version:     github.com/gopacket/gopacket v1.7.7
# Expectation: SerializeLayers with FixLengths computes what depends on the other fields, so
#              that a layers.TCP may be used for packet after packet: without options its
#              header has 20 bytes.
# Behaviour:   FixLengths sets the field Padding where options do not fill a word, and leaves
#              it where there are none. After a SYN with an option of three bytes (window
#              scale) every later header of the same layer is followed by one more byte, which
#              the data offset does not count: a reader takes it for the first byte
#              of the payload. Each segment then says one byte more than was sent, and
#              its sequence numbers overlap.
# Seen:        SYN: 24 bytes, data offset 6
#              then, without options: 21 bytes, data offset 5, payload "\x00hello"
#              of a new layer: 20 bytes, data offset 5, payload "hello"
# Date:        2026-12-01
#
# Needs Go. Ends with 0 as long as it is so.
set -euo pipefail
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
cat >main.go <<'GO'
package main

import (
	"fmt"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

func write(tcp *layers.TCP, payload string) []byte {
	b := gopacket.NewSerializeBuffer()
	err := gopacket.SerializeLayers(b, gopacket.SerializeOptions{FixLengths: true}, tcp, gopacket.Payload(payload))
	if err != nil {
		panic(err)
	}
	return b.Bytes()
}

func show(what, payload string, packet []byte) {
	read := gopacket.NewPacket(packet, layers.LayerTypeTCP, gopacket.Default).Layer(layers.LayerTypeTCP).(*layers.TCP)
	fmt.Printf("%s: %d bytes, data offset %d", what, len(packet)-len(payload), read.DataOffset)
	if payload != "" {
		fmt.Printf(", payload %q", read.Payload)
	}
	fmt.Println()
}

func main() {
	tcp := &layers.TCP{SrcPort: 1, DstPort: 2, SYN: true, Window: 65535}
	tcp.Options = []layers.TCPOption{{OptionType: layers.TCPOptionKindWindowScale, OptionLength: 3, OptionData: []byte{7}}}
	show("SYN", "", write(tcp, ""))
	tcp.SYN, tcp.ACK, tcp.Options = false, true, nil
	show("then, without options", "hello", write(tcp, "hello"))
	show("of a new layer", "hello", write(&layers.TCP{SrcPort: 1, DstPort: 2, ACK: true, Window: 65535}, "hello"))
}
GO
go mod init finding >/dev/null 2>&1
go get github.com/gopacket/gopacket@v1.7.7 >/dev/null 2>&1
go mod tidy >/dev/null 2>&1
out=$(go run .)
echo "$out"
[ "$out" = 'SYN: 24 bytes, data offset 6
then, without options: 21 bytes, data offset 5, payload "\x00hello"
of a new layer: 20 bytes, data offset 5, payload "hello"' ]
