package fabric

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var five = []string{"n1", "n2", "n3", "n4", "n5"}

func TestOwnersTellAStormApart(t *testing.T) {
	const each = 120
	p := newParty(t, deadline, five...)
	var all []*child
	for _, m := range five {
		all = append(all, p.storm(t, m, each, 0))
	}
	for _, c := range all {
		line, err := c.out.ReadString('\n')
		require.NoError(t, err)
		require.Equal(t, "done\n", line)
	}
	eventually(t, func() bool { return len(p.told.list()) == each*len(five) }, "every connection told")
	known, gone := p.check(t)
	require.Equal(t, each*len(five), known+gone)
	p.names.mu.Lock()
	defer p.names.mu.Unlock()
	require.Len(t, p.names.good, 20, "every link has carried frames")
	var frames int
	for _, n := range p.names.good {
		frames += n
	}
	require.GreaterOrEqual(t, known, frames/2, "whoever waits for an answer is known")
}

func TestOwnersWhileMembersAreKilled(t *testing.T) {
	p := newParty(t, deadline, five...)
	children := make(map[string]*child)
	for _, m := range five {
		children[m] = p.storm(t, m, 1<<30, 0)
	}
	for i := range 15 {
		m := five[i%len(five)]
		seen := len(p.told.list())
		eventually(t, func() bool { return len(p.told.list()) > seen+20 }, "connections made")
		children[m].kill()
		children[m] = p.storm(t, m, 1<<30, 0)
	}
	for _, c := range children {
		c.kill()
	}
	known, _ := p.check(t)
	require.Positive(t, known)
}

func TestOwnersLeaveStrangersOut(t *testing.T) {
	p := newParty(t, 100*time.Millisecond, "n1", "n2")
	p.staff.mu.Lock()
	p.staff.pids["n1"] = []int{1 << 30} // has ended
	p.staff.mu.Unlock()
	stranger := start(t, "pipe", p.addrs["n2"])
	_, err := stranger.in.Write(toyFrame(0, "stranger"))
	require.NoError(t, err)
	got, err := io.ReadAll(stranger.out)
	require.NoError(t, err)
	require.Empty(t, got)
	require.Error(t, stranger.cmd.Wait())
	require.Contains(t, []int{3, 4}, stranger.cmd.ProcessState.ExitCode(), "reset")
	eventually(t, func() bool { return len(p.told.list()) > 0 }, "told, a moment after the reset")
	all := p.told.list()
	require.Len(t, all, 1)
	require.ErrorIs(t, all[0].Err, ErrUnknownDialler)
	for l, c := range p.fabric.Counters() {
		require.Zero(t, c, "%s", l)
	}
}

func TestOwnersKnowChildrenOfAScript(t *testing.T) {
	p := newParty(t, deadline, "n1", "n2")
	// Two commands, lest the shell replaces itself with the first.
	script := fmt.Sprintf("%q -test.run='^TestDiallerProcess$' -- pipe %s; exit 0", os.Args[0], p.addrs["n2"])
	c := launch(t, exec.Command("/bin/sh", "-c", script))
	p.staff.set("n1", c)
	_, err := c.in.Write(toyFrame(0, "n1"))
	require.NoError(t, err)
	heard, err := readToy(c.out)
	require.NoError(t, err)
	require.Equal(t, "n2", heard)
	known, _ := p.check(t)
	require.Equal(t, 1, known)
}

func TestOwnersKnowWhoLeftTheGroup(t *testing.T) {
	p := newParty(t, deadline, "n1", "n2")
	p.staff.set("n1", launch(t, exec.Command("/bin/sh", "-c", "read -r line")))
	// It dials once it is told where.
	c := launch(t, exec.Command("/bin/sh", "-c", `read -r go; exec "$0" "$@"`,
		os.Args[0], "-test.run=^TestDiallerProcess$", "--", "pipe", p.addrs["n2"]))
	p.staff.mu.Lock()
	p.staff.kin = map[string][]int{"n1": {c.cmd.Process.Pid}, "n3": {os.Getpid()}}
	p.staff.mu.Unlock()
	_, err := io.WriteString(c.in, "go\n")
	require.NoError(t, err)
	for range 3 {
		_, err := c.in.Write(toyFrame(0, "n1"))
		require.NoError(t, err)
		heard, err := readToy(c.out)
		require.NoError(t, err)
		require.Equal(t, "n2", heard)
	}
	known, _ := p.check(t)
	require.Equal(t, 1, known)
}

// Under a cut of both directions, no byte of a member's connections crosses in
// either, of those that it has as of those that it makes.
func TestCutMemberNeitherHearsNorIsHeard(t *testing.T) {
	p := newParty(t, deadline, "n1", "n2", "n3")
	member := func(name string) *child {
		c := start(t, "pipe", p.addrs["n2"])
		p.staff.set(name, c)
		_, err := c.in.Write(toyFrame(0, name))
		require.NoError(t, err)
		heard, err := readToy(c.out)
		require.NoError(t, err)
		require.Equal(t, "n2", heard)
		return c
	}
	n1, n3 := member("n1"), member("n3")
	to, from := Link{"n1", "n2"}, Link{"n2", "n1"}
	cut, err := p.fabric.Apply(Rule{Action: Cut, Links: []Link{to, from}})
	require.NoError(t, err)
	counted(t, p.fabric, 7, to, from)
	before := p.fabric.Counters()
	_, err = n1.in.Write(toyFrame(0, "n1"))
	require.NoError(t, err)
	again := start(t, "pipe", p.addrs["n2"])
	p.staff.mu.Lock()
	p.staff.pids["n1"] = append(p.staff.pids["n1"], again.cmd.Process.Pid)
	p.staff.mu.Unlock()
	_, err = again.in.Write(toyFrame(0, "n1"))
	require.NoError(t, err)
	eventually(t, func() bool {
		e := cut.tally.evidence()
		return e[BytesHeld] == 7 && e[DialsHeld] == 1
	}, "bytes and a dial held")
	for range 10 { // others are heard meanwhile
		_, err = n3.in.Write(toyFrame(0, "n3"))
		require.NoError(t, err)
		_, err = readToy(n3.out)
		require.NoError(t, err)
	}
	after := p.fabric.Counters()
	for _, l := range []Link{to, from} {
		require.Equal(t, before[l].Bytes, after[l].Bytes, "%s", l)
		require.Equal(t, before[l].Frames, after[l].Frames, "%s", l)
	}
	cut.Remove()
	for _, c := range []*child{n1, again} {
		heard, err := readToy(c.out)
		require.NoError(t, err)
		require.Equal(t, "n2", heard)
	}
	p.check(t)
}

// BenchmarkAttribution reports how long connections from five processes wait
// for their dialler to be known, in microseconds: at some 200 a second, and as
// many as the machine can make.
func BenchmarkAttribution(b *testing.B) {
	for _, pause := range []time.Duration{200 * time.Millisecond, 0} {
		b.Run("pause="+pause.String(), func(b *testing.B) { benchmarkAttribution(b, pause) })
	}
}

func benchmarkAttribution(b *testing.B, pause time.Duration) {
	p := newParty(b, deadline, five...)
	each := max(1, b.N/len(five))
	var all []*child
	for _, m := range five {
		all = append(all, p.storm(b, m, each, pause))
	}
	for _, c := range all {
		if _, err := c.out.ReadString('\n'); err != nil {
			b.Fatal(err)
		}
	}
	eventually(b, func() bool { return len(p.told.list()) == each*len(five) }, "every connection told")
	known, gone := p.check(b)
	b.ReportMetric(float64(gone)/float64(known+gone), "gone/conn")
	took := p.told.list()
	slices.SortFunc(took, func(x, y Attribution) int { return cmp.Compare(x.Took, y.Took) })
	for _, permille := range []int{500, 900, 990, 999} {
		at := took[(len(took)-1)*permille/1000].Took
		b.ReportMetric(float64(at.Nanoseconds())/1e3, fmt.Sprintf("p%v-µs", float64(permille)/10))
	}
}
