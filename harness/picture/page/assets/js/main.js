// The page: what it shows now, and how it comes to show something else.

/** start makes the page of a picture. @param {Picture} picture @param {boolean} [underWay] more will come */
function start(picture, underWay = false) {
	const app = /** @type {any} */ ({picture, live: underWay, cursor: null, lane: -1, proof: 0, key: '', arrows: false, led: false, hits: [], hit: -1, query: '', width: 0, prints: false, dirty: false, plots: []});
	app.view = createView(() => app.picture.end, () => {
		app.moved = true;
		app.redraw();
	});
	actions(app);
	take(app, picture);
	listenLink(app);
	const first = opening(picture, 0);
	app.view.set(first.from, first.to);
	app.key = startKey(app);
	app.cursor = lastOf(picture.proofs[0]);
	if (follow(app, location.hash)) app.cursor = null;
	app.restyle();
	app.retell();
	pointers(app, $('stage'), GUTTER);
	listenOverview(app);
	listenKeys(app);
	listenSearch(app);
	listenPrint(app);
	new ResizeObserver(() => app.resize()).observe($('picture'));
	performance.mark('drawn');
	document.documentElement.dataset.ready = 'yes'; // for tests and for those who measure
	return app;
}

/** take takes a picture, the first or a later one of the same run. */
function take(app, picture) {
	app.picture = picture;
	app.operations = operations(picture);
	app.messages = messages(picture);
	let items = /** @type {Item[]|null} */ (null);
	app.items = () => (items = items || itemsOf(picture));
	app.proof = Math.min(app.proof, Math.max(0, picture.proofs.length - 1));
	app.proving = new Set(picture.proofs.flatMap((proof) => proof.events.map((e) => operationAt(e, app.operations)).filter(Boolean).map((/** @type {any} */ op) => op.seq)));
	$('home').hidden = picture.proofs.length === 0;
}

/** startKey is the key of the first proof, if it is about one. */
function startKey(app) {
	const proof = app.picture.proofs[app.proof];
	const keys = proof ? proofKeys(proof, app.operations) : [];
	return keys.length === 1 ? keys[0] : '';
}

/** lastOf is the moment that completes a proof: there the page looks first. @param {Proof|undefined} proof */
function lastOf(proof) {
	return proof && proof.events.length > 0 ? proof.events[proof.events.length - 1].at : null;
}

/** actions are what the rest of the page asks for. */
function actions(app) {
	app.redraw = () => {
		if (app.dirty) return;
		app.dirty = true;
		requestAnimationFrame(() => app.dirty && draw(app));
	};
	app.point = (t) => {
		app.cursor = t === null ? null : Math.min(app.picture.end, Math.max(0, t));
		app.redraw();
	};
	app.goTo = (t) => {
		app.cursor = t;
		app.view.reveal(t);
	};
	app.showProof = (n) => {
		const {proofs} = app.picture;
		if (proofs.length === 0) return;
		app.proof = (n + proofs.length) % proofs.length;
		app.pointOf = app.cause = undefined;
		const span = opening(app.picture, app.proof);
		app.key = startKey(app);
		app.cursor = lastOf(proofs[app.proof]);
		app.view.set(span.from, span.to);
		app.relayout();
		keepFocus(() => fillAside(app));
		say(`violation ${app.proof + 1} of ${proofs.length}: ${proofs[app.proof].rule}`);
	};
	app.closeUp = () => {
		const times = (app.picture.proofs[app.proof] || {events: []}).events.map((e) => e.at);
		if (times.length === 0) return;
		const first = Math.min(...times), last = Math.max(...times);
		const margin = Math.max(2e6, 0.6 * (last - first));
		app.view.set(first - margin, last + margin);
		say('close-up of the proof');
	};
	app.chooseKey = (key) => {
		app.key = key;
		app.relayout();
	};
	app.showMessages = () => {
		const b = $('messages');
		b.disabled = app.messages.length === 0;
		b.title = b.disabled ? 'no message of an election is recorded near a violation in this run' : '';
		b.setAttribute('aria-pressed', String(app.arrows));
	};
	app.showCauses = () => {
		const b = $('causes');
		b.disabled = !causesOf(app);
		b.title = b.disabled ? 'what led to it is told of the first violation of each rule' : '';
		b.hidden = app.picture.causes.length === 0;
		b.setAttribute('aria-pressed', String(app.led && !b.disabled));
		if (app.note) app.note();
	};
	app.chooseCause = (i) => {
		app.cause = i;
		app.redraw();
	};
	app.relayout = () => {
		fillKeys(app);
		app.shown = shownOperations(app);
		app.reach = reachOf(app.shown);
		app.layout = layoutOf(app.picture, app.shown);
		app.showMessages();
		app.showCauses();
		app.moved = true;
		app.redraw();
	};
	app.retell = () => {
		fillHead(app);
		fillAside(app);
		fillTables(app);
	};
	app.restyle = () => {
		app.theme = readTheme();
		app.width = app.prints ? PAPER : $('picture').clientWidth;
		app.relayout();
		drawLegend(app);
		makePlots(app);
		draw(app);
	};
	app.resize = () => {
		const width = app.prints ? PAPER : $('picture').clientWidth;
		if (width === app.width || width === 0) return;
		app.width = width;
		app.moved = true;
		app.redraw();
	};
}

/** draw draws what changed, once a frame. */
function draw(app) {
	app.dirty = false;
	if (app.moved) {
		followPlots(app);
		drawOverview(app);
		if (app.note) app.note();
		sayRange(app);
	} else drawOverview(app);
	app.moved = false;
	drawStage(app);
	pointPlots(app);
	fillMoment(app);
	fillMatrix(app);
}

function sayRange(app) {
	const {view, picture} = app;
	const fine = (view.to - view.from) / 1000;
	const span = opening(picture, app.proof);
	app.atProof = picture.proofs.length > 0 && view.from < span.to && view.to > span.from && view.to - view.from < 4 * (span.to - span.from);
	app.asOpened = Math.abs(view.from - span.from) < 1e3 && Math.abs(view.to - span.to) < 1e3;
	const says = app.asOpened ? 'Close-up' : 'Violation';
	if ($('home').textContent !== says) $('home').textContent = says;
	$('range').textContent = `Shown: ${seconds(view.from, fine)} to ${seconds(view.to, fine)} (${lasting(view.to - view.from)}) of ${seconds(picture.end, 1e8)}`;
}

/** fillKeys offers the keys that windows show. */
function fillKeys(app) {
	const keys = [...new Set([...app.picture.clients.keys, ...app.operations.map((op) => op.key).filter(Boolean), ...(app.key ? [app.key] : [])])];
	$('keybox').hidden = keys.length === 0;
	fill($('key'), make('option', {value: '', text: 'all'}), ...keys.slice(0, 2000).map((k) => make('option', {value: k, text: short(k, 60)})));
	$('key').value = app.key;
}

/** metaOf reads what a server tells the page. @param {string} name */
function metaOf(name) {
	const found = document.querySelector(`meta[name="${name}"]`);
	return found ? found.getAttribute('content') || '' : '';
}

/** live makes the page of a run that a server shows, and keeps it up to date. */
async function live(url, events) {
	let app = /** @type {any} */ (null), busy = false, again = false, more = events !== '';
	const refresh = async () => {
		if (busy) return void (again = true);
		busy = true;
		try {
			const response = await fetch(url);
			if (!response.ok) throw new Error(`${url}: ${response.status} ${(await response.text()).slice(0, 300)}`);
			const picture = complete(await response.json());
			if (!app) app = start(picture, more);
			else renew(app, picture);
		} catch (e) {
			fillMissing([`the picture cannot be had now: ${e instanceof Error ? e.message : e}`]);
		}
		busy = false;
		if (again) {
			again = false;
			refresh();
		}
	};
	const connected = (on) => {
		$('live').hidden = !on;
	};
	if (events) {
		const source = new EventSource(events);
		source.onmessage = refresh;
		source.onopen = () => connected(true);
		source.onerror = () => connected(false);
		source.addEventListener('end', () => {
			source.close();
			connected(false);
			more = false;
			if (app) app.live = false;
			refresh();
		});
	}
	await refresh();
}

/** renew shows a later picture of the run; a view that reached its end follows it. */
function renew(app, picture) {
	const {view} = app;
	const had = app.picture.end, whole = view.from <= 0 && view.to >= had, follows = view.to >= had;
	const first = app.picture.proofs.length === 0 && picture.proofs.length > 0;
	const span = view.to - view.from;
	take(app, picture);
	if (first) app.showProof(0);
	else if (whole) view.set(0, picture.end);
	else if (follows) view.set(picture.end - span, picture.end);
	app.relayout();
	keepFocus(app.retell);
	drawLegend(app);
	makePlots(app);
}

/** begin is where all begins. */
function begin() {
	const home = metaOf('home');
	if (home) $('title').after(make('a', {href: home, text: 'all runs'}));
	const url = metaOf('picture');
	if (url) return void live(url, metaOf('events'));
	const data = $('data');
	if (!data) return fillMissing(['this page holds no picture']);
	start(complete(JSON.parse(data.textContent)));
}

begin();
