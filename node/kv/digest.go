package kv

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
)

// The digest is a sum, modulo 2⁶⁴, of one hash for each key and one for each
// session. A sum does not depend on order, and a write moves it by taking the
// key's old hash out and putting the new one in.
//
// A key's hash covers its name and the chain of its value. The chain of a
// string is its hash; that of a list is c(i) = h(c(i-1), item i) with c(0) = 0,
// so that an append does not hash the list again.

// Tags keep hashes of different things apart.
const (
	tagString  = 's'
	tagList    = 'l'
	tagSession = 'c'
)

func stringChain(v string) uint64 { return xxhash.Sum64String(v) }

func listChain(prev uint64, item string) uint64 {
	var buf [72]byte
	b := binary.LittleEndian.AppendUint64(buf[:0], prev)
	return xxhash.Sum64(append(b, item...))
}

func keySum(key string, it *item) uint64 {
	tag, n := byte(tagString), uint64(0)
	if it.isList {
		tag, n = tagList, uint64(len(it.list))
	}
	var buf [96]byte
	b := append(buf[:0], tag)
	b = binary.LittleEndian.AppendUint64(b, it.chain)
	b = binary.LittleEndian.AppendUint64(b, n)
	return xxhash.Sum64(append(b, key...))
}

func sessionSum(e *session) uint64 {
	var buf [128]byte
	b := append(buf[:0], tagSession)
	return xxhash.Sum64(e.appendTo(b))
}
