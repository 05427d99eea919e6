// Elections' messages, on demand, as arrows from lane to lane.

/** drawMessages draws those in view if they are asked for. */
function drawMessages(s) {
	const {app} = s;
	if (!app.arrows) return;
	const list = app.messages;
	clipped(s, s.layout.lanes, s.layout.lanesEnd - s.layout.lanes, () => {
		let drawn = 0;
		for (const m of list) {
			const end = m.delivered < 0 ? m.sent : m.delivered;
			if (end < s.from || m.sent > s.to) continue;
			if (++drawn > 3000) break;
			drawMessage(s, m);
		}
	});
}

/** drawMessage draws one: solid if it came, dashed if it was held first, ended by a cross if it was dropped. */
function drawMessage(s, m) {
	const from = s.layout.laneOf.get(m.src), to = s.layout.laneOf.get(m.dst);
	if (from === undefined || to === undefined) return;
	const {c, theme} = s;
	const down = to > from;
	const y0 = barOf(s.layout, from) + (down ? 22 : 2), y1 = barOf(s.layout, to) + (down ? 2 : 22);
	const x0 = s.x(m.sent);
	let x1 = m.delivered < 0 ? x0 + 26 : s.x(m.delivered), y = y1;
	if (m.delivered < 0) y = y0 + (y1 - y0) * 0.4;
	c.strokeStyle = c.fillStyle = m.delivered < 0 ? theme.faultline : theme.mid;
	// A line far longer than the screen is wide would be as many dashes.
	c.setLineDash(x1 - x0 > 8000 ? [] : m.fate === 'held' ? [5, 3] : m.fate === 'in flight' ? [1, 3] : []);
	c.lineWidth = 1.5;
	line(c, [[x0, y0], [x1, y]]);
	c.setLineDash([]);
	if (m.delivered >= 0) head(c, x0, y0, x1, y);
	else if (m.fate !== 'in flight') line(c, [[x1 - 4, y - 4], [x1 + 4, y + 4]], [[x1 - 4, y + 4], [x1 + 4, y - 4]]);
	c.lineWidth = 1;
	s.hit(Math.min(x0, x1) - 3, Math.min(y0, y) - 2, Math.abs(x1 - x0) + 6, Math.abs(y - y0) + 4, () => [`${seconds(m.sent, 1e5)}  ${sayMessage(m)}`], {near: [x0, y0, x1, y]});
}

function head(c, x0, y0, x1, y1) {
	const a = Math.atan2(y1 - y0, x1 - x0);
	c.beginPath();
	c.moveTo(x1, y1);
	c.lineTo(x1 - 7 * Math.cos(a - 0.4), y1 - 7 * Math.sin(a - 0.4));
	c.lineTo(x1 - 7 * Math.cos(a + 0.4), y1 - 7 * Math.sin(a + 0.4));
	c.fill();
}
