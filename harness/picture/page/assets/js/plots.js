// Rate and latency, on the same time axis as the lanes, by uPlot.

const PLOT = 140; // pixels high

/** makePlots makes the two plots; they follow the view by followPlots. */
function makePlots(app) {
	for (const plot of app.plots || []) plot.destroy();
	fill($('rate'), make('h3', {text: 'Completions a second'}));
	fill($('latency'), make('h3', {text: 'Latency of what succeeded'}));
	const {clients} = app.picture;
	const columns = Math.max(clients.ok.length, clients.fail.length, clients.info.length);
	if (columns === 0) {
		$('rate').append(make('p', {text: 'No client completed an operation.'}));
		app.plots = [];
		return;
	}
	const x = Array.from({length: columns}, (_, i) => (i + 0.5) * clients.width / SECOND);
	const each = (list) => x.map((_, i) => (list[i] || 0) * SECOND / clients.width);
	const ms = (list) => x.map((_, i) => (list[i] > 0 ? list[i] / 1e6 : null));
	app.plots = [
		plotOf(app, 'rate', [x, each(clients.ok), each(clients.fail), each(clients.info)], [['ok', 'ok', []], ['fail', 'fail', [4, 3]], ['info (no answer)', 'info', [1, 3]]], '/s', false),
		plotOf(app, 'latency', [x, ms(clients.max), ms(clients.p95), ms(clients.p50)], [['max', 'proof', [1, 2]], ['p95', 'mid', [4, 3]], ['p50', 'ok', []]], 'ms', true),
	];
	listen(app);
}

/** plotOf makes one. Lines differ by their dashes as well. */
function plotOf(app, id, data, lines, unit, logarithmic) {
	let top = 0, bottom = Infinity;
	for (const list of data.slice(1)) for (const v of list) {
		if (v !== null && v > top) top = v;
		if (v !== null && v > 0 && v < bottom) bottom = v;
	}
	const range = logarithmic ? [10 ** Math.floor(Math.log10(Math.min(bottom, top) || 1)), 10 ** Math.ceil(Math.log10((top || 1) * 1.001))] : [0, (top || 1) * 1.05];
	const colour = (name) => () => app.theme[name];
	const axis = {stroke: colour('soft'), grid: {stroke: colour('grid'), width: 1}, ticks: {stroke: colour('grid'), width: 1}, font: `11px ${app.theme.font}`};
	const plot = new uPlot({
		width: app.width, height: PLOT, padding: [6, MARGIN, 0, 0],
		cursor: {drag: {x: false, y: false, setScale: false}, points: {show: false}, y: false},
		select: {show: false, left: 0, top: 0, width: 0, height: 0},
		scales: {x: {time: false, range: () => [app.view.from / SECOND, app.view.to / SECOND]}, y: {distr: logarithmic ? 3 : 1, range: () => range}},
		axes: [
			{...axis, size: 30, gap: 2, space: 90, values: (u, at) => at.map((t) => roundSeconds(t * SECOND, at.length > 1 ? (at[1] - at[0]) * SECOND : 1e6))},
			{...axis, size: GUTTER, space: 24, values: (u, at) => at.map((v) => (v === null ? '' : `${v >= 1 || v === 0 ? v.toLocaleString('en') : v} ${unit}`))},
		],
		series: [
			{label: 'at', value: (u, t) => (t === null || t === undefined ? '–' : seconds(t * SECOND, 1e7))},
			...lines.map(([name, ink, dash], i) => ({label: name, stroke: colour(ink), width: 1.5, dash, dashes: dash, points: {show: true, size: 4, fill: colour(ink), filter: () => alone(data[i + 1])}, value: (u, v) => (v === null || v === undefined ? '–' : `${Number(v.toPrecision(3)).toLocaleString('en')} ${unit}`)})),
		],
	}, data, $(id));
	return plot;
}

/** alone are the columns that no line can show: those beside them are empty. @param {(number|null)[]} list */
function alone(list) {
	const out = [];
	list.forEach((v, i) => {
		if (v !== null && (i === 0 || list[i - 1] === null) && (i + 1 === list.length || list[i + 1] === null)) out.push(i);
	});
	return out;
}

/** followPlots redraws the plots if the view or their size changed. */
function followPlots(app) {
	// Dashes cost: a line of a thousand pixels between two columns is a thousand of them, and
	// where columns are narrower than a dash nobody sees any.
	const column = app.picture.clients.width / (app.view.to - app.view.from) * (app.width - GUTTER - MARGIN);
	const dashed = column > 1.5 && column < app.width;
	for (const plot of app.plots) {
		plot.series.forEach((series) => {
			series.dash = dashed && series.dashes ? series.dashes : [];
			series.width = column > 1.5 ? 1.5 : 1;
		});
		if (plot.width !== app.width) plot.setSize({width: app.width, height: PLOT});
		else plot.setScale('x', {min: app.view.from / SECOND, max: app.view.to / SECOND});
	}
}

/** pointPlots moves the plots' cursor to the page's. */
function pointPlots(app) {
	for (const plot of app.plots) {
		if (app.cursor === null || app.cursor < app.view.from || app.cursor > app.view.to) plot.setCursor({left: -10, top: -10}, false);
		else plot.setCursor({left: (app.cursor - app.view.from) / (app.view.to - app.view.from) * (app.width - GUTTER - MARGIN), top: 5}, false);
	}
}

/** listen lets the pointer do in the plots what it does in the lanes. */
function listen(app) {
	for (const plot of app.plots) pointers(app, plot.over, 0);
}
