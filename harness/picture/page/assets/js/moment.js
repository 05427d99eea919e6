// What was at the cursor: who led, which faults were on, and links as a small table, from × to.

/** fillMoment says it. */
function fillMoment(app) {
	const {picture} = app;
	if (app.cursor === null) {
		app.momentAt = null;
		return fill($('moment'), make('h3', {text: 'At the cursor'}), make('p', {text: 'Point into the picture, or step through it with the keys, to read here what was then.'}));
	}
	const at = app.cursor;
	if (app.momentAt === at && app.momentOf === picture) return;
	[app.momentAt, app.momentOf] = [at, picture];
	const leader = leadersAt(picture, at);
	const lines = [leader === '' ? 'Leader: not known in this run.' : `Leader: ${leader}, ${byWhom(picture)}.`];
	const others = picture.lanes.map((lane) => [lane.member, stayAt(lane, at)]).filter(([, stay]) => stay && stay.role !== 'leader');
	if (others.length) lines.push(others.map(([m, stay]) => `${m} ${stay.role === 'unknown' ? 'up' : stay.role}${stay.term ? ` t${stay.term}` : ''}`).join(', ') + '.');
	for (const band of picture.bands) if (band.from <= at && at < band.to) lines.push(`Fault: ${sayBand({...band, text: whatOf(band)})}.`);
	for (const stall of picture.stalls) if (stall.from <= at && at < stall.to) lines.push('The harness was stalled.');
	fill($('moment'), make('h3', {text: `At ${seconds(at)}`}), make('ul', {}, ...lines.slice(0, 12).map((text) => make('li', {text: short(text, 400)}))));
}

/** leadersAt names whoever leads at a moment, "" if nothing in the run tells. @param {Picture} picture @param {number} at */
function leadersAt(picture, at) {
	const lead = picture.lanes.map((lane) => [lane.member, stayAt(lane, at)]).filter(([, stay]) => stay && stay.role === 'leader');
	if (lead.length === 0) return picture.lanes.some((lane) => lane.stays.some((x) => x.role === 'leader')) ? 'nobody' : '';
	return lead.map(([member, stay]) => `${member}${stay.term ? ` (term ${stay.term})` : ''}`).join(' and ');
}

/** stayAt is what a member is at a moment. @param {Lane} lane @param {number} at */
function stayAt(lane, at) {
	const stay = lane.stays[firstAfter(lane.stays, at + 1, (x) => x.to)];
	return stay && stay.from <= at ? stay : undefined;
}

/** say tells those who do not see the picture, and others below it. @param {string} text */
function say(text) {
	$('said').textContent = printable(short(text, 2000));
}

/** fillMatrix shows what faults do to links at a moment. */
function fillMatrix(app) {
	const {picture} = app;
	const at = app.cursor === null ? (app.view.from + app.view.to) / 2 : app.cursor;
	const heading = make('h3', {text: 'Links at the cursor'});
	if (picture.cuts.length === 0) return fill($('matrix'), heading, make('p', {text: 'No fault touched a link.'}));
	const now = new Map();
	for (const cut of picture.cuts) if (cut.from <= at && at < cut.to) now.set(cut.src + '\n' + cut.dst, worse(now.get(cut.src + '\n' + cut.dst), cut));
	const state = [...now.entries()].map(([link, cut]) => link + cut.kind).sort().join('|');
	if (app.matrixState === state && app.matrixOf === picture) return;
	[app.matrixState, app.matrixOf] = [state, picture];
	const names = picture.lanes.map((lane) => lane.member);
	for (const cut of picture.cuts) for (const end of [cut.src, cut.dst]) if (!names.includes(end)) names.push(end);
	const shown = names.slice(0, 16);
	const table = make('table', {},
		make('thead', {}, make('tr', {}, make('td', {text: 'from \\ to'}), ...shown.map((n) => make('th', {scope: 'col', text: short(n, 8)})))),
		make('tbody', {}, ...shown.map((src) => make('tr', {}, make('th', {scope: 'row', text: short(src, 8)}), ...shown.map((dst) => cell(src, dst, now.get(src + '\n' + dst)))))));
	fill($('matrix'), heading, table, make('p', {text: now.size === 0 ? 'All links are whole.' : `${plural(now.size, 'directed link')} touched.`}));
}

/** worse keeps what cuts before what only slows. */
function worse(a, b) {
	return a && isCut(a) ? a : b;
}

function isCut(cut) {
	return cut.kind === 'cut';
}

function cell(src, dst, cut) {
	if (src === dst) return make('td', {class: 'self'});
	if (!cut) return make('td', {text: '·', 'aria-label': 'whole'});
	return make('td', {class: isCut(cut) ? 'cut' : 'slow', title: `fault ${cut.step}`, text: isCut(cut) && cut.kind.length > 6 ? '✕' : cut.kind, 'aria-label': `${cut.kind}, fault ${cut.step}`});
}
