// Items are all that the picture shows, as one list in time: what is searched, walked
// through by keys, read aloud and copied.

/** @typedef {{at: number, to: number, kind: string, member: string, term?: number, key?: string, text: string, seq: number, of?: any}} Item */

/** items lists them. @param {Picture} p @returns {Item[]} */
function itemsOf(p) {
	const all = /** @type {Item[]} */ ([]);
	const add = (at, to, kind, member, text, more) => all.push({at, to, kind, member: member || '', text: printable(text), seq: 0, ...more});
	for (const m of p.phases) add(m.at, m.at, 'phase', '', m.text);
	for (const s of p.leaderless) add(s.from, s.to, 'no leader', '', `nobody was known to lead for ${lasting(s.to - s.from)}`);
	for (const s of p.stalls) add(s.from, s.to, 'stall', '', `the harness did not get the processor for ${lasting(s.to - s.from)}`);
	for (const b of p.bands) add(b.from, b.to, 'fault ' + b.kind, b.members.join(' '), sayBand(b), {seq: b.seq, of: b});
	for (const c of p.cuts) add(c.from, c.to, 'link', `${c.src} ${c.dst}`, `link ${c.src} → ${c.dst}: ${c.kind}`, {of: c});
	for (const lane of p.lanes) {
		for (const s of lane.stays) add(s.from, s.to, s.role, lane.member, sayStay(lane.member, s), {term: s.term, seq: s.seq, of: s});
		for (const d of lane.deeds) add(d.at, d.at, d.what, lane.member, sayDeed(lane.member, d), {term: d.term, seq: d.seq, of: d});
	}
	for (const op of operations(p)) add(op.from, op.to, 'operation ' + op.outcome, op.node, sayOperation(op), {key: op.key, seq: op.seq, of: op});
	for (const m of messages(p)) add(m.sent, m.delivered < 0 ? m.sent : m.delivered, 'message ' + m.class, `${m.src} ${m.dst}`, sayMessage(m), {term: m.term, seq: m.seq, of: m});
	p.proofs.forEach((proof) => proof.events.forEach((e, i) => add(e.at, e.at, 'proof', e.member, `proof ${i + 1} of “${proof.rule}”: ${e.text}`, {seq: e.seq, of: e})));
	for (const c of p.causes) {
		const what = p.causes.length > 1 ? `violation ${c.proof + 1}` : 'it';
		c.events.forEach((e, i) => e.distance > 0 && add(e.at, e.at, 'cause', e.member, `led to ${what}, ${sayCause(c, i)}`, {seq: e.seq, of: c}));
	}
	return all.sort((a, b) => a.at - b.at || a.seq - b.seq);
}

const ROLES = {unknown: 'up', follower: 'follower', candidate: 'candidate', leader: 'leader', learner: 'learner', down: 'down', paused: 'paused', removed: 'removed'};

/** @param {string} member @param {Stay} s */
function sayStay(member, s) {
	const term = s.term ? `, term ${s.term}` : '';
	const by = s.by ? ` (by ${s.by})` : '';
	return `${member}: ${s.role === 'unknown' ? 'up, nothing tells its role' : ROLES[s.role] || s.role}${term}${by}, for ${lasting(s.to - s.from)}`;
}

/** @param {string} member @param {Deed} d */
function sayDeed(member, d) {
	const text = d.text || [d.what, d.peer].filter(Boolean).join(' ');
	const extra = [];
	if (d.term && !/\bterm\b/.test(text)) extra.push(`term ${d.term}`);
	if (/vote/.test(d.what) && d.stage !== 'sent' && !/grant|refus/.test(text)) extra.push(d.granted ? 'granted' : 'refused');
	if (d.reason && !text.includes(d.reason)) extra.push(d.reason);
	return `${member}: ${text}${extra.length ? ` (${extra.join(', ')})` : ''}`;
}

/** @param {Band} b */
function sayBand(b) {
	const evidence = b.evidence ? `; ${b.evidence}` : '';
	return `${b.text}: ${b.outcome || 'no outcome recorded'}${evidence}${b.open ? '; not healed in this history' : ''}`;
}

/** @param {Operation} op */
function sayOperation(op) {
	const key = op.key && !op.call.includes(op.key) ? ` on ${op.key}` : '';
	const took = op.open ? 'it has no end in the history' : `after ${lasting(op.to - op.from)}`;
	return `client ${op.client}${op.node ? ' to ' + op.node : ''}: ${op.call}${key} → ${op.answer || op.outcome} (${op.outcome}, ${took})`;
}

/** @param {Message} m */
function sayMessage(m) {
	const text = m.text || `${m.class}${m.term ? ` of term ${m.term}` : ''}`;
	const fate = m.delivered >= 0 ? `delivered after ${lasting(m.delivered - m.sent)}` : m.fate || 'never delivered';
	return `${m.src} → ${m.dst}: ${text}: ${m.fate && m.fate !== 'delivered' && m.delivered >= 0 ? m.fate + ', ' : ''}${fate}`;
}

/**
 * matcher reads a search: words that must all be there; "term 5", "key x", "kind vote"
 * and "member n1" (also with a colon) ask for just that.
 * @param {string} query
 * @returns {(item: Item) => boolean}
 */
function matcher(query) {
	const tests = [];
	const words = query.trim().split(/\s+/).filter(Boolean);
	for (let i = 0; i < words.length; i++) {
		let [, field, value] = words[i].match(/^(term|key|kind|member):(.*)$/i) || [];
		if (!field && /^(term|key|kind|member)$/i.test(words[i]) && i + 1 < words.length) [field, value] = [words[i], words[++i]];
		tests.push(field ? asked(field.toLowerCase(), value) : anywhere(words[i].toLowerCase()));
	}
	return (item) => tests.every((test) => test(item));
}

function asked(field, value) {
	const low = value.toLowerCase();
	if (field === 'term') return (item) => String(item.term) === value || (!item.term && new RegExp('\\bterm ' + value.replace(/\W/g, '') + '\\b').test(item.text));
	if (field === 'key') return (item) => item.key === value;
	if (field === 'member') return (item) => item.member.split(' ').includes(value);
	return (item) => item.kind.toLowerCase().includes(low);
}

function anywhere(word) {
	return (item) => item.key === word || item.kind.includes(word) || item.member.split(' ').includes(word) || item.text.toLowerCase().includes(word);
}
