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

/** inFont sets the font, unless it is set: that costs. */
function inFont(s, size, weight = 400) {
	const font = `${weight} ${size}px ${s.theme.font}`;
	if (s.font === font) return;
	s.c.font = s.font = font;
	s.chars = charsOf(font);
}

/** label writes text that fits into w, cut if need be, or nothing. Returns whether all is there. */
function label(s, text, x, y, w, colour, size = 11, bold = false) {
	if (w < 9 || text === '') return false;
	inFont(s, size, bold ? 600 : 400);
	const fits = fitting(s, text, w);
	if (fits < text.length && fits < 2) return false;
	s.c.fillStyle = colour;
	s.c.fillText(fits < text.length ? text.slice(0, fits) + '…' : text, x, y);
	return fits === text.length;
}

/** fitting is how many characters fit into w, with an ellipsis if not all do. */
function fitting(s, text, w) {
	const dots = charWidth(s, '…');
	let sum = 0, whole = 0;
	for (let i = 0; i < text.length; i++) {
		sum += charWidth(s, text[i]);
		if (sum + dots <= w) whole = i + 1;
		if (sum > w) return whole;
	}
	return text.length;
}

/** widthOf is how wide a text is in the font that is set. */
function widthOf(s, text) {
	let sum = 0;
	for (let i = 0; i < text.length && i < 500; i++) sum += charWidth(s, text[i]);
	return sum;
}

const fonts = new Map();

/** charsOf remembers how wide characters of a font are: to measure them each time takes most of a frame. */
function charsOf(font) {
	let chars = fonts.get(font);
	if (!chars) fonts.set(font, chars = new Map());
	return chars;
}

function charWidth(s, char) {
	let w = s.chars.get(char);
	if (w === undefined) s.chars.set(char, w = s.c.measureText(char).width);
	return w;
}

/** clipped draws within the time axis only. */
function clipped(s, y, h, draw) {
	const {font, chars} = s;
	s.c.save();
	s.c.beginPath();
	s.c.rect(s.left, y, s.right - s.left, h);
	s.c.clip();
	draw();
	s.c.restore();
	[s.font, s.chars] = [font, chars];
}

/** inView is what of a span is seen, in pixels, at least `least` wide; undefined if nothing. */
function inView(s, from, to, least = 1) {
	if (to < s.from || from > s.to) return undefined;
	const x0 = Math.max(s.left, s.x(from)), x1 = Math.min(s.right, s.x(to));
	return {x: x0, w: Math.max(least, x1 - x0)};
}
