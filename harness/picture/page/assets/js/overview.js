// The overview is the whole run in a strip: who led, what was injected, where the proofs
// and the hits of a search are, and which part the picture shows.

/** drawOverview draws it. What does not depend on the view is drawn once. */
function drawOverview(app) {
	const canvas = $('overview');
	const width = app.width, height = 46;
	if (!app.strip || app.strip.width !== width || app.strip.theme !== app.theme || app.strip.picture !== app.picture) app.strip = makeStrip(app, width, height);
	const c = prepare(canvas, width, height);
	c.drawImage(app.strip.canvas, 0, 0, width, height);
	const s = sceneOf(app, c, width, 0, app.picture.end);
	for (const hit of app.hits.slice(0, 2000)) {
		c.fillStyle = app.theme.focus;
		c.fillRect(s.x(hit.at) - 1, 0, 2, 7);
	}
	const x0 = s.x(app.view.from), x1 = Math.max(x0 + 3, s.x(app.view.to));
	c.fillStyle = app.theme.bg;
	c.globalAlpha = 0.55;
	c.fillRect(s.left, 0, x0 - s.left, height);
	c.fillRect(x1, 0, s.right - x1, height);
	c.globalAlpha = 1;
	c.strokeStyle = app.theme.focus;
	c.lineWidth = 2;
	c.strokeRect(x0, 1, x1 - x0, height - 2);
	c.lineWidth = 1;
}

function makeStrip(app, width, height) {
	const canvas = document.createElement('canvas');
	const c = prepare(canvas, width, height);
	const s = sceneOf(app, c, width, 0, app.picture.end);
	const {picture, theme} = app;
	c.fillStyle = theme.panel;
	c.fillRect(s.left, 0, s.right - s.left, height);
	label(s, 'whole run', 10, 12, GUTTER - 14, theme.soft, 12);
	label(s, seconds(picture.end, 1e8), 10, 30, GUTTER - 14, theme.soft, 11);
	clipped(s, 0, height, () => {
		c.fillStyle = theme.fault;
		for (const at of seen(s, picture.bands)) c.fillRect(at.x, 8, at.w, 8);
		const h = Math.min(8, 22 / Math.max(1, picture.lanes.length));
		picture.lanes.forEach((lane, i) => stripLane(s, lane, 18 + i * h, h));
		c.fillStyle = theme.leaderlessline;
		for (const at of seen(s, picture.leaderless)) c.fillRect(at.x, 42, at.w, 3);
		picture.proofs.forEach((proof) => proof.events.forEach((e) => {
			c.fillStyle = theme.proof;
			c.fillRect(s.x(e.at) - 1, 8, 2, height - 8);
		}));
	});
	return {canvas, width, theme, picture};
}

function stripLane(s, lane, y, h) {
	let pixel = -1;
	for (const stay of lane.stays) {
		if (stay.role !== 'leader' && stay.role !== 'down' && stay.role !== 'paused') continue;
		const at = inView(s, stay.from, stay.to);
		if (!at || (at.w <= 1 && Math.floor(at.x) === pixel)) continue;
		pixel = Math.floor(at.x);
		s.c.fillStyle = stay.role === 'leader' ? s.theme.leader : s.theme.down;
		s.c.fillRect(at.x, stay.role === 'leader' ? y : y + h / 3, at.w, stay.role === 'leader' ? h - 1 : h / 3);
	}
}
