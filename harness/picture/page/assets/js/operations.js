// In a window each operation of a client is a bar with its answer.

/** shownOperations are those of the chosen key, or all. */
function shownOperations(app) {
	return app.key === '' ? app.operations : app.operations.filter((op) => op.key === app.key);
}

/** reachOf says up to when those up to each one reach: what is sorted by its beginning can then be searched. @param {Span[]} spans */
function reachOf(spans) {
	let most = 0;
	return spans.map((span) => (most = Math.max(most, span.to)));
}

/** drawOperations draws the bars, and where there are none, why. */
function drawOperations(s) {
	const {app} = s;
	if (app.picture.windows.length === 0) return;
	const {bars, barsEnd, barRow} = s.layout;
	const top = bars - 20;
	s.c.strokeStyle = s.theme.line;
	line(s.c, [[0, top + 0.5], [s.width, top + 0.5]]);
	label(s, 'operations', 10, top + 11, GUTTER - 14, s.theme.soft, 12);
	label(s, aboutOperations(app, barRow), s.left, top + 11, s.right - s.left, s.theme.soft, 11);
	clipped(s, bars - 2, barsEnd - bars + 2, () => {
		drawOutside(s, bars - 2, barsEnd);
		const shown = app.shown;
		const last = new Map();
		for (let i = firstAfter(app.reach, s.from, (t) => t); i < shown.length && shown[i].from <= s.to; i++) {
			const op = shown[i], row = barRow.row.get(op);
			const at = row === undefined ? undefined : inView(s, op.from, op.to, 2);
			if (!at || (at.w <= 2 && last.get(row) === Math.floor(at.x))) continue;
			last.set(row, Math.floor(at.x));
			drawOperation(s, op, at, bars + row * BAR);
		}
	});
}

function aboutOperations(app, barRow) {
	const what = app.key === '' ? 'each one near a violation' : `of key ${printable(app.key)} near a violation`;
	const left = app.picture.windows.reduce((n, w) => n + (w.left || 0), 0);
	const parts = [what];
	if (app.shown.length === 0) parts.push('none');
	if (barRow.over > 0) parts.push(`${plural(barRow.over, 'more')} at once than there is room for: choose a key`);
	if (left > 0) parts.push(`${plural(left, 'operation')} far from the proof left out`);
	return parts.join('; ');
}

/** drawOutside shades what no window shows. */
function drawOutside(s, y, end) {
	s.c.fillStyle = s.theme.grid;
	let until = s.from;
	const spans = [...s.app.picture.windows].sort((a, b) => a.from - b.from);
	for (const w of [...spans, {from: s.to, to: s.to}]) {
		if (w.from > until && until < s.to) {
			const at = inView(s, until, Math.min(w.from, s.to));
			if (at) s.c.fillRect(at.x, y, at.w, end - y);
		}
		until = Math.max(until, w.to);
	}
}

/** drawOperation draws one. @param {any} s @param {Operation} op */
function drawOperation(s, op, at, y) {
	const {c, theme} = s;
	const h = BAR - 3, colour = theme[op.outcome] || theme.soft;
	const proves = s.app.proving.has(op.seq);
	c.fillStyle = proves ? theme.fault : theme.panel;
	c.fillRect(at.x, y, at.w, h);
	c.strokeStyle = proves ? theme.proof : colour;
	c.lineWidth = proves ? 2 : 1;
	c.setLineDash(op.outcome === 'fail' ? [3, 2] : []);
	if (op.open || op.outcome === 'info') openBar(c, at, y, h);
	else c.strokeRect(at.x + 0.5, y + 0.5, Math.max(1, at.w - 1), h - 1);
	c.setLineDash([]);
	c.lineWidth = 1;
	const text = printable(op.outcome === 'ok' ? `${op.call} → ${op.answer || 'ok'}` : `${op.call} ${op.outcome === 'fail' ? '✗' : '?'}`);
	if (at.w > 16) label(s, text, at.x + 3, y + h / 2 + 0.5, at.w - 5, theme.ink, 10);
	s.hit(at.x - 1, y - 1, at.w + 2, BAR, () => [sayOperation(op), `from ${seconds(op.from, 1e5)}${op.open ? '' : ' to ' + seconds(op.to, 1e5)}`]);
}

/** openBar has no right end: nobody knows when, or whether, it took effect. */
function openBar(c, at, y, h) {
	c.beginPath();
	c.moveTo(at.x + at.w, y + 0.5);
	c.lineTo(at.x + 0.5, y + 0.5);
	c.lineTo(at.x + 0.5, y + h - 0.5);
	c.lineTo(at.x + at.w, y + h - 0.5);
	c.stroke();
}
