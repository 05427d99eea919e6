// What led to a violation: events that came before it, and what joins them. As a list
// beside the picture, nearest first, and on the lanes when asked for.

const NEAREST = 12; // of the list, the others are folded

/** causesOf are those of the proof that is shown, if the picture has them. @returns {Causes|undefined} */
function causesOf(app) {
	return app.picture.causes.find((c) => c.proof === app.proof);
}

/**
 * nameCauses gives each event the name by which the page speaks of it: one of the proof
 * has its number there, another that of `usurper explain --slice`.
 * @param {Causes} causes @param {Proof} proof @returns {string[]}
 */
function nameCauses(causes, proof) {
	return causes.events.map((e, i) => {
		const n = proof.events.findIndex((p) => p.seq === e.seq);
		return n >= 0 ? `proof ${n + 1}` : `#${i + 1}`;
	});
}

/** sayJoins says before which events one was, and how that is known. @param {Causes} causes @param {number} i */
function sayJoins({joins, names}, i) {
	const parts = joins.filter((j) => j.src === i).map((j) => `${names[j.dst]} (${j.how})`);
	return parts.length ? 'before ' + parts.join(', ') : '';
}

/** sayCauses is the list, if there is one for this proof. */
function sayCauses(app) {
	if (app.picture.causes.length === 0) return [];
	const heading = make('h3', {text: 'What led to it'});
	const causes = causesOf(app);
	if (!causes) return [heading, sayWhereCauses(app)];
	const before = causes.events.map((e, i) => ({e, i})).filter(({e}) => e.distance > 0);
	const list = make('ol', {class: 'events causes', 'aria-label': 'What led to it, nearest first'}, ...before.map(({e, i}, n) =>
		make('li', {class: n < NEAREST || app.allCauses ? null : 'folded'}, make('span', {class: 'number', text: causes.names[i]}), momentLink(app, e, `${seconds(e.at)} ${e.text}`, () => app.chooseCause(i)),
			make('div', {class: 'by', text: short(sayJoins(causes, i), 600)}))));
	const parts = [heading, before.length ? list : make('p', {text: 'The history joins nothing to the proof.'})];
	if (before.length > NEAREST) parts.push(moreCauses(app, list, before.length - NEAREST));
	return [...parts, ...[causes.left, ...causes.unknown].filter(Boolean).map((text) => make('p', {class: 'by', text: short(text, 2000)}))];
}

/** sayWhereCauses leads to the violation of the same rule of which it is told. */
function sayWhereCauses(app) {
	const {causes, proofs} = app.picture;
	const shown = proofs[app.proof];
	const other = causes.find((c) => proofs[c.proof].checker === shown.checker && proofs[c.proof].rule === shown.rule);
	if (!other) return make('p', {class: 'by', text: `The page tells it of the first ${plural(causes.length, 'rule')}; “usurper explain RUN --slice --checker NAME” tells it of the first that a checker found.`});
	return make('p', {class: 'by'}, 'The page tells it of the first violation of this rule: ', make('a', {href: '#proof=' + (other.proof + 1), text: `violation ${other.proof + 1}`, onclick: (e) => {
		e.preventDefault();
		app.showProof(other.proof);
	}}), '.');
}

/** moreCauses is the button that unfolds the list. */
function moreCauses(app, list, n) {
	const b = button('', () => {
		app.allCauses = !app.allCauses;
		[...list.children].forEach((li, i) => li.classList.toggle('folded', i >= NEAREST && !app.allCauses));
		says();
	});
	const says = () => {
		b.textContent = app.allCauses ? 'Show the nearest only' : `Show ${plural(n, 'more', 'more')}, further away`;
		b.setAttribute('aria-expanded', String(!!app.allCauses));
	};
	b.classList.add('more');
	says();
	return b;
}

/** toggleCauses shows them on the lanes, or hides them. */
function toggleCauses(app) {
	const causes = causesOf(app);
	if (!causes) return say(app.picture.causes.length ? 'what led to it is told of the first violation of each rule' : 'nothing here says what led to a violation');
	app.led = !app.led;
	app.showCauses();
	say(app.led ? `${plural(causes.events.filter((e) => e.distance > 0).length, 'event')} that led to it shown, and what joins them` : 'what led to it hidden');
	app.redraw();
}

/** stepCauses goes to the next of them, nearest first, round. */
function stepCauses(app) {
	const causes = causesOf(app);
	const first = causes ? causes.events.findIndex((e) => e.distance > 0) : -1;
	if (!causes || first < 0) return toggleCauses(app);
	app.led = true;
	app.showCauses();
	const i = app.cause === undefined || app.cause + 1 >= causes.events.length ? first : app.cause + 1;
	app.chooseCause(i);
	app.goTo(causes.events[i].at);
	say(`${seconds(causes.events[i].at, 1e5)}  ${sayCause(causes, i)}`);
}

/** @param {Causes} causes @param {number} i */
function sayCause(causes, i) {
	const joins = sayJoins(causes, i);
	return `${causes.names[i]}: ${causes.events[i].text}${joins ? `: ${joins}` : ''}`;
}

/** drawCauses draws those in view, and all joins that cross it. */
function drawCauses(s) {
	const {app} = s;
	const causes = app.led && causesOf(app);
	if (!causes) return;
	if (app.causesAt !== s.layout) [app.causesAt, app.causeY] = [s.layout, causes.events.map((e) => causeY(s, e))];
	const places = causes.events.map((e, i) => ({x: s.x(e.at), y: app.causeY[i]}));
	clipped(s, s.layout.faults, s.layout.height - s.layout.faults, () => {
		for (const j of causes.joins) drawCauseJoin(s, places[j.src], places[j.dst], j.src === app.cause || j.dst === app.cause);
		causes.events.forEach((e, i) => e.distance > 0 && drawCause(s, places[i], i === app.cause));
	});
	const free = new Map();
	for (let i = causes.events.length - 1; i >= 0; i--) {
		const {x, y} = places[i];
		if (causes.events[i].distance === 0 || x < s.left || x > s.right) continue;
		s.hit(x - 7, y - 7, 14, 14, () => [`led to it, ${seconds(causes.events[i].at, 1e5)}: ${sayCause(causes, i)}`]);
		const last = free.get(y);
		if (last !== undefined && Math.abs(x - last) < 24 && i !== app.cause) continue;
		free.set(y, x);
		nameCause(s, causes.names[i], x + 7, y);
	}
}

/** nameCause writes its name beside it, on a ground of its own. */
function nameCause(s, text, x, y) {
	inFont(s, 10, 600);
	s.c.fillStyle = s.theme.bg;
	s.c.fillRect(x - 1, y - 6, widthOf(s, text) + 2, 12);
	label(s, text, x, y, 40, s.theme.proof, 10, true);
}

/** causeY is the height of an event: of a fault its band, else as that of a proof. */
function causeY(s, e) {
	const band = s.app.picture.bands.find((b) => b.seq === e.seq);
	const row = band && s.layout.bandRow.row.get(band);
	if (row !== undefined) return s.layout.faults + row * BAND + BAND / 2;
	const y = placeOf(s, e);
	if (e.client >= 0 && y < s.layout.lanes && s.layout.bars > 0) return s.layout.bars - 9;
	return s.layout.laneOf.has(e.member) && e.distance > 0 ? y + 9 : y; // below the words in the lane
}

function drawCauseJoin(s, from, to, chosen) {
	if ((from.x < s.left && to.x < s.left) || (from.x > s.right && to.x > s.right)) return;
	s.c.strokeStyle = s.c.fillStyle = s.theme.proof;
	s.c.lineWidth = chosen ? 2.5 : 1;
	line(s.c, [[from.x, from.y], [to.x, to.y]]);
	if (Math.hypot(to.x - from.x, to.y - from.y) > 12) head(s.c, from.x, from.y, to.x, to.y);
	s.c.lineWidth = 1;
}

/** drawCause marks one with a diamond: those of the proof are round. */
function drawCause(s, {x, y}, chosen) {
	if (x < s.left - 9 || x > s.right + 9) return;
	const {c, theme} = s, r = chosen ? 7 : 5;
	c.beginPath();
	c.moveTo(x, y - r);
	c.lineTo(x + r, y);
	c.lineTo(x, y + r);
	c.lineTo(x - r, y);
	c.closePath();
	c.fillStyle = chosen ? theme.proof : theme.bg;
	c.strokeStyle = theme.proof;
	c.fill();
	c.lineWidth = 1.5;
	c.stroke();
	c.lineWidth = 1;
}
