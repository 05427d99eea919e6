package zookeeper

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"
)

const (
	// helloHead is a version, a number and the length of the addresses.
	helloHead = 20
	maxHello  = 2048 // bytes of addresses, as ZooKeeper bounds them
	// noteHead is the length of a notification, and leastNote what it has at least:
	// state, leader, zxid, round and epoch.
	noteHead  = 4
	leastNote = 36
	maxNote   = 512 << 10
)

// What a notification says of its sender.
const (
	looking = 0
	leading = 2
)

// What the configuration in a notification has where more decides than how many members
// there are: some have no vote, or votes have weights.
var (
	observers = []byte(":observer")
	groups    = []byte("\ngroup.")
)

// hello takes the dialler's first bytes at an election port.
func (c *conn) hello(b []byte) (int, string, error) {
	n, err := helloSize(b)
	if n == 0 || err != nil {
		return 0, "", err
	}
	return n, classHello, c.meet(int64(binary.BigEndian.Uint64(b[8:])), c.follower)
}

func helloSize(b []byte) (int, error) {
	if len(b) < helloHead {
		return 0, nil
	}
	size := int32(binary.BigEndian.Uint32(b[16:]))
	switch {
	case size < 0 || size > maxHello:
		return 0, fmt.Errorf("a hello with %d bytes of addresses", size)
	case len(b) < helloHead+int(size):
		return 0, nil
	}
	return helloHead + int(size), nil
}

// rewriteHello returns the hello with other addresses, nil if there are none.
func rewriteHello(frame []byte, reach func(backend string) (addr string, ok bool)) []byte {
	if n, err := helloSize(frame); n != len(frame) || err != nil {
		return nil
	}
	addrs := strings.Split(string(frame[helloHead:]), "|")
	changed := false
	for i, addr := range addrs {
		if instead, ok := reach(addr); ok {
			addrs[i], changed = instead, true
		}
	}
	if !changed {
		return nil
	}
	text := strings.Join(addrs, "|")
	b := append(make([]byte, 0, helloHead+len(text)), frame[:16]...)
	return append(binary.BigEndian.AppendUint32(b, uint32(len(text))), text...)
}

// notification takes what either side of an election port says.
func (c *conn) notification(b []byte, from, to string) (int, string, error) {
	if len(b) < noteHead {
		return 0, "", nil
	}
	size := int32(binary.BigEndian.Uint32(b))
	switch {
	case size < leastNote || size > maxNote:
		return 0, "", fmt.Errorf("a notification of %d bytes", size)
	case len(b) < noteHead+int(size):
		return 0, "", nil
	}
	note := b[noteHead : noteHead+int(size)]
	if bytes.Contains(note, observers) || bytes.Contains(note, groups) {
		c.cluster.Reconfigured("")
	}
	leader := int64(binary.BigEndian.Uint64(note[4:]))
	switch binary.BigEndian.Uint32(note) {
	case looking:
		c.claim(claim{from: from, to: to, leader: leader}, state{
			zxid: binary.BigEndian.Uint64(note[12:]), epoch: binary.BigEndian.Uint64(note[28:]),
		})
	case leading:
		return noteHead + int(size), classNotification, c.meet(leader, from)
	}
	return noteHead + int(size), classNotification, nil
}
