package history

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// openFile opens a history file, compressed or not, by its name.
func openFile(path string) (io.ReadCloser, error) {
	f, err := os.Open(path)
	if err != nil || !strings.HasSuffix(path, ".gz") {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &packed{z, f}, nil
}

type packed struct {
	*gzip.Reader
	file *os.File
}

// Close closes the file too.
func (p *packed) Close() error { return errors.Join(p.Reader.Close(), p.file.Close()) }

// Pack compresses the history at from into a new file, to, whose name must end in
// .gz. The same history gives the same bytes.
func Pack(from, to string) (err error) {
	if !strings.HasSuffix(to, ".gz") {
		return fmt.Errorf("pack history: %s: the name must end in .gz", to)
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
	z, err := gzip.NewWriterLevel(out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := io.Copy(z, in); err != nil {
		return err
	}
	return z.Close()
}
