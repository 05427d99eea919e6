// What is shown, for others: as a link, #t=4.2s,5.1s&key=r0-17&proof=2&messages=1&causes=1, and as text.

/** linkTime writes a moment for a link. @param {number} ns */
function linkTime(ns) {
	return String(Number((Math.max(0, ns) / SECOND).toFixed(6))) + 's';
}

/** linkOf is the link to what is shown. */
function linkOf(app) {
	const parts = [`t=${linkTime(app.view.from)},${linkTime(app.view.to)}`];
	if (app.key !== '') parts.push('key=' + encodeURIComponent(app.key));
	if (app.proof > 0) parts.push(`proof=${app.proof + 1}`);
	if (app.arrows) parts.push('messages=1');
	if (app.led && causesOf(app)) parts.push('causes=1');
	return '#' + parts.join('&');
}

/** follow shows what a link says. Returns whether it says when. */
function follow(app, hash) {
	const asked = new Map(hash.replace(/^#/, '').split('&').map((part) => {
		const i = part.indexOf('=');
		return i < 0 ? [part, ''] : [part.slice(0, i), part.slice(i + 1)];
	}));
	const proof = Number(asked.get('proof'));
	if (proof >= 1 && proof <= app.picture.proofs.length) app.proof = proof - 1;
	if (asked.has('messages')) app.arrows = asked.get('messages') === '1' && app.messages.length > 0;
	if (asked.has('causes')) app.led = asked.get('causes') === '1';
	if (asked.has('key')) app.key = decoded(asked.get('key'));
	const [from, to] = (asked.get('t') || '').split(',').map(parseTime);
	if (!(to > from)) return false;
	app.view.set(from, to);
	return true;
}

function decoded(text) {
	try {
		return decodeURIComponent(text);
	} catch {
		return text;
	}
}

/** listenLink keeps the address as the page is, and the page as the address. */
function listenLink(app) {
	let known = location.hash;
	window.addEventListener('hashchange', () => {
		known = location.hash;
		if (location.hash === app.linked) return;
		const proof = app.proof;
		follow(app, location.hash);
		if (app.proof !== proof) app.pointOf = app.cause = undefined;
		app.relayout();
		drawLegend(app);
		if (app.proof !== proof) fillAside(app);
	});
	let waiting = 0;
	app.note = () => {
		clearTimeout(waiting);
		waiting = setTimeout(() => {
			if (location.hash !== known) return; // it was changed just now, and is to be followed
			app.linked = linkOf(app);
			history.replaceState(null, '', app.linked);
			known = location.hash;
		}, 300);
	};
}

/** asText writes what is in view, a line each, in time. */
function asText(app) {
	const {view, picture} = app;
	const fine = (view.to - view.from) / 1e4;
	const items = app.items().filter((item) => item.to >= view.from && item.at <= view.to && (app.key === '' || !item.key || item.key === app.key) && (app.arrows || !item.kind.startsWith('message')) && (item.kind !== 'cause' || app.led && item.of === causesOf(app)));
	const most = 5000;
	const lines = [`${picture.title}, ${seconds(view.from, fine)} to ${seconds(view.to, fine)}${app.key === '' ? '' : `, key ${app.key}`}: ${picture.report.verdict || 'no verdict yet'}`];
	for (const item of items.slice(0, most)) lines.push(`${seconds(item.at, Math.min(1e6, fine)).padStart(12)}  ${short(item.text, 400).replace(/\s+/g, ' ')}`);
	if (items.length > most) lines.push(`… and ${items.length - most} more`);
	return lines.join('\n') + '\n';
}

/** copyText puts a text where it can be pasted from. @param {string} text @returns {Promise<boolean>} whether it could */
async function copyText(text) {
	try {
		await navigator.clipboard.writeText(text);
		return true;
	} catch {
		const area = make('textarea', {'aria-hidden': 'true'});
		area.value = text;
		document.body.append(area);
		area.select();
		const ok = document.execCommand('copy');
		area.remove();
		return ok;
	}
}

/** copyView copies it and says so. */
async function copyView(app) {
	const text = asText(app);
	const ok = await copyText(text);
	say(ok ? `copied ${plural(text.split('\n').length - 1, 'line')}` : 'this browser lets no page copy: the table below has it in words');
}
