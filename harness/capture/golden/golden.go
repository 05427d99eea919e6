// Package golden tests dialects by captures of real runs. A dialect's test is
//
//	func TestGolden(t *testing.T) { golden.Check(t, nats.Dialect(), "testdata/election.pcapng", *update) }
//	func TestCuts(t *testing.T)   { golden.Cuts(t, nats.Dialect(), "testdata/election.pcapng") }
//	func FuzzDecoder(f *testing.F) { golden.Fuzz(f, nats.Dialect(), "testdata/election.pcapng") }
//	func BenchmarkDecoder(b *testing.B) { golden.Benchmark(b, nats.Dialect(), "testdata/election.pcapng") }
//
// A capture is made by `usurper run --capture`, short and small: 60 kB at most.
package golden

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/usurper/usurper/harness/capture"
	"github.com/usurper/usurper/harness/tap"
)

// maxGolden bounds a capture that is kept in a repository.
const maxGolden = 60_000

// Lines decodes a capture and returns a line for each frame and each event, as `usurper
// decode` prints them but without times. A capture of another program's needs to be told
// who its members are: "n1=127.0.0.1:7001".
func Lines(t testing.TB, d tap.Dialect, path string, members ...string) []string {
	t.Helper()
	lines, _ := decode(t, d, pieces(t, path, parse(t, members)), parse(t, members))
	return lines
}

// Check compares the Lines of a capture, which may be compressed by gzip, with those in the file
// beside it whose name has .txt for its ending, and fails if any byte cannot be decoded or anything in it is strange to
// the dialect. With update it writes that file.
func Check(t *testing.T, d tap.Dialect, path string, update bool, members ...string) {
	t.Helper()
	switch info, err := os.Stat(path); {
	case err != nil:
		t.Fatal(err)
	case info.Size() > maxGolden:
		t.Fatalf("capture %s has %d bytes: keep one of at most %d", path, info.Size(), maxGolden)
	}
	lines, done := decode(t, d, pieces(t, path, parse(t, members)), parse(t, members))
	if n := done.Undecoded(); n > 0 || len(done.Strange) > 0 {
		t.Errorf("%s: %d bytes undecoded, strange: %v", path, n, done.Strange)
	}
	plain := strings.TrimSuffix(path, ".gz")
	name := strings.TrimSuffix(plain, filepath.Ext(plain)) + ".txt"
	got := strings.Join(lines, "\n") + "\n"
	if update {
		if err := os.WriteFile(name, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(name)
	if err != nil {
		t.Fatalf("%v: run the test with -update", err)
	}
	if got != string(want) {
		line, is, was := differ(lines, strings.Split(strings.TrimSuffix(string(want), "\n"), "\n"))
		t.Errorf("%s:%d: decoded  %s\nwant     %s\n(run the test with -update if that is right)", name, line, is, was)
	}
}

// differ finds the first line in which two texts differ.
func differ(a, b []string) (line int, inA, inB string) {
	at := func(lines []string, i int) string {
		if i < len(lines) {
			return lines[i]
		}
		return "(the end)"
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	return i + 1, at(a, i), at(b, i)
}

// folded leaves one line of several that one direction says in turn: bytes of a class of which
// as many are a frame as there are, such as those of a snapshot.
func folded(lines []string) (out []string) {
	last := make(map[string]string)
	for _, line := range lines {
		words := strings.Fields(line) // 3: n1 > n2 class
		if len(words) != 5 || words[2] != ">" {
			out = append(out, line)
			continue
		}
		direction := strings.Join(words[:4], " ")
		if last[direction] != line {
			out = append(out, line)
		}
		last[direction] = line
	}
	return out
}

// Cuts feeds the connections of a capture to the dialect byte by byte, so that every frame is
// cut everywhere, and destroys what a decoder was shown once it has returned. It must find
// what it finds in the whole.
func Cuts(t *testing.T, d tap.Dialect, path string, members ...string) {
	t.Helper()
	whole := pieces(t, path, parse(t, members))
	var cut []capture.Piece
	for _, p := range whole {
		if p.Comment != "" {
			cut = append(cut, p)
		}
		for i := range p.Bytes {
			one := p
			one.Bytes = p.Bytes[i : i+1]
			if i > 0 {
				one.Missing = 0
			}
			cut = append(cut, one)
		}
	}
	want, _ := decode(t, d, whole, parse(t, members))
	got, _ := decode(t, forgetful(d), cut, parse(t, members))
	if got, want := folded(got), folded(want); !slices.Equal(got, want) {
		line, is, was := differ(got, want)
		t.Errorf("%s: byte by byte, line %d is  %s\nin whole it is  %s", path, line, is, was)
	}
}

// decode decodes pieces.
func decode(t testing.TB, d tap.Dialect, pieces []capture.Piece, members []capture.Member) (lines []string, done capture.Decoded) {
	t.Helper()
	decoding := capture.NewDecoding(d, members, func(i capture.Item) error {
		switch {
		case i.Comment != "":
		case i.Conn == nil:
			lines = append(lines, i.String())
		default:
			lines = append(lines, fmt.Sprintf("%d: %s", i.Conn.Number, i))
		}
		return nil
	})
	for _, p := range pieces {
		if err := decoding.Piece(p); err != nil {
			t.Fatal(err)
		}
	}
	done, err := decoding.End()
	if err != nil {
		t.Fatal(err)
	}
	return lines, done
}

// forgetful is the dialect, but what its decoders are shown is gone once they have
// returned.
func forgetful(d tap.Dialect) tap.Dialect {
	open := d.Open
	d.Open = func(c *tap.Cluster) func(string, string) (tap.Decoder, tap.Decoder) {
		conn := open(c)
		return func(dialler, accepter string) (forward, backward tap.Decoder) {
			f, b := conn(dialler, accepter)
			return forgetting{f}, forgetting{b}
		}
	}
	return d
}

type forgetting struct{ of tap.Decoder }

// Next implements tap.Decoder.
func (f forgetting) Next(b []byte, m *tap.Message) (n int, class string, err error) {
	shown := slices.Clone(b)
	n, class, err = f.of.Next(shown, m)
	for i := range shown {
		shown[i] = 0xa5
	}
	return n, class, err
}

// pieces reads a whole capture.
func pieces(t testing.TB, path string, members []capture.Member) (all []capture.Piece) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	stats, err := capture.Read(file, members, func(p capture.Piece) error {
		p.Bytes = slices.Clone(p.Bytes)
		all = append(all, p)
		return nil
	})
	if err != nil || stats.CutShort != "" {
		t.Fatalf("%s: %v %s", path, err, stats.CutShort)
	}
	return all
}

func parse(t testing.TB, members []string) (parsed []capture.Member) {
	t.Helper()
	for _, text := range members {
		m, err := capture.ParseMember(text)
		if err != nil {
			t.Fatal(err)
		}
		parsed = append(parsed, m)
	}
	return parsed
}
