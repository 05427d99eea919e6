// Keys: everything that the pointer can do.

/** listenKeys makes the picture listen to keys while it has the focus, and / everywhere. */
function listenKeys(app) {
	const does = keysOf(app);
	$('stage').addEventListener('keydown', (e) => {
		if (e.ctrlKey || e.metaKey || e.altKey) return;
		const act = does[e.key];
		if (!act) return;
		e.preventDefault();
		act(e);
	});
	document.addEventListener('keydown', (e) => {
		const typing = e.target instanceof HTMLInputElement || e.target instanceof HTMLSelectElement;
		if (e.key !== '/' || typing || e.ctrlKey || e.metaKey) return;
		e.preventDefault();
		$('search').focus();
	});
	const press = {earlier: 'ArrowLeft', later: 'ArrowRight', in: '+', out: '-', all: '0', messages: 'm', causes: 'w', copy: 'c'};
	for (const [id, key] of Object.entries(press)) $(id).addEventListener('click', () => does[key]({shiftKey: false}));
	$('home').addEventListener('click', () => (app.asOpened ? app.closeUp() : app.showProof(app.proof)));
	$('key').addEventListener('change', () => app.chooseKey($('key').value));
}

/** keysOf is what each key does. */
function keysOf(app) {
	const {view} = app;
	const center = () => (app.cursor !== null && app.cursor >= view.from && app.cursor <= view.to ? app.cursor : undefined);
	const wide = (e) => (e.shiftKey ? 0.9 : 0.2);
	return {
		ArrowLeft: (e) => view.pan(-wide(e)),
		ArrowRight: (e) => view.pan(wide(e)),
		PageUp: () => view.pan(-0.9),
		PageDown: () => view.pan(0.9),
		Home: () => view.pan(-1e9),
		End: () => view.pan(1e9),
		'+': () => view.zoom(0.6, center()),
		'=': () => view.zoom(0.6, center()),
		'-': () => view.zoom(1 / 0.6, center()),
		_: () => view.zoom(1 / 0.6, center()),
		0: () => view.all(),
		ArrowUp: () => chooseLane(app, -1),
		ArrowDown: () => chooseLane(app, 1),
		',': () => step(app, -1),
		'.': () => step(app, 1),
		p: () => stepProof(app),
		v: () => app.picture.proofs.length && app.showProof(app.proof + (app.atProof ? 1 : 0)),
		z: () => app.closeUp(),
		m: () => toggleMessages(app),
		w: () => toggleCauses(app),
		b: () => stepCauses(app),
		c: () => copyView(app),
		n: () => jumpTo(app, app.hit + 1),
		N: () => jumpTo(app, app.hit - 1),
		Escape: () => app.point(null),
	};
}

function chooseLane(app, by) {
	const {lanes} = app.picture;
	app.lane = Math.max(-1, Math.min(lanes.length - 1, app.lane + by));
	if (app.lane < 0) say('all lanes');
	else {
		const lane = lanes[app.lane];
		const stay = stayAt(lane, app.cursor === null ? (app.view.from + app.view.to) / 2 : app.cursor);
		say(stay ? sayStay(lane.member, stay) : `${lane.member}: nothing is known of it then`);
	}
	app.redraw();
}

/** stepProof goes to the next event of the proof, round. */
function stepProof(app) {
	const proof = app.picture.proofs[app.proof];
	if (!proof || proof.events.length === 0) return say('no violation was found');
	app.pointOf = ((app.pointOf === undefined ? -1 : app.pointOf) + 1) % proof.events.length;
	const e = proof.events[app.pointOf];
	app.goTo(e.at);
	say(`proof ${app.pointOf + 1} of ${proof.events.length}, ${seconds(e.at, 1e5)}: ${e.text}`);
}

function toggleMessages(app) {
	if (app.messages.length === 0) return say('no message of an election is recorded near a violation in this run');
	app.arrows = !app.arrows;
	app.showMessages();
	drawLegend(app);
	say(app.arrows ? `${plural(app.messages.length, 'message')} of elections shown: dashed was held, crossed was dropped` : 'messages hidden');
	app.redraw();
}
