package wire_test

import (
	"fmt"
	"log"

	"github.com/usurper/usurper/node/raft"
	"github.com/usurper/usurper/node/wire"
)

// A tap reads headers, and skips payloads by their length.
func ExampleParseHeader() {
	var stream []byte
	for _, m := range []raft.Message{
		{Kind: raft.KindVote, From: 4, To: 1, Term: 9, Log: raft.Pos{Term: 2, Index: 5}},
		{Kind: raft.KindAppend, From: 3, To: 1, Term: 8, Entries: []raft.Entry{{Term: 8, Index: 1, Data: []byte("x=1")}}},
	} {
		var err error
		if stream, err = wire.AppendFrame(stream, &m); err != nil {
			log.Fatal(err)
		}
	}
	for len(stream) >= wire.HeaderSize {
		h, err := wire.ParseHeader(stream)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s from %d to %d, term %d, %d bytes\n", wire.ClassOf(h.Kind), h.From, h.To, h.Term, h.Length)
		stream = stream[h.Length:]
	}
	// Output:
	// vote from 4 to 1, term 9, 96 bytes
	// append from 3 to 1, term 8, 111 bytes
}
