// A run without a violation: why nobody can tell, or what was tried and judged, and what was not.

/** sayNone is for runs without a violation. */
function sayNone(app, verdict) {
	const {picture} = app;
	const {report} = picture;
	const parts = [];
	if (verdict === 'valid') parts.push(make('h2', {text: 'No rule was broken'}));
	else if (verdict === 'invalid') parts.push(make('h2', {text: 'A rule was broken'}), make('p', {text: 'Its events are not in the report.'}));
	else parts.push(make('h2', {text: app.live ? 'The run is under way' : report.verdict ? 'Nobody can tell' : 'Nobody has judged this run'}));
	if (report.problem) parts.push(make('p', {text: short(report.problem, 4000)}));
	parts.push(...sayDoubts(app), ...sayJudged(report.results));
	parts.push(make('h3', {text: 'What was tried'}), make('ul', {class: 'covered'}, ...covered(picture).map((text) => make('li', {text: short(text, 1000)}))));
	return [...parts, ...sayUnjudged(report.results)];
}

/** sayDoubts are the reasons for which nobody can tell, each a link to the fault that it is about. */
function sayDoubts(app) {
	const {results} = app.picture.report;
	const doubts = results.flatMap((r) => (r.unknowns && r.unknowns.length ? r.unknowns : r.verdict === 'unknown' ? [r.summary || 'it does not say why'] : []).map((u) => ({by: r.checker, text: u})));
	if (doubts.length === 0) return [];
	const items = doubts.slice(0, 20).map(({by, text}) => {
		const step = (text.match(/^fault (\d+)\b/) || [])[1];
		const band = app.picture.bands.find((b) => String(b.step) === step);
		return make('li', {}, `${by}: `, momentLink(app, band && {at: band.from, text}, short(text, 1000)));
	});
	if (doubts.length > 20) items.push(make('li', {text: `and ${doubts.length - 20} more, in the table below`}));
	return [make('h3', {text: 'Why'}), make('ul', {class: 'covered'}, ...items)];
}

/** sayJudged says how many had something to judge, and found it right. @param {Result[]} results */
function sayJudged(results) {
	const valid = results.filter((r) => r.verdict === 'valid').length, idle = results.filter(unjudged).length;
	if (valid + idle === 0) return [];
	return [make('p', {text: `${plural(valid, 'checker')} found nothing wrong${idle ? `, ${idle.toLocaleString('en')} had nothing to judge` : ''}.`})];
}

/** @param {Result} r */
function unjudged(r) {
	return r.verdict === 'not checked';
}

/** sayUnjudged lists what nobody judged, by reason. @param {Result[]} results */
function sayUnjudged(results) {
	const why = new Map();
	for (const r of results.filter(unjudged)) {
		const reason = whyNot(r);
		why.set(reason, [...(why.get(reason) || []), r.checker]);
	}
	if (why.size === 0) return [];
	return [make('h3', {text: 'What was not judged'}), make('ul', {class: 'covered'}, ...[...why].map(([reason, names]) => make('li', {text: short(`${names.join(', ')}: ${reason}`, 1000)})))];
}

/** whyNot is why a checker had nothing to judge. @param {Result} r */
function whyNot(r) {
	return (r.summary || '').replace(/^not checked: /, '');
}

/** covered says what the run went through, a sentence each. @param {Picture} picture */
function covered(picture) {
	const {bands, report, stalls, end} = picture;
	const lines = [countLeaders(picture)];
	const kinds = new Map();
	for (const b of bands.filter(bit)) kinds.set(b.kind, (kinds.get(b.kind) || 0) + 1);
	const names = [...kinds].map(([kind, n]) => (n > 1 ? `${kind} ${n} times` : kind)).join(', ');
	lines.push(bands.length ? `${bands.filter(bit).length} of ${plural(bands.length, 'fault')} bit${names ? `: ${names}` : ''}` : 'no fault was injected');
	for (const r of report.results) if (r.verdict === 'valid' && (r.checker === 'coverage' || r.checker === 'availability') && r.summary) lines.push(`${r.checker}: ${r.summary}`);
	const stalled = stalls.reduce((sum, s) => sum + s.to - s.from, 0);
	if (stalled > 0.02 * end) lines.push(`the harness did not get the processor for ${lasting(stalled)} of ${lasting(end)}: what was late meanwhile is excused, and less may have been tried than it seems`);
	return lines;
}

/** @param {Band} band */
function bit(band) {
	return band.outcome === 'bit';
}

/** countLeaders says how often somebody came to lead, and by whose word. @param {Picture} picture */
function countLeaders(picture) {
	const leads = picture.lanes.map((lane) => lane.stays.filter((s, i) => s.role === 'leader' && !(i > 0 && lane.stays[i - 1].role === 'leader' && lane.stays[i - 1].term === s.term)).length);
	const sum = leads.reduce((a, b) => a + b, 0);
	if (sum === 0) return 'nothing told of a leader';
	const longest = picture.leaderless.reduce((most, s) => Math.max(most, s.to - s.from), 0);
	return `${plural(leads.filter(Boolean).length, 'member')} led, ${plural(sum, 'time')} in all, ${byWhom(picture)}${longest ? `; the longest time without a leader was ${lasting(longest)}` : ''}`;
}

/** byWhom says whose word roles and terms are: one for the whole run. @param {Picture} picture */
function byWhom(picture) {
	const by = picture.lanes.flatMap((lane) => lane.stays).map((s) => s.by).find(Boolean);
	const words = {trace: 'by the members’ traces', tap: 'by what the wire shows', 'said by itself': 'by what members said of themselves'};
	return by ? words[by] || `by ${printable(by)}` : 'nobody says by whose word';
}
