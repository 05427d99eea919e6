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

/** drawMessage draws one, from lane to lane. */
function drawMessage(s, m) {
	const from = s.layout.laneOf.get(m.src), to = s.layout.laneOf.get(m.dst);
	if (from === undefined || to === undefined) return;
	const down = to > from;
	const y0 = barOf(s.layout, from) + (down ? 22 : 2), y1 = barOf(s.layout, to) + (down ? 2 : 22);
	const x0 = s.x(m.sent);
	let x1 = m.delivered < 0 ? x0 + 26 : s.x(m.delivered), y = y1;
	if (m.delivered < 0) y = y0 + (y1 - y0) * 0.4;
	arrow(s, m, x0, y0, x1, y);
	s.hit(Math.min(x0, x1) - 3, Math.min(y0, y) - 2, Math.abs(x1 - x0) + 6, Math.abs(y - y0) + 4, () => [`${seconds(m.sent, 1e5)}  ${sayMessage(m)}`], {near: [x0, y0, x1, y]});
}

/** arrow draws one: solid if it came, dashed if it was held first, ended by a cross if it was dropped. An answer begins with a dot, or a ring if it refuses. */
function arrow(s, m, x0, y0, x1, y1) {
	const {c, theme} = s;
	c.strokeStyle = c.fillStyle = m.delivered < 0 ? theme.faultline : theme.mid;
	// A line far longer than the screen is wide would be as many dashes.
	c.setLineDash(x1 - x0 > 8000 ? [] : m.fate === 'held' ? [5, 3] : m.fate === 'in flight' ? [1, 3] : []);
	c.lineWidth = 1.5;
	line(c, [[x0, y0], [x1, y1]]);
	c.setLineDash([]);
	if (m.delivered >= 0) head(c, x0, y0, x1, y1);
	else if (m.fate !== 'in flight') line(c, [[x1 - 4, y1 - 4], [x1 + 4, y1 + 4]], [[x1 - 4, y1 + 4], [x1 + 4, y1 - 4]]);
	c.lineWidth = 1;
	if (isAnswer(m)) origin(s, x0, y0, !!m.granted);
}

/** @param {Message} m */
function isAnswer(m) {
	return /response|reply/.test(m.class);
}

function origin({c, theme}, x, y, granted) {
	c.beginPath();
	c.arc(x, y, 3, 0, 7);
	c.fillStyle = granted ? theme.mid : theme.bg;
	c.strokeStyle = theme.mid;
	c.fill();
	c.stroke();
}

/** keyOfMessages says what their arrows mean: of those that there are. */
function keyOfMessages(app) {
	const kinds = /** @type {[string, (m: Message) => boolean, any][]} */ ([
		['request', (m) => !isAnswer(m), {class: 'vote'}],
		['answer that grants', (m) => isAnswer(m) && !!m.granted, {class: 'vote-response', granted: true}],
		['answer that refuses', (m) => isAnswer(m) && !m.granted, {class: 'vote-response'}],
		['held on its way', (m) => m.fate === 'held', {class: 'vote', fate: 'held'}],
		['dropped', (m) => m.fate === 'dropped', {class: 'vote', fate: 'dropped', delivered: -1}],
		['under way at the end', (m) => m.fate === 'in flight', {class: 'vote', fate: 'in flight', delivered: -1}],
	]);
	return kinds.filter(([, is]) => app.messages.some(is)).map(([name, , m]) => swatch(app, name, ({c, theme}) =>
		arrow({c, theme}, {fate: 'delivered', delivered: 1, ...m}, 2, 12, m.delivered === -1 ? 18 : 24, 12)));
}

function head(c, x0, y0, x1, y1) {
	const a = Math.atan2(y1 - y0, x1 - x0);
	c.beginPath();
	c.moveTo(x1, y1);
	c.lineTo(x1 - 7 * Math.cos(a - 0.4), y1 - 7 * Math.sin(a - 0.4));
	c.lineTo(x1 - 7 * Math.cos(a + 0.4), y1 - 7 * Math.sin(a + 0.4));
	c.fill();
}
