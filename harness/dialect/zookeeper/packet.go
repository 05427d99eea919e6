package zookeeper

import (
	"encoding/binary"
	"fmt"
)

// Types of quorum packets.
const (
	request                  = 1
	proposal                 = 2
	ack                      = 3
	commit                   = 4
	ping                     = 5
	revalidate               = 6
	syncLeader               = 7
	inform                   = 8
	commitAndActivate        = 9
	newLeader                = 10
	followerInfo             = 11
	upToDate                 = 12
	diff                     = 13
	trunc                    = 14
	snap                     = 15
	observerInfo             = 16
	leaderInfo               = 17
	ackEpoch                 = 18
	informAndActivate        = 19
	maxType                  = 64 // what is above it is no type
	packetHead               = 16 // type, zxid and the length of the data
	maxData                  = 64 << 20
	maxAuth                  = 1 << 10
	refused           uint32 = 1<<32 - 1 // a current epoch of -1
)

// packet is a quorum packet.
type packet struct {
	kind uint32
	zxid uint64
	data []byte // of the bytes it was read from
}

// parse reads the packet at the beginning of b. n is 0 if it is not whole.
func parse(b []byte) (p packet, n int, err error) {
	if len(b) < 4 {
		return p, 0, nil
	}
	if p.kind = binary.BigEndian.Uint32(b); p.kind >= maxType {
		return p, 0, fmt.Errorf("a packet of type %d: it is none of ZooKeeper's, or its beginning was not seen", p.kind)
	}
	if len(b) < packetHead {
		return p, 0, nil
	}
	p.zxid = binary.BigEndian.Uint64(b[4:])
	n = packetHead
	if size := int32(binary.BigEndian.Uint32(b[12:])); size > maxData || size < -1 {
		return p, 0, fmt.Errorf("a packet of type %d with %d bytes of data", p.kind, size)
	} else if size > 0 {
		if len(b) < n+int(size) {
			return p, 0, nil
		}
		p.data = b[n : n+int(size)]
		n += int(size)
	}
	if len(b) < n+4 {
		return p, 0, nil
	}
	count := int32(binary.BigEndian.Uint32(b[n:]))
	if n += 4; count > maxAuth || count < -1 {
		return p, 0, fmt.Errorf("a packet of type %d with %d identities", p.kind, count)
	}
	for range 2 * count { // each is a scheme and a name
		size, err := stringAt(b[n:])
		if size == 0 || err != nil {
			return p, 0, err
		}
		n += size
	}
	return p, n, nil
}

// stringAt returns the size of the string or buffer at the beginning of b, its length
// included; 0 if it is not whole.
func stringAt(b []byte) (int, error) {
	if len(b) < 4 {
		return 0, nil
	}
	size := int32(binary.BigEndian.Uint32(b))
	if size > maxData || size < -1 {
		return 0, fmt.Errorf("a string of %d bytes", size)
	}
	if n := 4 + int(max(size, 0)); len(b) >= n {
		return n, nil
	}
	return 0, nil
}
