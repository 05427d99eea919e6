// In words: the verdicts, the plan, and as tables what the picture draws.

/** fillTables fills the part below the picture. */
function fillTables(app) {
	const {picture} = app;
	fill($('tables'), verdicts(picture), lazily('Members, faults and elections as a table', () => summary(app)), planOf(picture), aboutRun(picture));
}

/** lazily makes a part that is filled when it is first opened. */
function lazily(title, content) {
	const details = make('details', {class: 'lazy'}, make('summary', {text: title}));
	const open = () => {
		if (details.childElementCount === 1) details.append(content());
	};
	details.addEventListener('toggle', open);
	return details;
}

/** @param {Picture} picture */
function verdicts(picture) {
	const rows = picture.report.results.map((r) => make('tr', {class: r.verdict}, make('th', {scope: 'row', text: r.checker}), make('td', {text: r.verdict}),
		make('td', {}, short(unjudged(r) ? whyNot(r) : r.summary || '', 2000), ...[r.told, ...(r.unknowns || [])].filter(Boolean).map((u) => make('div', {text: short(u, 1000)})))));
	const table = rows.length ? make('table', {}, make('thead', {}, make('tr', {}, ...['checker', 'verdict', 'what it found'].map((h) => make('th', {scope: 'col', text: h})))), make('tbody', {}, ...rows)) : make('p', {text: 'No checker has answered.'});
	return make('details', {open: true}, make('summary', {text: 'What every checker says'}), make('div', {class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Verdicts'}, table));
}

/** summary lists what the picture draws, but for single operations and votes. */
function summary(app) {
	const kinds = new Set([...Object.keys(RANK), 'no leader', 'stall', 'proof', 'cause', 'phase']);
	const rows = app.items().filter((item) => kinds.has(item.kind) && item.kind !== 'candidate' || item.kind.startsWith('fault') || item.of && item.of.what === 'candidate');
	const most = 1000;
	const table = make('table', {}, make('thead', {}, make('tr', {}, ...['from', 'to', 'what', 'in words'].map((h) => make('th', {scope: 'col', text: h})))),
		make('tbody', {}, ...rows.slice(0, most).map((item) => make('tr', {}, make('td', {text: seconds(item.at)}), make('td', {text: item.to > item.at ? seconds(item.to) : ''}), make('td', {text: item.kind}), make('td', {text: short(item.text, 500)})))));
	const box = make('div', {class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'What the picture draws'}, table);
	if (rows.length > most) box.append(make('p', {text: `${plural(rows.length - most, 'more row')}: zoom in and copy the window as text.`}));
	return box;
}

/** @param {Picture} picture */
function planOf(picture) {
	if (!picture.plan) return null;
	return make('details', {}, make('summary', {text: 'The plan, as it was executed'}), make('pre', {tabindex: 0, text: short(picture.plan, 200000)}));
}

/** @param {Picture} picture */
function aboutRun(picture) {
	const {run} = picture.report;
	const lines = [picture.command ? `command: ${picture.command}` : '', run.seed ? `seed: ${run.seed}` : '', ...picture.versions, `clients: ${picture.clients.shown || 'no operation is shown one by one'}`].filter(Boolean);
	return make('details', {}, make('summary', {text: 'Versions, seed, command line'}), make('pre', {tabindex: 0, text: lines.join('\n')}));
}
