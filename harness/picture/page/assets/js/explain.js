// Beside the picture: what was found, each sentence a link to its moment, and what to type next.

const WORDS = {invalid: '✕ INVALID', valid: '✓ VALID', unknown: '? UNKNOWN', 'not checked': '? NOT CHECKED'};

/** fillHead says which run it is and what came of it. */
function fillHead(app) {
	const {picture} = app;
	const {report} = picture, {run} = report;
	const verdict = report.verdict || 'unknown';
	const badge = $('verdict');
	badge.className = 'verdict ' + (verdict in WORDS ? verdict : 'unknown');
	badge.textContent = !report.verdict ? (app.live ? '… RUNNING' : '? NOT JUDGED') : WORDS[verdict] || printable(verdict);
	const title = picture.title || 'run';
	$('title').textContent = printable(title);
	document.title = `${badge.textContent} ${printable(short(title, 100))}`;
	const facts = [];
	if (run.target) facts.push(`${run.target}${run.nodes ? `, ${plural(run.nodes, 'member')}` : ''}`);
	if (run.workload) facts.push(`workload ${run.workload}`);
	if (run.seed) facts.push(`seed ${run.seed}`);
	if (run.themes && run.themes.length) facts.push(`plan of ${run.themes.join(', ')}`);
	facts.push(lasting(picture.end), plural(run.events || 0, 'event'));
	if (picture.election) facts.push(`election timeout ${lasting(picture.election)}`);
	const [ok = 0, fail = 0, info = 0] = picture.clients.total;
	facts.push(`${plural(ok + fail + info, 'operation')}: ${ok.toLocaleString('en')} ok, ${fail.toLocaleString('en')} failed, ${info.toLocaleString('en')} without an answer`);
	$('facts').textContent = printable(facts.join(' · '));
	fillMissing(picture.missing);
}

function fillMissing(missing) {
	const list = $('missing');
	list.hidden = missing.length === 0;
	fill(list, ...missing.map((text) => make('li', {text: short(text, 4000)})));
}

/** fillAside says what was found. */
function fillAside(app) {
	const {picture} = app;
	const aside = $('aside');
	const verdict = picture.report.verdict || 'unknown';
	aside.className = verdict;
	const proof = picture.proofs[app.proof];
	fill(aside, ...(proof ? sayProof(app, proof) : sayNone(app, verdict)), ...sayCommands(picture));
}

/** @param {any} app @param {Proof} proof */
function sayProof(app, proof) {
	const {proofs} = app.picture;
	const parts = [make('h2', {text: upper(proof.rule)}), make('p', {class: 'by', text: `found by the checker “${proof.checker}”`})];
	if (proofs.length > 1) {
		parts.push(make('div', {class: 'pager'}, button('◀', () => app.showProof(app.proof - 1), 'Previous violation'),
			`${app.proof + 1} of ${plural(proofs.length, 'violation')}`, button('▶', () => app.showProof(app.proof + 1), 'Next violation')));
	}
	const sentences = make('div', {class: 'long', tabindex: 0, role: 'group', 'aria-label': 'Explanation'});
	for (const s of proof.sentences) sentences.append(make('p', {class: 'sentence'}, momentLink(app, proof.events[proof.events.length === 1 ? 0 : s.event], s.text)));
	parts.push(sentences);
	const list = make('ol', {class: 'events', 'aria-label': 'Events that prove it'});
	proof.events.forEach((e, i) => list.append(make('li', {}, make('span', {class: 'number', text: i + 1}), momentLink(app, e, `${seconds(e.at)} ${e.text}`))));
	parts.push(list);
	parts.push(...sayCauses(app));
	if (!app.picture.windows[proof.window]) parts.push(make('p', {text: 'Too many violations for each to have its own exact window: this one is shown as coarsely as the whole run.'}));
	return parts;
}

/** momentLink is a link to a moment, or only text if there is none. @param {any} app @param {any} e @param {string} text @param {() => void} [also] is done on the way */
function momentLink(app, e, text, also) {
	const shown = short(text, 4000);
	if (!e) return shown;
	const go = (event) => {
		event.preventDefault();
		if (also) also();
		app.goTo(e.at);
		say(`${seconds(e.at)}: ${e.text}`);
	};
	return make('a', {href: `#t=${linkTime(e.at - 2e8)},${linkTime(e.at + 2e8)}`, onclick: go, text: shown});
}

/** sayCommands are what to type next, each to be copied. @param {Picture} picture */
function sayCommands(picture) {
	const all = [...(picture.command ? [{for: 'As it was run', line: picture.command}] : []), ...picture.commands];
	return all.map((c) => make('div', {class: 'command'}, make('p', {text: upper(c.for)}), make('div', {}, make('code', {text: c.line, tabindex: 0}),
		button('Copy', () => copyText(c.line).then((ok) => say(ok ? `copied: ${c.line}` : 'this browser lets no page copy: select the text')), `Copy: ${c.for}`))));
}

function upper(text) {
	return text.charAt(0).toUpperCase() + text.slice(1);
}
