// The view is the stretch of time that is seen. All that draws follows it.

const LEAST = 1e5; // the shortest stretch, in ns

/**
 * createView returns the view of a run.
 * @param {() => number} end of the run
 * @param {() => void} changed
 */
function createView(end, changed) {
	const view = {
		from: 0, to: end(),
		/** set shows a stretch, as much of it as there is. */
		set(from, to) {
			const most = end();
			const span = Math.min(most, Math.max(LEAST, to - from));
			const middle = (from + to) / 2;
			view.from = Math.min(Math.max(0, to - from < LEAST ? middle - span / 2 : from), most - span);
			view.to = view.from + span;
			changed();
		},
		/** zoom makes the stretch `factor` as long, with `at` where it is. */
		zoom(factor, at = (view.from + view.to) / 2) {
			const span = Math.min(end(), Math.max(LEAST, (view.to - view.from) * factor));
			const share = (at - view.from) / (view.to - view.from);
			view.set(at - share * span, at + (1 - share) * span);
		},
		/** pan moves by a share of the stretch. */
		pan(share) {
			const by = share * (view.to - view.from);
			view.set(view.from + by, view.to + by);
		},
		/** reveal moves as little as needed to show a moment, and zooms in if it is a small part. */
		reveal(from, to = from) {
			const span = view.to - view.from;
			if (to - from > span) return view.set(from - 0.05 * (to - from), to + 0.05 * (to - from));
			if (from >= view.from + 0.02 * span && to <= view.to - 0.02 * span) return changed();
			const middle = (from + to) / 2;
			return view.set(middle - span / 2, middle + span / 2);
		},
		all() {
			view.set(0, end());
		},
	};
	return view;
}

/**
 * opening is what a page shows first: the events of the first violation and what was
 * around them, most of its window; or all.
 * @param {Picture} p @param {number} which proof
 * @returns {Span}
 */
function opening(p, which) {
	const proof = p.proofs[which];
	if (!proof) return {from: 0, to: p.end};
	const times = proof.events.map((e) => e.at);
	if (times.length === 0) return p.windows[proof.window] || {from: 0, to: p.end};
	const first = Math.min(...times), last = Math.max(...times);
	const margin = Math.max(0.6 * SECOND, Math.min(2 * SECOND, 1.5 * (last - first)), 0.1 * (last - first));
	return {from: Math.max(0, first - margin), to: Math.min(p.end, last + margin)};
}
