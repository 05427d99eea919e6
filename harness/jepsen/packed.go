package jepsen

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// ErrNotText says that a file is none that can be read here, and what to do.
var ErrNotText = errors.New("no history in text")

// What files begin with that are no text.
const (
	magicGzip   = "\x1f\x8b"
	magicZstd   = "\x28\xb5\x2f\xfd"
	magicZip    = "PK\x03\x04"
	magicJepsen = "JEPSEN"
)

// unpack returns the text of a stream, whatever it was compressed by, as its first
// bytes tell, and not its name.
func unpack(name string, in io.Reader) (text *bufio.Reader, free func(), err error) {
	const size = 64 << 10
	b := bufio.NewReaderSize(in, size)
	magic, _ := b.Peek(len(magicJepsen))
	begins := func(with string) bool { return bytes.HasPrefix(magic, []byte(with)) }
	switch {
	case begins(magicGzip):
		z, err := gzip.NewReader(b)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		return bufio.NewReaderSize(z, size), func() {}, nil
	case begins(magicZstd):
		z, err := zstd.NewReader(b, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxText))
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		return bufio.NewReaderSize(z, size), z.Close, nil
	case begins(magicZip) || len(magic) == 0 && strings.EqualFold(filepath.Ext(name), ".zip"):
		return nil, nil, fmt.Errorf("%s: %w: it is a zip archive; unpack it (unzip %s) and give the history.edn in it", name, ErrNotText, filepath.Base(name))
	case begins(magicJepsen) || filepath.Ext(name) == ".jepsen":
		return nil, nil, fmt.Errorf("%s: %w: it is Jepsen's own binary form; give the history.edn in the same directory, or write one in the project of the test: "+
			`lein run -m clojure.main -e '(require (quote jepsen.store)) (run! prn (:history (jepsen.store/test "%s")))' > history.edn`, name, ErrNotText, filepath.Dir(name))
	}
	return b, func() {}, nil
}
