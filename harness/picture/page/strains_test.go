package page_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/usurper/usurper/harness/picture"
)

// strained is a run in which members had slow machines, wrong clocks and full disks.
func strained() *picture.Picture {
	p := valid()
	p.Title = "20261130-201500-toil"
	add := func(from, to time.Duration, kind, text string, lanes ...int) {
		b := picture.Band{Span: span(from, to), Step: len(p.Bands) + 1, Text: text, Kind: kind, Outcome: picture.Bit, Evidence: kind + "-evidence 7", Seq: uint64(from / 1000)}
		for _, i := range lanes {
			b.Members = append(b.Members, p.Lanes[i].Member)
			p.Lanes[i].Strains = append(p.Lanes[i].Strains, picture.Strain{Span: b.Span, Kind: kind, Step: b.Step})
		}
		p.Bands = append(p.Bands, b)
	}
	add(8200*ms, 10*time.Second, "slow", "slow n1 5%", 0)
	add(9*time.Second, 11*time.Second, "clock", "clock n1 n2 n3 strobe ±5s every 200ms", 0, 1, 2)
	add(11*time.Second, 11200*ms, "full", "full n2", 1)
	return p
}

// What a member had to live with is below its lane, and says what it was.
func TestStrains(t *testing.T) {
	browser := startBrowser(t)
	b := open(t, browser, write(t, strained()), size(1280, 1400))
	b.settle()
	assert.Contains(t, b.text("#legend"), "fault of machine or disk")
	// What the pointer is told of at 9.5 s of 12, from top to bottom.
	const tips = `(() => {
		const stage = document.getElementById('stage'), box = stage.getBoundingClientRect(), said = new Set();
		const x = box.left + 92 + (box.width - 92 - 14) * 9.5 / 12;
		for (let y = box.top; y < box.bottom; y++) {
			stage.dispatchEvent(new PointerEvent('pointermove', {clientX: x, clientY: y}));
			said.add(document.getElementById('tip').textContent);
		}
		return [...said].join('\n');
	})()`
	told := js[string](b, tips)
	assert.Contains(t, told, "n1 goes on under slow n1 5%: bit; slow-evidence 7\nn1 goes on under clock n1 n2 n3 strobe ±5s every 200ms: bit")
	assert.Contains(t, told, "n3 goes on under clock n1 n2 n3")
	assert.NotContains(t, told, "n2 goes on under slow")
	b.quiet()
	high := js[int](b, "document.getElementById('lanes').clientHeight")

	b = open(t, browser, write(t, valid()), size(1280, 1400))
	assert.NotContains(t, b.text("#legend"), "fault of machine or disk")
	assert.Greater(t, high, js[int](b, "document.getElementById('lanes').clientHeight"), "a lane has no room for what no run has")
}
