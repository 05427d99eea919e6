package fabric

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/fabric/owner"
)

// register knows diallers by the ports that it was told of.
type register struct {
	mu    sync.Mutex
	ports map[int]string
	vain  int // how often it was asked of another
}

func (r *register) add(c net.Conn, dialler string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ports[c.LocalAddr().(*net.TCPAddr).Port] = dialler
}

func (r *register) identify(_ context.Context, remote, _ net.Addr) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if d, ok := r.ports[remote.(*net.TCPAddr).Port]; ok {
		return d, nil
	}
	r.vain++
	return "", errors.New("never heard of it")
}

func (r *register) inVain() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.vain
}

// told collects attributions.
type told = list[Attribution]

// sharedRig is a fabric whose members a, b and c have a shared listener each;
// its embedded rig's backend and address are those of b.
type sharedRig struct {
	rig
	known *register
	told  *told
	o     SharedOptions
}

func newSharedRig(t *testing.T, decode bool, change ...func(*SharedOptions)) *sharedRig {
	t.Helper()
	r := &sharedRig{known: &register{ports: make(map[int]string)}, told: &told{}}
	r.t, r.watch = t, &watcher{}
	var err error
	r.fabric, err = New(Options{Protocol: toy{}, Observer: r.watch})
	require.NoError(t, err)
	r.backend, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	r.o = SharedOptions{
		Addr: "127.0.0.1:0", Backend: r.backend.Addr().String(), Decode: decode,
		Identify: r.known.identify, Attributed: r.told.add, Wait: deadline,
	}
	for _, c := range change {
		c(&r.o)
	}
	for _, m := range []string{"a", "b", "c"} {
		addr, err := r.fabric.ListenShared(m, r.o)
		require.NoError(t, err)
		if m == "b" {
			r.addr = addr
		}
	}
	t.Cleanup(func() {
		r.backend.Close()
		require.NoError(t, r.fabric.Close())
	})
	return r
}

// dialAs makes a dialler's end of a new connection to b.
func (r *sharedRig) dialAs(dialler string) *net.TCPConn {
	r.t.Helper()
	c := r.dial()
	r.known.add(c, dialler)
	return c
}

// connectAs makes both ends and says a word through them, so that they are known
// to be up.
func (r *sharedRig) connectAs(dialler string) (from, b *net.TCPConn) {
	r.t.Helper()
	from = r.dialAs(dialler)
	b = r.accept()
	sayToy(r.t, from, 0, "up?")
	hearToy(r.t, b, "up?")
	sayToy(r.t, b, 0, "up!")
	hearToy(r.t, from, "up!")
	return from, b
}

func sharedModes(t *testing.T, f func(t *testing.T, r *sharedRig)) {
	for _, decode := range []bool{false, true} {
		t.Run(fmt.Sprintf("Decode=%v", decode), func(t *testing.T) { f(t, newSharedRig(t, decode)) })
	}
}

func TestSharedHoldsBytesUntilDiallerIsKnown(t *testing.T) {
	sharedModes(t, func(t *testing.T, r *sharedRig) {
		a := r.dial()
		sayToy(t, a, 0, "early")
		eventually(t, func() bool { return r.known.inVain() > 0 }, "asked whose it is")
		require.NoError(t, r.backend.(*net.TCPListener).SetDeadline(time.Now().Add(30*time.Millisecond)))
		_, err := r.backend.Accept()
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		require.Empty(t, r.told.list())

		r.known.add(a, "a")
		b := r.accept()
		hearToy(t, b, "early")
		sayToy(t, b, 0, "back")
		hearToy(t, a, "back")
		all := r.told.list()
		require.Len(t, all, 1)
		require.NoError(t, all[0].Err)
		require.Equal(t, "a", all[0].Dialler)
		require.Equal(t, "b", all[0].Accepter)
		require.Equal(t, a.LocalAddr().String(), all[0].Remote.String())
		require.GreaterOrEqual(t, all[0].Took, 30*time.Millisecond)
		eventually(t, func() bool { return r.fabric.Counters()[ab].Bytes == 10 && r.fabric.Counters()[ba].Bytes == 9 }, "bytes counted")
	})
}

func TestSharedObeysTheRulesOfTheDiallersLinks(t *testing.T) {
	sharedModes(t, func(t *testing.T, r *sharedRig) {
		a, ba := r.connectAs("a")
		c, bc := r.connectAs("c")
		cut := r.apply(Rule{Action: Cut, Links: []Link{{"a", "b"}, {"b", "a"}}})
		counted(t, r.fabric, int64(len(toyFrame(0, "up?"))), ab, Link{"b", "a"})
		before := r.fabric.Counters()
		sayToy(t, a, 0, "a to b")
		sayToy(t, ba, 0, "b to a")
		late := r.dialAs("a")
		sayToy(t, late, 0, "late")
		sayToy(t, c, 0, "c to b")
		hearToy(t, bc, "c to b")
		sayToy(t, bc, 0, "b to c")
		hearToy(t, c, "b to c")
		eventually(t, func() bool {
			e := cut.tally.evidence()
			return e[BytesHeld] == 22 && e[DialsHeld] == 1
		}, "bytes and dial held")
		silent(t, a)
		silent(t, ba)
		require.Equal(t, before[Link{"a", "b"}].Bytes, r.fabric.Counters()[Link{"a", "b"}].Bytes)
		require.Equal(t, before[Link{"b", "a"}].Bytes, r.fabric.Counters()[Link{"b", "a"}].Bytes)

		cut.Remove()
		hearToy(t, ba, "a to b")
		hearToy(t, a, "b to a")
		hearToy(t, r.accept(), "late")

		refuse := r.apply(Rule{Action: Refuse, Links: []Link{{"b", "c"}}})
		reset(t, c)
		next := r.dialAs("c")
		reset(t, next)
		require.Equal(t, Evidence{ConnsReset: 1, DialsRefused: 1}, refuse.Remove())
		sayToy(t, a, 0, "still")
		hearToy(t, ba, "still")
	})
}

func TestSharedClosesWhatStaysUnknown(t *testing.T) {
	for name, identify := range map[string]func(context.Context, net.Addr, net.Addr) (string, error){
		"nobody knows": func(context.Context, net.Addr, net.Addr) (string, error) { return "", errors.New("no idea") },
		"never answers": func(ctx context.Context, _, _ net.Addr) (string, error) {
			<-ctx.Done()
			return "", ctx.Err()
		},
		"gone, yet alive": func(context.Context, net.Addr, net.Addr) (string, error) { return "", owner.ErrGone },
		"no member":       func(context.Context, net.Addr, net.Addr) (string, error) { return "stranger", nil },
	} {
		t.Run(name, func(t *testing.T) {
			r := newSharedRig(t, false, func(o *SharedOptions) { o.Identify, o.Wait = identify, 50*time.Millisecond })
			refused(t, r.addr)
			eventually(t, func() bool { return len(r.told.list()) == 1 }, "told")
			got := r.told.list()[0]
			require.ErrorIs(t, got.Err, ErrUnknownDialler)
			require.NotErrorIs(t, got.Err, owner.ErrGone)
			require.Empty(t, got.Dialler)
			require.NoError(t, r.backend.(*net.TCPListener).SetDeadline(time.Now().Add(20*time.Millisecond)))
			_, err := r.backend.Accept()
			require.ErrorIs(t, err, os.ErrDeadlineExceeded)
			for link, c := range r.fabric.Counters() {
				require.Zero(t, c, "%s", link)
			}
		})
	}
}

// A member's connection to itself passes whatever happens to its links.
func TestSharedToItself(t *testing.T) {
	r := newSharedRig(t, true)
	r.apply(Rule{Action: Cut, Links: []Link{ab, ba}})
	own := r.dialAs("b")
	b := r.accept()
	say(t, own, "not a frame")
	hear(t, b, "not a frame")
	require.Zero(t, r.watch.failures())
	require.NotContains(t, r.fabric.Counters(), Link{"b", "b"})
	require.Error(t, r.fabric.Supports(Rule{Action: Cut, Links: []Link{{"b", "b"}}}))
}

// Dials of one member that pile up leave room for those of another.
func TestSharedPilesUpPerDialler(t *testing.T) {
	r := newSharedRig(t, false)
	cut := r.apply(Rule{Action: Cut, Links: []Link{ab}})
	for range maxDials + 10 {
		r.dialAs("a")
	}
	eventually(t, func() bool { return cut.tally.evidence()[DialsHeld] == maxDials }, "dials held")
	c := r.dialAs("c")
	say(t, c, "hi")
	hear(t, r.accept(), "hi")
	cut.Remove()
	for range maxDials + 10 {
		r.accept()
	}
}

func TestSharedLinks(t *testing.T) {
	f, err := New(Options{Protocol: toy{}})
	require.NoError(t, err)
	defer f.Close()
	o := SharedOptions{Addr: "127.0.0.1:0", Backend: "127.0.0.1:1", Identify: (&register{}).identify}
	_, err = f.ListenShared("a", o)
	require.NoError(t, err)
	require.Error(t, f.Supports(Rule{Action: Cut, Links: []Link{ab}}), "b is not known yet")
	_, err = f.ListenShared("b", o)
	require.NoError(t, err)
	require.NoError(t, f.Supports(Rule{Action: Cut, Links: []Link{ab, ba}}))
	require.Error(t, f.Supports(Rule{Action: Drop, Links: []Link{ab}, Class: "vote"}), "not decoded")
	o.Decode = true
	_, err = f.ListenShared("c", o)
	require.NoError(t, err)
	require.NoError(t, f.Supports(Rule{Action: Drop, Links: []Link{{"a", "c"}, {"c", "b"}}, Class: "vote"}))
	require.Error(t, f.Supports(Rule{Action: Drop, Links: []Link{ab}, Class: "vote"}), "still not decoded")
}

func TestSharedRejects(t *testing.T) {
	f, err := New(Options{})
	require.NoError(t, err)
	good := SharedOptions{Addr: "127.0.0.1:0", Backend: "127.0.0.1:1", Identify: (&register{}).identify}
	for name, change := range map[string]func(*SharedOptions){
		"Identify":     func(o *SharedOptions) { o.Identify = nil },
		"Protocol":     func(o *SharedOptions) { o.Decode = true },
		"host:port":    func(o *SharedOptions) { o.Backend = "nowhere" },
		"wait is":      func(o *SharedOptions) { o.Wait = -1 },
		"missing port": func(o *SharedOptions) { o.Addr = "nowhere" },
		"invalid port": func(o *SharedOptions) { o.Addr = "127.0.0.1:70000" },
	} {
		o := good
		change(&o)
		_, err := f.ListenShared("a", o)
		require.ErrorContains(t, err, name)
	}
	_, err = f.ListenShared("", good)
	require.ErrorContains(t, err, "want a name")
	require.NoError(t, f.Close())
	_, err = f.ListenShared("a", good)
	require.Error(t, err)
}

func TestCloseWhileDiallersAreUnknown(t *testing.T) {
	goroutines, fds := runtime.NumGoroutine(), openFiles()
	t.Run("rig", func(t *testing.T) {
		r := newSharedRig(t, false)
		var conns []net.Conn
		for range 20 {
			conns = append(conns, r.dial())
		}
		require.NoError(t, r.fabric.Close())
		for _, c := range conns {
			reset(t, c)
		}
		require.Empty(t, r.told.list(), "the end of a run is no evidence")
	})
	eventually(t, func() bool { return runtime.NumGoroutine() <= goroutines }, "goroutines gone")
	eventually(t, func() bool { return openFiles() <= fds }, "descriptors gone")
}
