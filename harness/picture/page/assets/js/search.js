// Search: what is typed is looked for in all that the picture shows; Enter jumps on.

/** searchFor looks for a query and jumps to the first hit at or after the view's beginning. */
function searchFor(app, query) {
	// What half a word found has moved the view: look from where the search began.
	if (app.query.trim() === '') app.searchedFrom = app.view.from;
	app.query = query;
	if (query.trim() === '') {
		app.hits = [];
		app.hit = -1;
		$('hits').textContent = '';
		return app.redraw();
	}
	app.hits = app.items().filter(matcher(query));
	app.hit = -1;
	if (app.hits.length === 0) {
		$('hits').textContent = 'nothing found';
		return app.redraw();
	}
	const next = firstAfter(app.hits, app.searchedFrom, (item) => item.at);
	jumpTo(app, next === app.hits.length ? 0 : next);
}

/** jumpTo shows a hit, counted round. */
function jumpTo(app, n) {
	if (app.hits.length === 0) return;
	app.hit = (n + app.hits.length) % app.hits.length;
	const item = app.hits[app.hit];
	$('hits').textContent = `${app.hit + 1} of ${app.hits.length.toLocaleString('en')}`;
	if (item.key && app.key !== '' && app.key !== item.key) app.chooseKey(item.key);
	app.goTo(item.at);
	say(`${seconds(item.at, 1e5)}  ${item.text}`);
}

/** listenSearch makes the box do so. */
function listenSearch(app) {
	const box = $('search');
	let waiting = 0;
	box.addEventListener('input', () => {
		clearTimeout(waiting);
		waiting = setTimeout(() => searchFor(app, box.value), 150);
	});
	box.addEventListener('keydown', (e) => {
		if (e.key === 'Escape') {
			box.value = '';
			searchFor(app, '');
			$('stage').focus();
		}
		if (e.key !== 'Enter') return;
		e.preventDefault();
		clearTimeout(waiting);
		if (box.value !== app.query || app.hit < 0) searchFor(app, box.value);
		else jumpTo(app, app.hit + (e.shiftKey ? -1 : 1));
	});
}

/** step goes to the next or previous event of the chosen lane, or of all there is. */
function step(app, by) {
	const member = app.lane >= 0 ? app.picture.lanes[app.lane].member : '';
	const list = app.items().filter((item) => (item.kind !== 'cause' || app.led && item.of === causesOf(app)) && (!member || !/^(operation|message)/.test(item.kind) && item.member.split(' ').includes(member)));
	if (list.length === 0) return;
	// Many may share a moment: go on from the one that was last told.
	let i = app.stepped ? list.indexOf(app.stepped) : -1;
	if (i < 0 || app.stepped.at !== app.cursor) {
		const at = app.cursor === null ? app.view.from : app.cursor;
		i = by > 0 ? firstAfter(list, at, (item) => item.at) : firstAfter(list, at + 1, (item) => item.at) - 1;
	} else i += by;
	if (i < 0 || i >= list.length) return say(by > 0 ? 'nothing later' : 'nothing earlier');
	app.stepped = list[i];
	app.goTo(list[i].at);
	say(`${seconds(list[i].at, 1e5)}  ${list[i].text}`);
}
