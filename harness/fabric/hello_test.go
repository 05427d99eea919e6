package fabric

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// introduced is a hello of the toy's: a frame with "I am NAME".
func introduced(first []byte) (dialler string, more bool, err error) {
	n, _, err := toySplitter{}.Next(first)
	if n == 0 || err != nil {
		return "", n == 0 && err == nil, err
	}
	name, ok := strings.CutPrefix(string(first[5:n]), "I am ")
	if !ok {
		return "", false, errors.New("no hello")
	}
	return name, false, nil
}

func withHello(o *SharedOptions) { o.Hello = introduced }

// Who says who he is is believed, and nobody else is asked; what he said goes on.
func TestHello(t *testing.T) {
	r := newSharedRig(t, true, withHello)
	c := r.dial()
	for _, b := range toyFrame(0, "I am c") { // in pieces
		say(t, c, string([]byte{b}))
	}
	b := r.accept()
	hearToy(t, b, "I am c")
	sayToy(t, b, 0, "back")
	hearToy(t, c, "back")
	all := r.told.list()
	require.Len(t, all, 1)
	require.Equal(t, "c", all[0].Dialler)
	require.Zero(t, r.known.inVain())
	require.EqualValues(t, 1, r.fabric.Counters()[Link{"c", "b"}].Conns)
}

// Who says something else, says that he is nobody who is known, or says nothing, is
// looked up.
func TestNoHello(t *testing.T) {
	for name, first := range map[string]string{
		"another word": string(toyFrame(0, "hi")), "no toy": "\xff\xff\xff\xff\xff\xff", "nobody": string(toyFrame(0, "I am ")),
		"half": string(toyFrame(0, "I am c"))[:7], "silent": "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newSharedRig(t, false, withHello, func(o *SharedOptions) { o.Wait = 2 * time.Second })
			a := r.dialAs("a")
			say(t, a, first)
			b := r.accept()
			hear(t, b, first)
			require.Equal(t, "a", r.told.list()[0].Dialler)
		})
	}
}

// A dialler who dies before he has said who he is, is told as gone.
func TestHelloOfTheDead(t *testing.T) {
	r := newSharedRig(t, false, withHello)
	c := r.dial()
	say(t, c, "\x00")
	require.NoError(t, c.SetLinger(0))
	require.NoError(t, c.Close())
	eventually(t, func() bool { return len(r.told.list()) == 1 }, "told")
	require.Error(t, r.told.list()[0].Err)
}
