// Lanes: what each member was, and what it did.

/** RANK: where many share a pixel, the one that matters most is seen. */
const RANK = {leader: 7, candidate: 6, down: 5, paused: 4, removed: 3, learner: 2, follower: 1, unknown: 0};

/** drawLanes draws all lanes and their names. */
function drawLanes(s) {
	const {picture} = s.app;
	const high = s.layout.lane;
	picture.lanes.forEach((lane, i) => {
		const y = s.layout.lanes + i * high;
		s.c.strokeStyle = s.theme.line;
		line(s.c, [[0, y + 0.5], [s.width, y + 0.5]]);
		if (s.app.lane === i) {
			s.c.fillStyle = s.theme.focus;
			s.c.fillRect(0, y + 2, 4, high - 3);
		}
		label(s, printable(lane.member), 10, y + 29, GUTTER - 16, s.theme.ink, 13, true);
		clipped(s, y, high, () => {
			drawTouched(s, lane, y);
			drawStays(s, lane, y + 18);
			drawStrains(s, lane, y + 44);
			drawDeeds(s, lane, y + 9);
		});
	});
}

/** drawTouched shows in a lane which faults touched its member. */
function drawTouched(s, lane, y) {
	s.c.fillStyle = s.theme.faultline;
	for (const band of s.bands) {
		if (!band.members.includes(lane.member)) continue;
		const at = inView(s, band.from, band.to);
		if (at) s.c.fillRect(at.x, y + 1, at.w, 2);
	}
}

/** drawStrains shows below a lane what its member had to live with; those that overlap are one, with all their words. */
function drawStrains(s, lane, y) {
	for (const strain of joined(lane.strains)) {
		const at = inView(s, strain.from, strain.to);
		if (!at) continue;
		drawStrain(s, printable(strain.kinds.join(', ')), at, y);
		s.hit(at.x, y, at.w, STRAIN, () => s.app.picture.bands.filter((b) => strain.steps.includes(b.step)).slice(0, 4).map((b) => `${lane.member} goes on under ${sayBand(b)}`));
	}
}

/** joined are strains, those that overlap as one. @param {Strain[]} strains sorted by from */
function joined(strains) {
	const out = /** @type {{from: number, to: number, kinds: string[], steps: number[]}[]} */ ([]);
	for (const x of strains) {
		const last = out[out.length - 1];
		if (!last || last.to <= x.from) {
			out.push({from: x.from, to: x.to, kinds: [x.kind], steps: [x.step]});
			continue;
		}
		last.to = Math.max(last.to, x.to);
		if (!last.kinds.includes(x.kind)) last.kinds.push(x.kind);
		last.steps.push(x.step);
	}
	return out;
}

function drawStrain(s, text, at, y) {
	s.c.fillStyle = s.theme.fault;
	s.c.fillRect(at.x, y, at.w, 11);
	s.c.fillStyle = s.theme.faultline;
	s.c.fillRect(at.x, y, at.w, 2);
	inFont(s, 9.5);
	if (text && (at.w > 40 || widthOf(s, text) < at.w - 5)) label(s, text, at.x + 4, y + 7, at.w - 5, s.theme.ink, 9.5);
}

function drawStays(s, lane, y) {
	let pixel = -1, rank = -1;
	for (let i = firstAfter(lane.stays, s.from, (x) => x.to); i < lane.stays.length && lane.stays[i].from <= s.to; i++) {
		const stay = lane.stays[i];
		const at = inView(s, stay.from, stay.to);
		if (!at) continue;
		if (at.w <= 1) {
			const here = Math.floor(at.x), mine = RANK[stay.role] || 0;
			if (here === pixel && mine <= rank) continue;
			[pixel, rank] = [here, mine];
		}
		drawStay(s, stay, at, y);
		s.hit(at.x, y - 2, at.w, 26, () => [sayStay(lane.member, stay), `from ${seconds(stay.from, 1e5)} to ${seconds(stay.to, 1e5)}`]);
	}
}

/** drawStay draws one bar. @param {any} s @param {Stay} stay */
function drawStay(s, stay, at, y) {
	const {c, theme} = s;
	const term = stay.term ? `t${stay.term}` : '';
	switch (stay.role) {
	case 'down':
	case 'removed':
		c.strokeStyle = theme.down;
		c.setLineDash(stay.role === 'down' ? [6, 3] : [1, 4]);
		c.lineWidth = stay.role === 'down' ? 2 : 1;
		line(c, [[at.x, y + 12], [at.x + at.w, y + 12]]);
		c.setLineDash([]);
		c.lineWidth = 1;
		return plate(s, stay.role, at, y, 24);
	case 'leader':
		c.fillStyle = theme.leader;
		c.fillRect(at.x, y, at.w, 24);
		label(s, 'leader ' + term, at.x + 4, y + 12.5, at.w - 6, theme.on, 12, true);
		return edge(s, at, y, 24);
	case 'candidate':
	case 'paused':
		c.fillStyle = theme.patterns[stay.role];
		c.fillRect(at.x, y + 1, at.w, 22);
		frame(s, at, y + 1, 22);
		return plate(s, stay.role === 'paused' ? 'paused' : 'candidate ' + term, at, y, 24);
	case 'learner':
	case 'unknown':
		c.fillStyle = theme.patterns[stay.role];
		c.fillRect(at.x, y + 6, at.w, 14);
		frame(s, at, y + 6, 14);
		return plate(s, stay.role === 'unknown' ? 'up' : 'learner ' + term, at, y + 1, 24);
	default:
		c.fillStyle = theme.follower;
		c.fillRect(at.x, y + 6, at.w, 14);
		label(s, term, at.x + 4, y + 13.5, at.w - 6, theme.ink, 11);
		return edge(s, at, y + 6, 14);
	}
}

/** edge ends a bar, so that two of one role and different terms are two. */
function edge(s, at, y, h) {
	if (at.w < 3) return;
	s.c.fillStyle = s.theme.bg;
	s.c.fillRect(at.x + at.w - 1, y, 1, h);
}

function frame(s, at, y, h) {
	if (at.w < 3) return;
	s.c.strokeStyle = s.theme.soft;
	s.c.strokeRect(at.x + 0.5, y + 0.5, at.w - 1, h - 1);
}

/** plate writes on a pattern: on a ground of its own. */
function plate(s, text, at, y, h) {
	if (at.w < 22) return;
	inFont(s, 11);
	const w = widthOf(s, text);
	if (w + 14 > at.w) return;
	s.c.fillStyle = s.theme.bg;
	s.c.fillRect(at.x + 4, y + h / 2 - 7, w + 6, 14);
	label(s, text, at.x + 7, y + h / 2 + 0.5, w + 1, s.theme.ink, 11);
}

/** drawDeeds draws the marks of a lane; those too near to each other are one, with their number. */
function drawDeeds(s, lane, y) {
	const {deeds} = lane;
	let i = firstAfter(deeds, s.from - 8 / s.scale, (d) => d.at);
	const many = firstAfter(deeds, s.to, (d) => d.at) - i > (s.right - s.left) / 6;
	while (i < deeds.length && deeds[i].at <= s.to) {
		const x = s.x(deeds[i].at);
		let end = i + 1;
		while (end < deeds.length && s.x(deeds[end].at) - x < (many ? 2 : 10)) end++;
		if (many) drawTick(s, lane, deeds, i, end, x, y);
		else drawCluster(s, lane, deeds, i, end, x, y);
		i = end;
	}
}

/** drawTick draws a mark where there are too many for shapes: taller where somebody won, or a process ended. */
function drawTick(s, lane, deeds, begin, end, x, y) {
	let most = 0;
	for (let i = begin; i < end; i++) most = Math.max(most, weight(deeds[i]));
	s.c.fillStyle = most >= 7 ? s.theme.ink : s.theme.soft;
	s.c.fillRect(x, most >= 7 ? y - 5 : y, 1, most >= 7 ? 11 : 5);
	s.hit(x - 1, y - 7, 3, 14, () => sayDeeds(lane, deeds, begin, end));
}

function sayDeeds(lane, deeds, begin, end) {
	const says = deeds.slice(begin, Math.min(end, begin + 8)).map((d) => `${seconds(d.at, 1e5)}  ${sayDeed(lane.member, d)}`);
	if (end - begin > 8) says.push(`and ${end - begin - 8} more here: zoom in`);
	return says;
}

function drawCluster(s, lane, deeds, begin, end, x, y) {
	let first = deeds[begin];
	for (let i = begin + 1; i < Math.min(end, begin + 200); i++) if (weight(deeds[i]) > weight(first)) first = deeds[i];
	drawMark(s.c, s.theme, markOf(first), x, y);
	if (end - begin > 1) {
		inFont(s, 9);
		s.c.fillStyle = s.theme.soft;
		s.c.fillText(end - begin > 99 ? '99+' : String(end - begin), x + 5, y - 4);
	}
	s.hit(x - 6, y - 7, 12, 14, () => sayDeeds(lane, deeds, begin, end));
}

/** markOf is the shape of a deed. @param {Deed} d */
function markOf(d) {
	if (d.what === 'vote') return d.stage === 'dropped' || !d.granted ? 'refused' : 'granted';
	if (d.what === 'prevote') return d.granted ? 'pregranted' : 'prerefused';
	return {candidate: 'candidate', leader: 'won', start: 'start', exit: 'exit', log: 'log', ready: 'ready'}[d.what] || 'other';
}

function weight(d) {
	return {leader: 9, exit: 8, log: 7, candidate: 6, vote: 5, start: 4, prevote: 2}[d.what] || 1;
}

/** drawMark draws a shape around x, y. */
function drawMark(c, theme, shape, x, y) {
	c.strokeStyle = c.fillStyle = theme.ink;
	c.lineWidth = 1.4;
	c.beginPath();
	const path = (...points) => points.forEach(([dx, dy], i) => (i ? c.lineTo(x + dx, y + dy) : c.moveTo(x + dx, y + dy)));
	switch (shape) {
	case 'won': // a star
		for (let i = 0; i < 10; i++) {
			const r = i % 2 ? 2.4 : 6, a = -Math.PI / 2 + i * Math.PI / 5;
			c[i ? 'lineTo' : 'moveTo'](x + r * Math.cos(a), y + r * Math.sin(a));
		}
		c.closePath();
		c.fill();
		break;
	case 'candidate':
		path([-4.5, 4], [4.5, 4], [0, -5]);
		c.closePath();
		c.stroke();
		break;
	case 'granted':
		c.arc(x, y, 3.8, 0, 7);
		c.fill();
		break;
	case 'refused':
		c.arc(x, y, 3.8, 0, 7);
		path([-3, 3], [3, -3]);
		c.stroke();
		break;
	case 'pregranted':
	case 'prerefused':
		path([0, -3.5], [3.5, 0], [0, 3.5], [-3.5, 0]);
		c.closePath();
		c[shape === 'pregranted' ? 'fill' : 'stroke']();
		break;
	case 'start':
		path([-3, -4.5], [4.5, 0], [-3, 4.5]);
		c.closePath();
		c.fill();
		break;
	case 'exit':
		path([-4, -4], [4, 4]);
		path([-4, 4], [4, -4]);
		c.lineWidth = 2.2;
		c.stroke();
		break;
	case 'log':
		c.fillRect(x - 3.5, y - 3.5, 7, 7);
		break;
	case 'ready':
		path([-3, 0], [-1, 3], [4, -4]);
		c.stroke();
		break;
	default:
		c.arc(x, y, 1.8, 0, 7);
		c.fill();
	}
	c.lineWidth = 1;
}
