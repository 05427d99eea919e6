// The layout says which row of the picture holds what. It depends on the run and on the
// chosen key, not on the view: nothing jumps while one zooms.

const GUTTER = 92; // left of the time axis, for names
const MARGIN = 14; // right of it
const LANE = 46, STRAIN = 14, BAND = 19, BAR = 15;
const MOSTBANDS = 6, MOSTBARS = 24; // rows

/**
 * rowsOf gives each thing a row in which it overlaps nothing before it, if there is one.
 * @template {Span} T
 * @param {T[]} things sorted by from
 * @param {number} most rows
 * @param {(thing: T) => any} [own] things of the same stay in one row if they can
 * @returns {{row: Map<T, number>, rows: number, over: number}} over counts those beyond the rows: they have none
 */
function rowsOf(things, most, own) {
	const until = /** @type {number[]} */ ([]), owner = /** @type {any[]} */ ([]);
	const row = new Map();
	let over = 0;
	for (const thing of things) {
		let free = own ? until.findIndex((t, i) => t <= thing.from && owner[i] === own(thing)) : -1;
		if (free < 0) free = until.findIndex((t) => t <= thing.from);
		if (free < 0 && until.length < most) free = until.push(0) - 1;
		if (free < 0) {
			over++;
			continue;
		}
		until[free] = Math.max(thing.to, thing.from + 1);
		if (own) owner[free] = own(thing);
		row.set(thing, free);
	}
	return {row, rows: until.length, over};
}

/**
 * layoutOf lays out a run.
 * @param {Picture} p @param {Operation[]} ops those to show
 */
function layoutOf(p, ops) {
	const bands = rowsOf(p.bands, MOSTBANDS);
	const bars = rowsOf(ops, MOSTBARS, (op) => op.client);
	const layout = {width: 0, height: 0, axis: 0, phases: 20, faults: 36, proof: 0, lanes: 0, lane: LANE, lanesEnd: 0, bars: 0, barsEnd: 0, bandRow: bands, barRow: bars, laneOf: new Map()};
	let y = layout.faults + Math.max(1, bands.rows) * BAND + 4;
	layout.proof = y;
	y += p.proofs.length > 0 ? 26 : 0;
	layout.lanes = y;
	if (p.lanes.some((lane) => lane.strains.length > 0)) layout.lane += STRAIN;
	p.lanes.forEach((lane, i) => layout.laneOf.set(lane.member, i));
	y += p.lanes.length * layout.lane;
	layout.lanesEnd = y;
	if (p.windows.length > 0) {
		layout.bars = y + 20;
		y = layout.bars + Math.max(1, bars.rows) * BAR + 4;
		layout.barsEnd = y;
	}
	layout.height = y + 2;
	return layout;
}

/** barOf is where the bar of a lane is: its role, not its marks. @param {any} layout @param {number} i */
function barOf(layout, i) {
	return layout.lanes + i * layout.lane + 18;
}
