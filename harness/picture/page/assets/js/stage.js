// The stage is the canvas with the axis, faults, lanes and operations.

/** drawStage draws it for the present view. */
function drawStage(app) {
	const c = prepare($('lanes'), app.width, app.layout.height);
	const s = sceneOf(app, c, app.width, app.view.from, app.view.to);
	s.bands = app.picture.bands.filter((band) => band.to >= s.from && band.from <= s.to);
	drawGrid(s);
	drawShades(s);
	drawPhases(s);
	drawFaults(s);
	drawLanes(s);
	drawOperations(s);
	drawMessages(s);
	drawCauses(s);
	drawProof(s);
	drawCursor(s);
	app.scene = s;
}

/** drawGrid draws the axis and its lines. */
function drawGrid(s) {
	const {step, at} = ticks(s.from, s.to, (s.right - s.left) / 90);
	label(s, 'time', 10, 10, GUTTER - 14, s.theme.soft, 12);
	s.c.textAlign = 'center';
	for (const t of at) {
		const x = Math.round(s.x(t)) + 0.5;
		s.c.strokeStyle = s.theme.grid;
		line(s.c, [[x, 18], [x, s.layout.height]]);
		inFont(s, 11);
		s.c.fillStyle = s.theme.soft;
		const text = roundSeconds(t, step), half = widthOf(s, text) / 2;
		s.c.fillText(text, Math.min(Math.max(x, s.left + half), s.right + MARGIN - half), 10);
	}
	s.c.textAlign = 'left';
	s.c.strokeStyle = s.theme.line;
	line(s.c, [[s.left, 18.5], [s.right, 18.5]]);
}

function drawPhases(s) {
	let free = s.left;
	for (const phase of s.app.picture.phases) {
		if (phase.at < s.from || phase.at > s.to) continue;
		const x = s.x(phase.at);
		s.c.fillStyle = s.theme.soft;
		s.c.beginPath();
		s.c.moveTo(x - 4, 19);
		s.c.lineTo(x + 4, 19);
		s.c.lineTo(x, 26);
		s.c.fill();
		s.hit(x - 5, 18, 10, 14, () => [`${seconds(phase.at)}: the run enters phase “${phase.text}”`]);
		if (x < free) continue;
		const text = printable(phase.text);
		if (label(s, text, x + 6, 27, s.right - x - 6, s.theme.soft, 10)) free = x + 10 + widthOf(s, text);
	}
}

function drawCursor(s) {
	const t = s.app.cursor;
	if (t === null || t < s.from || t > s.to) return;
	s.c.strokeStyle = s.theme.ink;
	s.c.setLineDash([4, 3]);
	const x = Math.round(s.x(t)) + 0.5;
	line(s.c, [[x, 0], [x, s.layout.height]]);
	s.c.setLineDash([]);
}

/**
 * under finds what is drawn at a place, the uppermost first.
 * @param {any} app @param {number} x @param {number} y
 * @returns {string[]} what it says; empty if nothing is there
 */
function under(app, x, y) {
	const found = [];
	const touched = app.scene ? app.scene.touched : [];
	for (let i = touched.length - 1; i >= 0 && found.length < 3; i--) {
		const t = touched[i];
		if (x < t.x || x > t.x + t.w || y < t.y || y > t.y + t.h) continue;
		if (t.go && distance(x, y, t.go.near) > 5) continue;
		found.push(...t.says());
	}
	return found.slice(0, 12);
}

/** distance of a point from a line. */
function distance(x, y, [x0, y0, x1, y1]) {
	const long = (x1 - x0) ** 2 + (y1 - y0) ** 2 || 1;
	const share = Math.min(1, Math.max(0, ((x - x0) * (x1 - x0) + (y - y0) * (y1 - y0)) / long));
	return Math.hypot(x - x0 - share * (x1 - x0), y - y0 - share * (y1 - y0));
}

/** drawLegend says what colours, patterns and shapes mean, drawn as they are in the picture. */
function drawLegend(app) {
	const legend = $('legend');
	const roles = new Set(app.picture.lanes.flatMap((lane) => [...new Set(lane.stays.map((x) => x.role))]));
	const marks = new Set(app.picture.lanes.flatMap((lane) => [...new Set(lane.deeds.map(markOf))]));
	const entries = Object.keys(RANK).filter((r) => roles.has(r)).map((r) => swatch(app, ROLES[r], (s) => drawStay(s, /** @type {any} */ ({role: r}), {x: 0, w: 26}, 0)));
	const names = {won: 'won an election', candidate: 'stands', granted: 'vote granted', refused: 'vote refused', pregranted: 'pre-vote granted', prerefused: 'pre-vote refused', start: 'process starts', exit: 'process ends', log: 'crash in its log', ready: 'ready', other: 'other'};
	for (const [shape, name] of Object.entries(names)) if (marks.has(shape)) entries.push(swatch(app, name, (s) => drawMark(s.c, s.theme, shape, 13, 12)));
	if (app.picture.lanes.some((lane) => lane.strains.length)) entries.push(swatch(app, 'fault of machine or disk', (s) => drawStrain(s, '', {x: 0, w: 26}, 7)));
	if (app.picture.leaderless.length) entries.push(swatch(app, 'nobody leads', (s) => shade(s, s.theme.leaderless, s.theme.patterns.leaderless)));
	if (app.picture.stalls.length) entries.push(swatch(app, 'harness stalled', (s) => shade(s, s.theme.panel, s.theme.patterns.stall)));
	if (app.arrows) entries.push(...keyOfMessages(app));
	if (app.picture.causes.length) entries.push(swatch(app, 'led to it', (s) => drawCause({...s, left: 0, right: 26}, {x: 13, y: 12}, false)));
	fill(legend, ...entries);
}

function shade(s, ground, over) {
	s.c.fillStyle = ground;
	s.c.fillRect(0, 2, 26, 20);
	s.c.fillStyle = over;
	s.c.fillRect(0, 2, 26, 20);
}

function swatch(app, name, draw) {
	const canvas = document.createElement('canvas');
	const c = prepare(canvas, 26, 24);
	canvas.setAttribute('aria-hidden', 'true');
	draw({c, theme: app.theme});
	return make('span', {}, canvas, name);
}
