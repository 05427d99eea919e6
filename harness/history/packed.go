package history

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// openFile opens a history file, compressed by gzip or zstd, or not, by its name.
func openFile(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return unpacked(f)
}

// unpacked reads a history file, which is closed if that cannot begin.
func unpacked(f *os.File) (io.ReadCloser, error) {
	var z io.ReadCloser
	var err error
	path := f.Name()
	switch {
	case strings.HasSuffix(path, ".gz"):
		z, err = gzip.NewReader(f)
	case strings.HasSuffix(path, ".zst"):
		var d *zstd.Decoder
		if d, err = zstd.NewReader(f, zstd.WithDecoderConcurrency(1)); err == nil {
			z = d.IOReadCloser()
		}
	default:
		if err = misnamed(f); err == nil {
			return f, nil
		}
	}
	if err != nil {
		f.Close()
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			err = fmt.Errorf("%w before its first line: %w", errCutShort, err)
		}
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &packed{z, f}, nil
}

// misnamed says of a file that is compressed although its name does not say so how it is to
// be called.
func misnamed(f *os.File) error {
	var first [4]byte
	n, _ := f.ReadAt(first[:], 0) // a pipe has no beginning to go back to
	switch {
	case bytes.Equal(first[:n], []byte{0x28, 0xb5, 0x2f, 0xfd}):
		return errors.New("it is compressed by zstd: let its name end in .zst")
	case bytes.HasPrefix(first[:n], []byte{0x1f, 0x8b}):
		return errors.New("it is compressed by gzip: let its name end in .gz")
	}
	return nil
}

type packed struct {
	io.ReadCloser
	file *os.File
}

var errCutShort = errors.New("the compressed file was cut short")

// Read reads what is unpacked.
func (p *packed) Read(b []byte) (int, error) {
	n, err := p.ReadCloser.Read(b)
	if errors.Is(err, io.ErrUnexpectedEOF) {
		err = fmt.Errorf("%w: %w", errCutShort, err)
	}
	return n, err
}

// Close closes the file too. What cannot be unpacked was told when it was read.
func (p *packed) Close() error {
	p.ReadCloser.Close()
	return p.file.Close()
}

// Pack compresses the history at from into a new file, to, whose name must end in
// .gz or .zst. The same history gives the same bytes.
func Pack(from, to string) (err error) {
	if !strings.HasSuffix(to, ".gz") && !strings.HasSuffix(to, ".zst") {
		return fmt.Errorf("pack history: %s: the name must end in .gz or .zst", to)
	}
	in, err := openFile(from)
	if err != nil {
		return fmt.Errorf("pack history: %w", err)
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return fmt.Errorf("pack history: %w", err)
	}
	defer func() {
		if err = errors.Join(err, out.Close()); err != nil {
			err = fmt.Errorf("pack history: %w", err)
		}
	}()
	z, err := packer(out, to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(z, in); err != nil {
		return errors.Join(err, z.Close())
	}
	return z.Close()
}

func packer(out io.Writer, name string) (io.WriteCloser, error) {
	if strings.HasSuffix(name, ".gz") {
		return gzip.NewWriterLevel(out, gzip.BestCompression)
	}
	return zstd.NewWriter(out, zstd.WithEncoderLevel(zstd.SpeedBetterCompression), zstd.WithEncoderConcurrency(1))
}
