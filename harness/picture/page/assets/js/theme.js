// Colours come from the style, patterns are made here: roles differ by height and
// pattern too, so that they can be told apart without colours.

/**
 * readTheme reads the colours of the style as it is now: light, dark or for print.
 * @returns {Object<string, any>}
 */
function readTheme() {
	const style = getComputedStyle(document.documentElement);
	const theme = {};
	const names = ['bg', 'panel', 'ink', 'soft', 'line', 'grid', 'on', 'leader', 'follower', 'candidate', 'learner', 'unknown', 'down', 'paused', 'fault',
		'faultline', 'leaderless', 'leaderlessline', 'stall', 'ok', 'fail', 'info', 'mid', 'proof', 'focus'];
	for (const name of names) theme[name] = style.getPropertyValue('--' + name).trim();
	theme.font = getComputedStyle(document.body).fontFamily;
	theme.patterns = {
		candidate: pattern(8, theme.candidate, theme.ink, (c) => line(c, [[-2, 6], [6, -2]], [[2, 10], [10, 2]])),
		learner: pattern(6, theme.learner, theme.ink, (c) => c.fillRect(2, 2, 1.6, 1.6)),
		paused: pattern(7, theme.paused, theme.ink, (c) => line(c, [[3.5, 0], [3.5, 7]])),
		unknown: pattern(10, theme.unknown, theme.soft, (c) => c.fillRect(4, 4, 1, 1)),
		leaderless: pattern(8, 'transparent', theme.leaderlessline, (c) => line(c, [[-2, 2], [2, -2]], [[-2, 10], [10, -2]], [[6, 10], [10, 6]])),
		stall: pattern(6, theme.stall, theme.soft, (c) => line(c, [[0, 3], [6, 3]], [[3, 0], [3, 6]])),
	};
	return theme;
}

/** pattern makes a tile that fills an area. */
function pattern(size, ground, ink, draw) {
	const tile = document.createElement('canvas');
	const ratio = pixelRatio();
	tile.width = tile.height = size * ratio;
	const c = /** @type {CanvasRenderingContext2D} */ (tile.getContext('2d'));
	c.scale(ratio, ratio);
	if (ground !== 'transparent') {
		c.fillStyle = ground;
		c.fillRect(0, 0, size, size);
	}
	c.strokeStyle = c.fillStyle = ink;
	c.lineWidth = 1;
	draw(c);
	const made = /** @type {CanvasPattern} */ (c.createPattern(tile, 'repeat'));
	made.setTransform(new DOMMatrix([1 / ratio, 0, 0, 1 / ratio, 0, 0]));
	return made;
}

function line(c, ...lines) {
	c.beginPath();
	for (const [[x0, y0], [x1, y1]] of lines) {
		c.moveTo(x0, y0);
		c.lineTo(x1, y1);
	}
	c.stroke();
}

const PAPER = 700; // pixels

/** unfold opens for paper what is short, and closes it again. @param {boolean} on */
function unfold(on) {
	for (const details of document.querySelectorAll('#tables details:not(.lazy)')) {
		if (!(details instanceof HTMLDetailsElement)) continue;
		if (on) details.dataset.was = String(details.open);
		details.open = on || details.dataset.was === 'true';
	}
}

/** listenPrint redraws for paper, and back. */
function listenPrint(app) {
	const print = (on) => {
		if (on === app.prints) return;
		app.prints = on;
		document.documentElement.toggleAttribute('data-print', on);
		unfold(on);
		app.restyle();
	};
	window.addEventListener('beforeprint', () => print(true));
	window.addEventListener('afterprint', () => print(false));
	matchMedia('print').addEventListener('change', (e) => print(e.matches));
	matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => app.restyle());
}
