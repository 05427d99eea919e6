package picture_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/usurper/usurper/harness/picture"
)

// What a member had to live with is in its lane, from inject to heal, if it did anything;
// who stands still or is down has no such thing.
func TestStrains(t *testing.T) {
	const s = 1_000_000_000
	step := 0
	fault := func(from, to int, text, nodes string, bit bool) []string {
		step++
		about := fmt.Sprintf(`"step":%d,"text":"at 1s for 1s %s","resolved":"at 1s for 1s %s","nodes":[%s]`, step, text, text, nodes)
		return []string{
			fmt.Sprintf(`"t":%d,"fault":{"what":"inject",%s}`, from*s, about),
			fmt.Sprintf(`"t":%d,"fault":{"what":"heal","bit":%t,%s}`, to*s, bit, about),
		}
	}
	lines := []string{`"t":0,"proc":{"node":"n1","what":"start","inc":1}`, `"t":0,"proc":{"node":"n2","what":"start","inc":1}`}
	slow, clock := fault(1, 4, "slow n1 5%", `"n1"`, true), fault(2, 5, "clock n1 n2 +1h", `"n1","n2"`, true)
	lines = append(lines, slow[0], clock[0], slow[1], clock[1])
	for _, f := range [][]string{
		fault(6, 7, "starve n1 64MB", `"n1"`, false),
		fault(8, 9, "freeze n1", `"n1"`, true),
		fault(10, 11, "kill n1", `"n1"`, true),
		fault(12, 13, "full n2", `"n2"`, true),
		fault(14, 15, "deaf n2", `"n2"`, true)[:1],
	} {
		lines = append(lines, f...)
	}
	lines = append(lines, fmt.Sprintf(`"t":%d,"run":{"what":"end"}`, 20*s))
	p := made(t, picture.Source{Length: 20 * time.Second}, lines...)
	span := func(from, to time.Duration) picture.Span { return picture.Span{From: from * s, To: to * s} }
	require.Equal(t, []picture.Strain{{Span: span(1, 4), Kind: "slow", Step: 1}, {Span: span(2, 5), Kind: "clock", Step: 2}}, p.Lanes[0].Strains)
	require.Equal(t, []picture.Span{span(1, 5)}, p.Lanes[0].Strained())
	require.Equal(t, []picture.Strain{
		{Span: span(2, 5), Kind: "clock", Step: 2}, {Span: span(12, 13), Kind: "full", Step: 6}, {Span: span(14, 20), Kind: "deaf", Step: 7},
	}, p.Lanes[1].Strains)
}
