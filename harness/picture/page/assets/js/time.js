// Times are nanoseconds since the start of the run.

const SECOND = 1e9;

/**
 * seconds writes a moment so that two that are `step` apart differ.
 * @param {number} ns @param {number} [step] in ns
 */
function seconds(ns, step = 1e6) {
	const digits = Math.min(9, Math.max(0, Math.ceil(-Math.log10(step / SECOND) - 1e-9)));
	return (ns / SECOND).toFixed(digits) + ' s';
}

/** roundSeconds writes one of the moments that are whole steps. @param {number} ns @param {number} step */
function roundSeconds(ns, step) {
	let digits = 0;
	while (digits < 9 && Math.abs(step / SECOND * 10 ** digits - Math.round(step / SECOND * 10 ** digits)) > 1e-6) digits++;
	return (ns / SECOND).toFixed(digits) + ' s';
}

/** lasting writes a duration with three digits that count. @param {number} ns */
function lasting(ns) {
	const units = /** @type {[number, string][]} */ ([[SECOND, 's'], [1e6, 'ms'], [1e3, 'µs']]);
	for (const [size, unit] of units) {
		if (ns >= size) {
			const n = ns / size;
			return (n >= 100 ? n.toFixed(0) : n.toFixed(n >= 10 ? 1 : 2)) + ' ' + unit;
		}
	}
	return Math.round(ns) + ' ns';
}

/**
 * parseTime reads 4.2s, 850ms, 1m3.5s, and a bare number as seconds.
 * @param {string} text
 * @returns {number} NaN if it is no time
 */
function parseTime(text) {
	const plain = text.trim();
	if (/^\d+(\.\d+)?$/.test(plain)) return Number(plain) * SECOND;
	if (!/^(\d+(\.\d+)?(h|ms|m|s|us|µs|ns))+$/.test(plain)) return NaN;
	const size = {h: 3600 * SECOND, m: 60 * SECOND, s: SECOND, ms: 1e6, us: 1e3, 'µs': 1e3, ns: 1};
	let sum = 0;
	for (const [, n, , unit] of plain.matchAll(/(\d+(\.\d+)?)(h|ms|m|s|us|µs|ns)/g)) sum += Number(n) * size[unit];
	return sum;
}

/**
 * ticks returns the round moments within a stretch, at most about `most` of them.
 * @param {number} from @param {number} to @param {number} most
 * @returns {{step: number, at: number[]}}
 */
function ticks(from, to, most) {
	const rough = Math.max(1, (to - from) / Math.max(1, most));
	const power = 10 ** Math.floor(Math.log10(rough));
	let step = power * ([1, 2, 5, 10].find((m) => m * power >= rough) || 10);
	if (step > 10 * SECOND) step = [20, 30, 60, 120, 300, 600, 1800, 3600].map((s) => s * SECOND).find((s) => s >= rough) || step;
	const at = [];
	for (let t = Math.ceil(from / step) * step; t <= to; t += step) at.push(t);
	return {step, at};
}
