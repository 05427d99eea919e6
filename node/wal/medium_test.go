package wal

import (
	"errors"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
)

// errNoPower is what everything fails with once the power is gone.
var errNoPower = errors.New("the power is gone")

// medium is a directory in memory that loses power. It keeps what was synced, and of
// the rest anything: of each sector any content that it has had since, of each file any
// length, of the names any that were changed. It promises less than any file system
// does: a synced file has no name before its directory is synced, and names that are
// changed one after the other may last in any order.
type medium struct {
	mu      sync.Mutex
	entries map[string]*inode // as the process sees them
	durable map[string]*inode
	changes []change // of the names, since they were synced
	inodes  []*inode
	budget  int // what may still happen before the power is gone
	settled bool
}

// inode is a file. The last of its versions is what the process sees, the first what is
// on the medium.
type inode struct {
	versions [][]byte
}

func (n *inode) now() []byte { return n.versions[len(n.versions)-1] }

func (n *inode) sync() { n.versions = [][]byte{n.now()} }

// change is one of names: to becomes node, and from, which was it, nothing.
type change struct {
	from, to string
	node     *inode // nil if to is removed
}

func (c change) apply(names map[string]*inode) {
	if c.from != "" {
		delete(names, c.from)
	}
	if c.node == nil {
		delete(names, c.to)
		return
	}
	names[c.to] = c.node
}

func newMedium() *medium {
	return &medium{entries: map[string]*inode{}, durable: map[string]*inode{}, budget: 1 << 30}
}

// step lets one thing happen, or tells that the power is gone.
func (m *medium) step() error {
	if m.budget <= 0 {
		return errNoPower
	}
	m.budget--
	return nil
}

// fail takes the power and gives it back. What is left is drawn.
func (m *medium) fail(rng *rand.Rand) {
	m.mu.Lock()
	defer m.mu.Unlock()
	inOrder, kept := rng.IntN(2) == 0, rng.IntN(len(m.changes)+1)
	for i, c := range m.changes {
		if inOrder && i < kept || !inOrder && rng.IntN(2) == 0 {
			c.apply(m.durable)
		}
	}
	m.entries, m.changes = maps.Clone(m.durable), nil
	how := rng.IntN(4) // nothing, all, any
	for _, n := range m.inodes {
		n.versions = [][]byte{n.draw(rng, how)}
	}
	m.budget = 1 << 30
}

// draw makes a file of pieces of its versions.
func (n *inode) draw(rng *rand.Rand, how int) []byte {
	switch how {
	case 0:
		return n.versions[0]
	case 1:
		return n.now()
	}
	b := make([]byte, len(n.versions[rng.IntN(len(n.versions))]))
	for at := 0; at < len(b); at += sector {
		if v := n.versions[rng.IntN(len(n.versions))]; at < len(v) {
			copy(b[at:min(at+sector, len(b))], v[at:])
		}
	}
	return b
}

func (m *medium) make() error { return nil }

func (m *medium) settle() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	m.settled = true
	return nil
}

func (m *medium) lock() (io.Closer, error) { return io.NopCloser(nil), nil }

func (m *medium) open(name string, flag int) (file, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return nil, err
	}
	if name == "." {
		return &mediumFile{m: m}, nil
	}
	n := m.entries[name]
	switch {
	case n == nil && flag&os.O_CREATE == 0:
		return nil, fs.ErrNotExist
	case n == nil:
		n = &inode{versions: [][]byte{nil}}
		m.inodes = append(m.inodes, n)
		m.change(change{to: name, node: n})
	case flag&os.O_TRUNC != 0:
		n.versions = append(n.versions, nil)
	}
	return &mediumFile{m: m, node: n}, nil
}

func (m *medium) change(c change) {
	c.apply(m.entries)
	m.changes = append(m.changes, c)
}

func (m *medium) read(name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.entries[name]
	if n == nil {
		return nil, fs.ErrNotExist
	}
	return slices.Clone(n.now()), nil
}

func (m *medium) names() ([]string, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Sorted(maps.Keys(m.entries)), nil
}

func (m *medium) rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	m.change(change{from: from, to: to, node: m.entries[from]})
	return nil
}

func (m *medium) remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.step(); err != nil {
		return err
	}
	if m.entries[name] != nil {
		m.change(change{to: name})
	}
	return nil
}

// mediumFile is an open file, or the directory if it has no node.
type mediumFile struct {
	m    *medium
	node *inode
}

func (f *mediumFile) WriteAt(b []byte, off int64) (int, error) {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.m.step(); err != nil {
		return 0, err
	}
	now := slices.Clone(f.node.now())
	if n := int(off) + len(b) - len(now); n > 0 {
		now = append(now, make([]byte, n)...)
	}
	copy(now[off:], b)
	f.node.versions = append(f.node.versions, now)
	return len(b), nil
}

func (f *mediumFile) Truncate(size int64) error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.m.step(); err != nil {
		return err
	}
	now := slices.Clone(f.node.now()[:min(size, int64(len(f.node.now())))])
	f.node.versions = append(f.node.versions, append(now, make([]byte, int(size)-len(now))...))
	return nil
}

func (f *mediumFile) Sync() error {
	f.m.mu.Lock()
	defer f.m.mu.Unlock()
	if err := f.m.step(); err != nil {
		return err
	}
	if f.node != nil {
		f.node.sync()
		return nil
	}
	f.m.durable, f.m.changes = maps.Clone(f.m.entries), nil
	return nil
}

func (f *mediumFile) Datasync() error { return f.Sync() }

func (f *mediumFile) Close() error { return nil }
