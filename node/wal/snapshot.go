package wal

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strings"

	"github.com/usurper/usurper/node/raft"
)

// A snapshot file holds one snapshot, integers little endian:
//
//	offset size field
//	     0    8 magic "USRPSNAP"
//	     8    4 version, 1
//	    12    4 CRC-32C of the data
//	    16    8 term of the position
//	    24    8 index of the position
//	    32    8 chain hash
//	    40    8 digest of the state
//	    48    8 length of the data in bytes
//	    56    4 CRC-32C of the 56 bytes before
//	    60      data
const (
	snapshotMagic   = "USRPSNAP"
	snapshotVersion = 1
	snapshotFixed   = 60
	snapshotSuffix  = ".snap"
)

func snapshotName(index uint64) string { return fmt.Sprintf("%016x%s", index, snapshotSuffix) }

// writeSnapshot makes the file of s durable under its final name.
func (d disk) writeSnapshot(s raft.Snapshot) error {
	name := snapshotName(s.Pos.Index)
	f, err := d.create(name + temporarySuffix)
	if err != nil {
		return err
	}
	defer f.Close()
	if _, err := f.WriteAt(snapshotHeader(s), 0); err != nil {
		return err
	}
	if _, err := f.WriteAt(s.Data, snapshotFixed); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	return d.renameDurably(name+temporarySuffix, name)
}

func snapshotHeader(s raft.Snapshot) []byte {
	le := binary.LittleEndian
	b := append(make([]byte, 0, snapshotFixed), snapshotMagic...)
	b = le.AppendUint32(b, snapshotVersion)
	b = le.AppendUint32(b, crc32.Checksum(s.Data, castagnoli()))
	for _, n := range []uint64{s.Pos.Term, s.Pos.Index, s.Hash, s.Digest, uint64(len(s.Data))} {
		b = le.AppendUint64(b, n)
	}
	return le.AppendUint32(b, crc32.Checksum(b, castagnoli()))
}

// readSnapshot reads the snapshot that the log names: it must be there, and be
// the one that was meant.
func (d disk) readSnapshot(pos raft.Pos, hash uint64) (*raft.Snapshot, error) {
	name := snapshotName(pos.Index)
	b, err := d.read(name)
	if err != nil {
		return nil, fmt.Errorf("the log needs the snapshot at index %d: %w", pos.Index, err)
	}
	s, off, err := parseSnapshot(b)
	if err == nil && (s.Pos != pos || s.Hash != hash) {
		off, err = 16, fmt.Errorf("snapshot is of %v with chain hash %016x, the log needs %v with %016x", s.Pos, s.Hash, pos, hash)
	}
	if err != nil {
		return nil, &CorruptError{File: d.path(name), Offset: off, Err: err}
	}
	return &s, nil
}

// parseSnapshot returns, with an error, the offset of what is wrong.
func parseSnapshot(b []byte) (raft.Snapshot, int64, error) {
	le := binary.LittleEndian
	if len(b) < snapshotFixed {
		return raft.Snapshot{}, int64(len(b)), fmt.Errorf("snapshot has %d bytes, its header alone has %d", len(b), snapshotFixed)
	}
	if string(b[:8]) != snapshotMagic {
		return raft.Snapshot{}, 0, fmt.Errorf("snapshot begins with %q", b[:8])
	}
	if le.Uint32(b[56:]) != crc32.Checksum(b[:56], castagnoli()) {
		return raft.Snapshot{}, 0, fmt.Errorf("snapshot header fails its checksum")
	}
	if v := le.Uint32(b[8:]); v != snapshotVersion {
		return raft.Snapshot{}, 8, fmt.Errorf("snapshot has version %d, this program reads version %d", v, snapshotVersion)
	}
	data := b[snapshotFixed:]
	if n := le.Uint64(b[48:]); n != uint64(len(data)) {
		return raft.Snapshot{}, 48, fmt.Errorf("snapshot has %d bytes of data, its header says %d", len(data), n)
	}
	if le.Uint32(b[12:]) != crc32.Checksum(data, castagnoli()) {
		return raft.Snapshot{}, snapshotFixed, fmt.Errorf("snapshot data fail their checksum")
	}
	return raft.Snapshot{
		Pos:    raft.Pos{Term: le.Uint64(b[16:]), Index: le.Uint64(b[24:])},
		Hash:   le.Uint64(b[32:]),
		Digest: le.Uint64(b[40:]),
		Data:   data,
	}, 0, nil
}

// dropSnapshots deletes every snapshot but the one at index keep.
func (d disk) dropSnapshots(keep uint64) error {
	names, err := d.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if strings.HasSuffix(name, snapshotSuffix) && name != snapshotName(keep) {
			if err := d.remove(name); err != nil {
				return err
			}
		}
	}
	return nil
}
