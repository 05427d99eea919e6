package fabric

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzFramer feeds a stream in pieces of any size: the frames and what is left
// add up to the stream, and the pieces make no difference.
func FuzzFramer(f *testing.F) {
	f.Add(append(toyFrame(0, "one"), toyFrame(1, "two")...), []byte{3})
	f.Add(append(toyFrame(2, ""), "\x00\x00\x00\x01\xff!"...), []byte{1, 200})
	f.Add(toyFrame(0, "torn")[:6], []byte{0})
	f.Fuzz(func(t *testing.T, stream, pieces []byte) {
		whole, wholeRest, wholeErr := frames(stream, nil)
		cut, cutRest, cutErr := frames(stream, pieces)
		require.Equal(t, whole, cut)
		require.Equal(t, wholeErr, cutErr)
		require.Equal(t, stream, append(bytes.Join(whole, nil), wholeRest...))
		require.Equal(t, stream, append(bytes.Join(cut, nil), cutRest...))
	})
}

// frames splits a stream that arrives in pieces, into a buffer that starts
// small.
func frames(stream, pieces []byte) (got [][]byte, rest []byte, err error) {
	f := newFramer(toySplitter{}, nil)
	f.buf = make([]byte, 16)
	for i := 0; len(stream) > 0; i++ {
		n := min(len(stream), len(f.space()))
		if len(pieces) > 0 {
			n = min(n, 1+int(pieces[i%len(pieces)]))
		}
		f.grown(copy(f.space(), stream[:n]))
		stream = stream[n:]
		var marks []mark
		marks, err = f.split()
		at := 0
		for _, m := range marks {
			got = append(got, bytes.Clone(f.pending()[at:m.end]))
			at = m.end
		}
		f.discard(at)
		if err != nil {
			break
		}
	}
	return got, append(bytes.Clone(f.pending()), stream...), err
}

// liar is a splitter that finds frames of a length of its own.
type liar int

func (l liar) Next([]byte) (int, string, error) { return int(l), "", nil }

func TestFramerDistrustsItsSplitter(t *testing.T) {
	for _, n := range []int{-1, 4} {
		f := newFramer(liar(n), nil)
		f.grown(copy(f.space(), "abc"))
		marks, err := f.split()
		require.Error(t, err)
		require.Empty(t, marks)
	}
	f := newFramer(liar(0), nil)
	f.buf, f.to = make([]byte, maxFrame), maxFrame
	_, err := f.split()
	require.ErrorIs(t, err, errFrameTooLarge)
}
