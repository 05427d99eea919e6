// The picture, as package picture of the program has it.

/** @typedef {{from: number, to: number}} Span */
/** @typedef {Span & {role: string, term?: number, inc?: number, by?: string, seq: number}} Stay */
/** @typedef {{at: number, seq: number, what: string, term?: number, peer?: string, granted?: boolean, reason?: string, stage?: string, text: string}} Deed */
/** @typedef {Span & {kind: string, step: number}} Strain */
/** @typedef {{member: string, stays: Stay[], deeds: Deed[], strains: Strain[], folded?: number}} Lane */
/** @typedef {Span & {step: number, text: string, kind: string, members: string[], outcome: string, evidence: string, open?: boolean, seq: number}} Band */
/** @typedef {Span & {src: string, dst: string, kind: string, step: number}} Cut */
/** @typedef {{width: number, ok: number[], fail: number[], info: number[], p50: number[], p95: number[], max: number[], least: number[], total: number[], shown: string, keys: string[], others: number}} Clients */
/** @typedef {{at: number, seq: number, member?: string, client: number, text: string}} Point */
/** @typedef {{checker: string, rule: string, events: Point[], sentences: {text: string, event: number}[], window: number}} Proof */
/** @typedef {Span & {client: number, node?: string, key?: string, call: string, answer: string, outcome: string, open?: boolean, seq: number}} Operation */
/** @typedef {{sent: number, delivered: number, src: string, dst: string, class: string, term?: number, granted?: boolean, fate: string, text: string, seq: number}} Message */
/** @typedef {Span & {rule: string, operations: Operation[], messages: Message[], left?: number}} Window */
/** @typedef {{proof: number, events: (Point & {distance: number})[], joins: {src: number, dst: number, how: string}[], left: string, unknown: string[], names: string[]}} Causes */
/** @typedef {{checker: string, verdict: string, summary: string, violations?: any[], unknowns?: string[], told?: string}} Result */
/**
 * @typedef {{format: number, title: string, command?: string, commands: {for: string, line: string}[], versions: string[],
 *   report: {verdict: string, run: any, results: Result[], problem?: string}, missing: string[], end: number, election?: number,
 *   phases: {at: number, text: string}[], lanes: Lane[], bands: Band[], cuts: Cut[], leaderless: Span[], stalls: Span[],
 *   clients: Clients, proofs: Proof[], causes: Causes[], windows: Window[], plan?: string}} Picture
 */

const FORMAT = 2; // picture.Format

/**
 * complete gives every list of a picture that lacks it: the program leaves out, or
 * writes null for, what is empty.
 * @param {any} p
 * @returns {Picture}
 */
function complete(p) {
	lists(p, 'commands', 'versions', 'missing', 'phases', 'lanes', 'bands', 'cuts', 'leaderless', 'stalls', 'proofs', 'causes', 'windows');
	p.clients = p.clients || {};
	lists(p.clients, 'ok', 'fail', 'info', 'p50', 'p95', 'max', 'least', 'keys', 'total');
	p.report = p.report || {};
	lists(p.report, 'results');
	p.report.run = p.report.run || {};
	for (const lane of p.lanes) lists(lane, 'stays', 'deeds', 'strains');
	for (const band of p.bands) lists(band, 'members');
	for (const proof of p.proofs) lists(proof, 'events', 'sentences');
	p.causes = p.causes.filter((c) => p.proofs[c.proof]);
	for (const c of p.causes) {
		lists(c, 'events', 'joins', 'unknown');
		c.names = nameCauses(c, p.proofs[c.proof]);
	}
	for (const w of p.windows) lists(w, 'operations', 'messages');
	if (p.format !== FORMAT) p.missing.unshift(`this page draws pictures of format ${FORMAT}, and this one is of format ${p.format}: some of it may not be shown`);
	p.end = Math.max(1, p.end || 0);
	return p;
}

function lists(object, ...names) {
	for (const name of names) object[name] = object[name] || [];
}

/** operations of all windows, each once, by their beginnings. @param {Picture} p @returns {Operation[]} */
function operations(p) {
	return once(p.windows.map((w) => w.operations)).sort((a, b) => a.from - b.from || a.seq - b.seq);
}

/** messages of all windows, each once. @param {Picture} p @returns {Message[]} */
function messages(p) {
	return once(p.windows.map((w) => w.messages)).sort((a, b) => a.sent - b.sent || a.seq - b.seq);
}

function once(listsOf) {
	const bySeq = new Map();
	for (const list of listsOf) for (const x of list) bySeq.set(x.seq, x);
	return [...bySeq.values()];
}

/** proofKeys are the keys that a proof's operations are about. @param {Proof} proof @param {Operation[]} ops */
function proofKeys(proof, ops) {
	const keys = new Set();
	for (const point of proof.events) {
		const op = operationAt(point, ops);
		if (op && op.key) keys.add(op.key);
	}
	return [...keys];
}

/** operationAt is the operation that a point of a proof begins or ends. @param {Point} point @param {Operation[]} ops */
function operationAt(point, ops) {
	if (!(point.client >= 0)) return undefined;
	return ops.find((op) => op.client === point.client && (op.seq === point.seq || op.from === point.at || (op.to === point.at && !op.open)));
}

/** firstAfter is the index of the first of a sorted list whose value is at least x. */
function firstAfter(list, x, value) {
	let low = 0, high = list.length;
	while (low < high) {
		const middle = (low + high) >> 1;
		if (value(list[middle]) < x) low = middle + 1;
		else high = middle;
	}
	return low;
}
