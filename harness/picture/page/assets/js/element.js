// What the page is built of. Text of runs enters it here only, as text: whatever it
// says, it is shown.

/** @param {string} id @returns {any} the element of page.html with this id */
function $(id) {
	return document.getElementById(id);
}

/**
 * make returns a new element.
 * @param {string} tag
 * @param {Object<string, any>} [with_] attributes; on… are listeners, text is the text
 * @param {...(Node|string|null|undefined)} children strings become text
 * @returns {any}
 */
function make(tag, with_ = {}, ...children) {
	const e = document.createElement(tag);
	for (const [name, value] of Object.entries(with_)) {
		if (value === null || value === undefined || value === false) continue;
		if (name === 'text') e.textContent = printable(value);
		else if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
		else e.setAttribute(name, value === true ? '' : String(value));
	}
	for (const child of children) {
		if (child === null || child === undefined) continue;
		e.append(typeof child === 'string' ? printable(child) : child);
	}
	return e;
}

/** fill replaces what an element holds. @param {Element} e @param {...(Node|string|null)} children */
function fill(e, ...children) {
	e.replaceChildren(...children.filter((c) => c !== null && c !== undefined).map((c) => (typeof c === 'string' ? printable(c) : c)));
}

/**
 * printable shows control characters, and what turns the direction of text, as
 * symbols. Newlines and tabs stay.
 * @param {any} text
 */
function printable(text) {
	return String(text).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g, (c) => {
		const n = c.charCodeAt(0);
		if (n < 0x20) return String.fromCharCode(0x2400 + n);
		return n === 0x7f ? '\u2421' : '\\u' + n.toString(16).padStart(4, '0');
	});
}

/** short cuts a text for a label or a line. @param {string} text @param {number} most */
function short(text, most) {
	return text.length <= most ? text : text.slice(0, most - 1) + '…';
}

/** button returns a button. @param {string} text @param {() => void} click @param {string} [label] what it says to those who do not see it */
function button(text, click, label) {
	return make('button', {type: 'button', onclick: click, 'aria-label': label, text});
}

/** plural says how many. @param {number} n @param {string} one @param {string} [many] */
function plural(n, one, many = one + 's') {
	return n.toLocaleString('en') + ' ' + (n === 1 ? one : many);
}

/** keepFocus builds a part of the page anew: what had the focus there has it again. @param {() => void} build */
function keepFocus(build) {
	const had = document.activeElement;
	const named = had instanceof HTMLElement ? had.getAttribute('aria-label') : null;
	build();
	if (!named || (had && had.isConnected)) return;
	const again = [...document.querySelectorAll('[aria-label]')].find((e) => e.getAttribute('aria-label') === named);
	if (again instanceof HTMLElement) again.focus();
}
