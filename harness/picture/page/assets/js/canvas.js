// Drawing on a canvas.

/** pixelRatio is how many pixels of the screen one of the style is. */
function pixelRatio() {
	return Math.min(3, Math.max(1, window.devicePixelRatio || 1));
}

/**
 * prepare makes a canvas as large as asked, empty.
 * @param {HTMLCanvasElement} canvas @param {number} width @param {number} height
 * @returns {CanvasRenderingContext2D}
 */
function prepare(canvas, width, height) {
	const ratio = pixelRatio();
	const w = Math.round(width * ratio), h = Math.round(height * ratio);
	if (canvas.width !== w || canvas.height !== h) {
		canvas.width = w;
		canvas.height = h;
	}
	canvas.style.width = width + 'px';
	canvas.style.height = height + 'px';
	const c = /** @type {CanvasRenderingContext2D} */ (canvas.getContext('2d'));
	c.setTransform(ratio, 0, 0, ratio, 0, 0);
	c.clearRect(0, 0, width, height);
	c.textBaseline = 'middle';
	return c;
}

/**
 * sceneOf is what is drawn on: a context, the theme, and where times are. What is drawn
 * is told by hit, so that a pointer finds it.
 */
function sceneOf(app, c, width, from, to) {
	const scale = (width - GUTTER - MARGIN) / (to - from);
	const touched = /** @type {{x: number, y: number, w: number, h: number, says: () => string[], go?: any}[]} */ ([]);
	return {
		c, app, width, from, to, scale, touched,
		theme: app.theme, layout: app.layout, left: GUTTER, right: width - MARGIN,
		x: (t) => GUTTER + (t - from) * scale,
		/** hit says that something is drawn there. */
		hit: (x, y, w, h, says, go) => touched.push({x, y, w, h, says, go}),
	};
}

/** label writes text that fits into w, cut if need be, or nothing. Returns whether all is there. */
function label(s, text, x, y, w, colour, size = 11, bold = false) {
	s.c.font = `${bold ? '600 ' : ''}${size}px ${s.theme.font}`;
	let width = widthOf(s.c, text);
	const whole = text;
	while (width > w && text.length > 2) {
		text = text.slice(0, Math.max(1, Math.min(text.length - 2, Math.floor(text.length * w / width) - 1))) + '…';
		width = widthOf(s.c, text);
	}
	if (width > w || (text.length < 3 && text !== whole)) return false;
	s.c.fillStyle = colour;
	s.c.fillText(text, x, y);
	return text === whole;
}

const widths = new Map();

/** widthOf measures a text once. @param {CanvasRenderingContext2D} c @param {string} text */
function widthOf(c, text) {
	if (text.length > 400) return Infinity;
	const key = c.font + '\n' + text;
	let w = widths.get(key);
	if (w === undefined) {
		if (widths.size > 5000) widths.clear();
		w = c.measureText(text).width;
		widths.set(key, w);
	}
	return w;
}

/** clipped draws within the time axis only. */
function clipped(s, y, h, draw) {
	s.c.save();
	s.c.beginPath();
	s.c.rect(s.left, y, s.right - s.left, h);
	s.c.clip();
	draw();
	s.c.restore();
}

/** inView is what of a span is seen, in pixels, at least `least` wide; undefined if nothing. */
function inView(s, from, to, least = 1) {
	if (to < s.from || from > s.to) return undefined;
	const x0 = Math.max(s.left, s.x(from)), x1 = Math.min(s.right, s.x(to));
	return {x: x0, w: Math.max(least, x1 - x0)};
}
