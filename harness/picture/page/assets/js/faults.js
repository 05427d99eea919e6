// Faults as named bands, and what shades the whole picture: time without a leader, and
// stalls of the harness.

/** drawShades draws what lies behind the lanes. */
function drawShades(s) {
	const {picture} = s.app;
	const {lanes, lanesEnd} = s.layout;
	clipped(s, 0, s.layout.height, () => {
		for (const span of seen(s, picture.leaderless)) {
			s.c.fillStyle = s.theme.leaderless;
			s.c.globalAlpha = 0.6;
			s.c.fillRect(span.x, lanes, span.w, lanesEnd - lanes);
			s.c.globalAlpha = 1;
			s.c.fillStyle = s.theme.patterns.leaderless;
			s.c.fillRect(span.x, lanes, span.w, 4);
			s.c.fillRect(span.x, lanesEnd - 4, span.w, 4);
			s.hit(span.x, lanes, span.w, lanesEnd - lanes, () => [`nobody was known to lead for ${lasting(span.of.to - span.of.from)}`]);
		}
		for (const span of seen(s, picture.stalls)) {
			s.c.globalAlpha = 0.45; // on a busy machine much of a run is stalled, and is to be read all the same
			s.c.fillStyle = s.theme.stall;
			s.c.fillRect(span.x, s.layout.phases, span.w, s.layout.height - s.layout.phases);
			s.c.globalAlpha = 1;
			s.c.fillStyle = s.theme.patterns.stall;
			s.c.fillRect(span.x, s.layout.phases, span.w, 6);
			s.c.fillRect(span.x, s.layout.height - 6, span.w, 6);
			s.hit(span.x, s.layout.phases, span.w, s.layout.height, () => [`the harness did not get the processor for ${lasting(span.of.to - span.of.from)}: what took too long meanwhile is excused`]);
		}
	});
}

/** seen are the spans in view, merged where they share a pixel. @param {any} s @param {Span[]} spans sorted */
function seen(s, spans) {
	const out = [];
	for (const of of spans) {
		const at = inView(s, of.from, of.to);
		if (!at) continue;
		const last = out[out.length - 1];
		if (last && at.w <= 1 && at.x - (last.x + last.w) < 0.5) continue;
		out.push({...at, of});
	}
	return out;
}

/** drawFaults draws the bands. */
function drawFaults(s) {
	const {picture} = s.app;
	const {faults, bandRow} = s.layout;
	label(s, 'faults', 10, faults + BAND / 2, GUTTER - 14, s.theme.soft, 12);
	if (picture.bands.length === 0) label(s, 'none', s.left, faults + BAND / 2, 60, s.theme.soft, 12);
	if (bandRow.over > 0) label(s, `+${bandRow.over} not drawn`, 10, faults + BAND * 1.5, GUTTER - 12, s.theme.soft, 10);
	clipped(s, faults, s.layout.proof - faults, () => {
		const last = new Map(), free = roomAfter(s, bandRow.row);
		for (const band of s.bands) {
			const row = bandRow.row.get(band);
			const at = row === undefined ? undefined : inView(s, band.from, band.to, 2);
			if (!at || (at.w <= 2 && last.get(row) === Math.floor(at.x))) continue;
			last.set(row, Math.floor(at.x));
			drawBand(s, band, at, faults + row * BAND, free.get(band));
		}
	});
}

/** roomAfter is how far it is from each band to the next in its row, in pixels. @param {any} s @param {Map<Band, number>} row */
function roomAfter(s, row) {
	const free = new Map(), next = new Map();
	for (const band of [...s.bands].reverse()) {
		const at = row.get(band);
		free.set(band, (next.has(at) ? s.x(next.get(at)) : s.right) - s.x(band.to));
		next.set(at, band.from);
	}
	return free;
}

/** whatOf is a fault without its when, which the axis says. @param {Band} band */
function whatOf(band) {
	return band.text.replace(/^((maybe|at \S+|for \S+) )+/, '');
}

/** drawBand draws a fault; one that did nothing is only an outline. @param {any} s @param {Band} band @param {{x: number, w: number}} at @param {number} y @param {number} free room after it */
function drawBand(s, band, at, y, free) {
	const {c, theme} = s;
	const bit = band.outcome === 'bit' || band.outcome === '' || band.outcome === 'not healed';
	if (bit) {
		c.fillStyle = theme.fault;
		c.fillRect(at.x, y + 1, at.w, BAND - 3);
	}
	c.strokeStyle = theme.faultline;
	c.setLineDash(bit ? [] : [3, 3]);
	if (at.w > 3) c.strokeRect(at.x + 0.5, y + 1.5, at.w - 1, BAND - 4);
	else {
		c.fillStyle = theme.faultline;
		c.fillRect(at.x, y + 1, at.w, BAND - 3);
	}
	c.setLineDash([]);
	let text = printable(whatOf(band)) + (bit ? '' : ` (${band.outcome})`) + (band.open ? ' …' : '');
	inFont(s, 11);
	if (widthOf(s, text) > at.w - 6 && widthOf(s, band.kind + ' n…') > at.w - 6) text = printable(band.kind);
	// A band that is too short for its name lends it the room after it.
	if (!label(s, text, at.x + 4, y + BAND / 2, at.w - 6, theme.ink, 11) && at.w > 3 && at.w < 24 && free > 24) label(s, printable(band.kind), at.x + at.w + 3, y + BAND / 2, Math.min(70, free - 5), theme.ink, 10);
	s.hit(at.x - 1, y, at.w + 2, BAND, () => [`fault ${band.step}: ${sayBand(band)}`, band.members.length ? `touched ${band.members.join(', ')}` : '',
		`from ${seconds(band.from, 1e5)} to ${seconds(band.to, 1e5)}${band.open ? ', where the history ends' : ''}`].filter(Boolean));
}
