package files

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"math/rand/v2"
	"os"
	"slices"
)

// The ways in which a file goes bad at rest.
const (
	Flip     = "flip"     // one bit; it counts bytes-flipped, and bytes-after
	Zero     = "zero"     // a block of 4 KiB reads as zeros; it counts blocks-zeroed, and bytes-after
	Truncate = "truncate" // the end is missing; it counts bytes-cut
)

// bytesAfter counts the bytes that are not zero, and as they were, after the sector of a bit
// or the block of zeros: where there are none the damage looks like the torn end of a file.
const bytesAfter = "bytes-after"

// Rot is how one file of a directory goes bad while nobody uses it. Which file, and
// where, is drawn among what holds something: files or blocks of zeros, such as space
// that is preallocated, are left alone, since nothing in them can go bad.
type Rot struct {
	How   string   // Flip, Zero, Truncate; "" draws one
	Files []string // as in Rule
	Seed  uint64
}

// Damage is what went bad.
type Damage struct {
	File     string           // its path below the directory
	Evidence map[string]int64 // counts
	Note     string           // which bytes of which file, and what they are now
}

// ErrNothing says that there is no file to damage.
var ErrNothing = errors.New("no file holds anything")

// Damage damages a file of the directory. Symbolic links are left alone; nothing
// outside is touched. What it did is on the disk when it returns, and was read again. Of a directory that
// is mounted by [Mount], it is [Dir.Rot] that does it.
func (r Rot) Damage(dir string) (Damage, error) {
	draw := rand.New(rand.NewPCG(r.Seed, 0))
	ways := []string{Flip, Zero, Truncate}
	how := ways[draw.IntN(len(ways))]
	if r.How != "" {
		how = r.How
	}
	if !slices.Contains(ways, how) {
		return Damage{}, fmt.Errorf("files do not rot by %q: there are %v", how, ways)
	}
	if err := (Rule{Action: FailWrite, Files: r.Files}).Validate(); err != nil {
		return Damage{}, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return Damage{}, err
	}
	defer root.Close()
	names, err := r.candidates(root.FS())
	if err != nil {
		return Damage{}, err
	}
	draw.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	for _, name := range names {
		d, err := damage(root, name, how, draw)
		if !errors.Is(err, ErrNothing) {
			return d, err
		}
	}
	return Damage{}, fmt.Errorf("%w in %s%s", ErrNothing, dir, of(r.Files))
}

func of(patterns []string) string {
	if len(patterns) == 0 {
		return ""
	}
	return fmt.Sprintf(", of those that match %q", patterns)
}

// candidates lists the files that are not empty.
func (r Rot) candidates(dir fs.FS) (names []string, err error) {
	err = fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() || !Matches(r.Files, name) {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Size() > 0 {
			names = append(names, name)
		}
		return err
	})
	return names, err
}

// blockSize is what of a disk goes bad as a whole, sectorSize what is written as a whole.
const (
	blockSize  = 4096
	sectorSize = 512
)

func damage(root *os.Root, name, how string, draw *rand.Rand) (Damage, error) {
	f, err := root.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return Damage{}, err
	}
	d := Damage{File: name}
	d.Evidence, d.Note, err = hurt(f, how, draw)
	d.Note = name + ": " + d.Note
	return d, errors.Join(err, f.Close())
}

func hurt(f *os.File, how string, draw *rand.Rand) (map[string]int64, string, error) {
	blocks, end, size, err := survey(f)
	if err != nil {
		return nil, "", err
	}
	if how == Truncate {
		cut := end/2 + draw.Int64N(end-end/2)
		return map[string]int64{"bytes-cut": size - cut},
			fmt.Sprintf("cut off at %d of %d bytes, of which the last that is not zero was at %d", cut, size, end-1),
			errors.Join(f.Truncate(cut), f.Sync())
	}
	off := blocks[draw.IntN(len(blocks))] * blockSize
	old := make([]byte, min(blockSize, size-off))
	if _, err := f.ReadAt(old, off); err != nil {
		return nil, "", err
	}
	if how == Zero {
		count := len(old) - bytes.Count(old, []byte{0})
		after, err := fullAfter(f, off+int64(len(old)))
		if err != nil {
			return nil, "", err
		}
		return map[string]int64{"blocks-zeroed": 1, bytesAfter: after},
			fmt.Sprintf("%d bytes at %d of %d zeroed, of which %d were not; %s", len(old), off, size, count, intact(after)),
			replace(f, make([]byte, len(old)), off)
	}
	var full []int
	for i, b := range old {
		if b != 0 {
			full = append(full, i)
		}
	}
	i := full[draw.IntN(len(full))]
	bit := draw.IntN(8)
	now := old[i] ^ 1<<bit
	after, err := fullAfter(f, off+int64(i-i%sectorSize+sectorSize))
	if err != nil {
		return nil, "", err
	}
	return map[string]int64{"bytes-flipped": 1, bytesAfter: after},
		fmt.Sprintf("bit %d of the byte at %d of %d flipped, from %#02x to %#02x; %s", bit, off+int64(i), size, old[i], now, intact(after)),
		replace(f, []byte{now}, off+int64(i))
}

// intact says what follows the damage.
func intact(after int64) string {
	if after == 0 {
		return "only zeros follow"
	}
	return fmt.Sprintf("of what follows %d bytes are not zero", after)
}

// fullAfter counts the bytes of a file from off on that are not zero.
func fullAfter(f *os.File, off int64) (count int64, err error) {
	r := io.NewSectionReader(f, off, math.MaxInt64-off)
	p := make([]byte, 256*blockSize)
	for {
		n, err := r.Read(p)
		count += int64(n - bytes.Count(p[:n], []byte{0}))
		if err == io.EOF {
			return count, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// survey tells which blocks of a file hold something, and where that ends.
func survey(f *os.File) (blocks []int64, end, size int64, err error) {
	p := make([]byte, 256*blockSize)
	for {
		n, err := io.ReadFull(f, p)
		for off := 0; off < n; off += blockSize {
			block := p[off:min(off+blockSize, n)]
			if rest := bytes.TrimRight(block, "\x00"); len(rest) > 0 {
				blocks = append(blocks, (size+int64(off))/blockSize)
				end = size + int64(off+len(rest))
			}
		}
		size += int64(n)
		switch {
		case (err == io.EOF || err == io.ErrUnexpectedEOF) && len(blocks) == 0:
			return nil, 0, 0, ErrNothing
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return blocks, end, size, nil
		case err != nil:
			return nil, 0, 0, err
		}
	}
}

// replace puts bytes into a file, and makes sure that they stay.
func replace(f *os.File, p []byte, off int64) error {
	if _, err := f.WriteAt(p, off); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	got := make([]byte, len(p))
	if _, err := f.ReadAt(got, off); err != nil {
		return err
	}
	if !bytes.Equal(got, p) {
		return errors.New("the damage did not stay: is a rule about this file in force?")
	}
	return nil
}
