// The pointer: the wheel zooms, dragging pans, with Shift it chooses a stretch, and
// what is under it is told.

/**
 * pointers makes an element part of the time axis.
 * @param {any} app @param {HTMLElement} element @param {number} left where its time axis begins, in its pixels
 */
function pointers(app, element, left) {
	const at = (e) => app.view.from + (e.clientX - element.getBoundingClientRect().left - left) / (app.width - GUTTER - MARGIN) * (app.view.to - app.view.from);
	let drag = /** @type {any} */ (null);
	element.addEventListener('wheel', (e) => {
		e.preventDefault();
		if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) app.view.pan(e.deltaX / 800);
		else app.view.zoom(Math.exp(Math.max(-1, Math.min(1, e.deltaY / 300))), Math.min(app.view.to, Math.max(app.view.from, at(e))));
	}, {passive: false});
	element.addEventListener('pointerdown', (e) => {
		if (e.button !== 0) return;
		drag = {x: e.clientX, from: app.view.from, to: app.view.to, at: at(e), chooses: e.shiftKey, far: false};
		element.setPointerCapture(e.pointerId);
	});
	element.addEventListener('pointermove', (e) => {
		if (drag && Math.abs(e.clientX - drag.x) > 3) drag.far = true;
		if (drag && drag.far && !drag.chooses) {
			const by = (drag.x - e.clientX) / (app.width - GUTTER - MARGIN) * (drag.to - drag.from);
			app.view.set(drag.from + by, drag.to + by);
			$('stage').classList.add('drags');
		}
		app.point(at(e));
		if (element.id === 'stage') tell(app, e);
	});
	const end = (e) => {
		if (drag && drag.far && drag.chooses && e.type === 'pointerup') app.view.set(Math.min(drag.at, at(e)), Math.max(drag.at, at(e)));
		if (drag && !drag.far && element.id === 'stage') choose(app, e);
		drag = null;
		$('stage').classList.remove('drags');
	};
	element.addEventListener('pointerup', end);
	element.addEventListener('pointercancel', end);
	element.addEventListener('pointerleave', () => {
		$('tip').hidden = true;
	});
	element.addEventListener('dblclick', (e) => app.view.zoom(0.4, at(e)));
}

/** tell shows what is under the pointer. */
function tell(app, e) {
	const box = $('stage').getBoundingClientRect();
	const x = e.clientX - box.left, y = e.clientY - box.top;
	const says = under(app, x, y);
	const tip = $('tip');
	tip.hidden = says.length === 0;
	if (says.length === 0) return;
	tip.textContent = says.map((text) => printable(short(text, 600))).join('\n');
	const w = tip.offsetWidth, h = tip.offsetHeight;
	tip.style.left = Math.max(0, Math.min(x + 14, app.width - w - 4)) + 'px';
	tip.style.top = (y + 16 + h > app.layout.height ? Math.max(0, y - h - 10) : y + 16) + 'px';
}

/** choose makes a click say what is there, and choose the lane. */
function choose(app, e) {
	const box = $('stage').getBoundingClientRect();
	const y = e.clientY - box.top;
	const lane = Math.floor((y - app.layout.lanes) / app.layout.lane);
	app.lane = lane >= 0 && lane < app.picture.lanes.length ? lane : -1;
	const says = under(app, e.clientX - box.left, y);
	if (says.length) say(says.join(' · '));
	app.redraw();
}

/** listenOverview makes the overview choose the view: a click moves it, dragging chooses a stretch. */
function listenOverview(app) {
	const canvas = $('overview');
	const at = (e) => (e.clientX - canvas.getBoundingClientRect().left - GUTTER) / (app.width - GUTTER - MARGIN) * app.picture.end;
	let begun = /** @type {number|null} */ (null), x = 0;
	canvas.addEventListener('pointerdown', (e) => {
		[begun, x] = [at(e), e.clientX];
		canvas.setPointerCapture(e.pointerId);
	});
	canvas.addEventListener('pointermove', (e) => {
		if (begun !== null && Math.abs(e.clientX - x) > 4) app.view.set(Math.min(begun, at(e)), Math.max(begun, at(e)));
	});
	canvas.addEventListener('pointerup', (e) => {
		const half = (app.view.to - app.view.from) / 2;
		if (begun !== null && Math.abs(e.clientX - x) <= 4) app.view.set(at(e) - half, at(e) + half);
		begun = null;
	});
}
