// The events that prove a violation: numbered, in their lanes, joined by a line.

/** drawProof draws those of the proof that is shown. */
function drawProof(s) {
	const proof = s.app.picture.proofs[s.app.proof];
	if (!proof) return;
	label(s, 'proof', 10, s.layout.proof + 13, GUTTER - 14, s.theme.proof, 12, true);
	const places = proof.events.map((e) => ({e, x: s.x(e.at), y: placeOf(s, e), via: laneVia(s, e)}));
	clipped(s, s.layout.proof, s.layout.height - s.layout.proof, () => {
		drawJoin(s, places);
		for (const p of places) drawDrop(s, p);
	});
	drawFlags(s, places);
	proof.events.forEach((e, i) => {
		if (e.at >= s.from && e.at <= s.to) s.hit(places[i].x - 7, places[i].y - 7, 14, 14, () => [`proof ${i + 1}, ${seconds(e.at, 1e5)}: ${e.text}`]);
	});
}

/** placeOf is the height at which an event happened: its operation's bar, its member's lane, or the row of the proof. */
function placeOf(s, e) {
	const op = operationAt(e, s.app.operations);
	const row = op && s.layout.barRow.row.get(op);
	if (row !== undefined) return s.layout.bars + row * BAR + BAR / 2 - 1;
	const lane = s.layout.laneOf.get(e.member);
	return lane === undefined ? s.layout.proof + 13 : barOf(s.layout, lane) + 12;
}

/** laneVia is the height of the lane of the member that an operation's client spoke to; undefined if it is none. */
function laneVia(s, e) {
	const op = operationAt(e, s.app.operations);
	const lane = op && s.layout.laneOf.get(op.node);
	return lane === undefined ? undefined : barOf(s.layout, lane) + 12;
}

function drawJoin(s, places) {
	s.c.strokeStyle = s.theme.proof;
	s.c.lineWidth = 2;
	s.c.beginPath();
	places.forEach((p, i) => (i ? s.c.lineTo(p.x, p.y) : s.c.moveTo(p.x, p.y)));
	s.c.stroke();
	s.c.lineWidth = 1;
}

/** drawDrop marks an event, and leads from its number down to it. */
function drawDrop(s, p) {
	const {c, theme} = s;
	c.strokeStyle = c.fillStyle = theme.proof;
	c.setLineDash([2, 3]);
	line(c, [[p.x, s.layout.proof + 22], [p.x, p.y]]);
	c.setLineDash([]);
	if (p.via !== undefined) c.fillRect(p.x - 4, p.via - 4, 8, 8);
	c.beginPath();
	c.arc(p.x, p.y, 6, 0, 7);
	c.fillStyle = theme.bg;
	c.fill();
	c.lineWidth = 3;
	c.stroke();
	c.lineWidth = 1;
}

/** drawFlags draws the numbers, side by side where their moments are too near. */
function drawFlags(s, places) {
	const {c, theme} = s;
	let free = -Infinity;
	places.forEach((p, i) => {
		if (p.e.at < s.from || p.e.at > s.to) return;
		const x = Math.max(p.x, free);
		free = x + 20;
		const y = s.layout.proof + 12;
		c.fillStyle = theme.proof;
		c.beginPath();
		c.arc(x, y, 9, 0, 7);
		c.fill();
		inFont(s, 12, 700);
		c.fillStyle = theme.on;
		c.textAlign = 'center';
		c.fillText(String(i + 1), x, y + 0.5);
		c.textAlign = 'left';
		s.hit(x - 9, y - 9, 18, 18, () => [`proof ${i + 1}, ${seconds(p.e.at, 1e5)}: ${p.e.text}`]);
	});
}
