"use strict";

// Plotly reads some tags in names: what it is given to draw is escaped first. All other text is set as text.
const inert = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

async function decompressed(id) {
  const bytes = Uint8Array.from(atob(document.getElementById(id).textContent), (letter) => letter.charCodeAt(0));
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

function theme() {
  const style = getComputedStyle(document.documentElement);
  const [ink, paper, grid, faint] = ["--ink", "--paper", "--grid", "--faint"].map((name) => style.getPropertyValue(name).trim());
  return { ink, paper, grid, faint };
}

const CONFIG = { responsive: true, displaylogo: false, modeBarButtonsToRemove: ["lasso2d", "select2d", "autoScale2d"] };

function layout(more) {
  const { ink, grid } = theme();
  const axis = { gridcolor: grid, zerolinecolor: grid, linecolor: grid, automargin: true };
  const axes = Object.fromEntries(Object.entries(more).filter(([name]) => /^[xy]axis/.test(name)).map(([name, own]) => [name, { ...axis, ...own }]));
  return {
    margin: { l: 60, r: 90, t: 40, b: 50 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
    font: { color: ink, size: 12 }, legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom" }, hovermode: "closest",
    uirevision: "kept", ...more, ...axes,
  };
}

function faded(color, opacity) {
  const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16));
  return `rgba(${r},${g},${b},${opacity})`;
}

// The bands of the regimes, shaded along one axis.
function bands(colors, [upper, lower], along, [bottom, top]) {
  const across = along === "y" ? "x" : "y";
  const edges = { disordered: [bottom, lower], critical: [lower, upper], ordered: [upper, top] };
  const shown = Object.entries(edges).map(([name, [from, to]]) => [name, Math.max(from, bottom), Math.min(to, top)]).filter(([, from, to]) => from < to);
  const shapes = shown.map(([name, from, to]) => ({
    type: "rect", layer: "below", line: { width: 0 }, fillcolor: faded(colors.bands[name], 0.08),
    [`${across}ref`]: `${across === "x" ? "x" : "y"} domain`, [`${across}0`]: 0, [`${across}1`]: 1, [`${along}ref`]: along, [`${along}0`]: from, [`${along}1`]: to,
  }));
  const annotations = shown.map(([name, from, to]) => ({
    text: name, showarrow: false, font: { color: theme().faint, size: 11 }, [`${along}ref`]: along, [along]: (from + to) / 2,
    ...(along === "y" ? { xref: "x domain", x: 1.01, xanchor: "left" } : { yref: "y domain", y: 1.01, yanchor: "bottom" }),
  }));
  return { shapes, annotations };
}

// The lowest and highest α that is drawn, with a margin; at least 0.4 to 1.6.
function reach(runs, more = []) {
  const known = runs.flatMap((run) => run.windows.flatMap((each) => each.alpha.slice(2))).concat(more).filter((value) => value !== null);
  return [Math.min(0.4, ...known.map((value) => value - 0.1)), Math.max(1.6, ...known.map((value) => value + 0.1))];
}

const last = (each) => each.steps[1];
const distance = (from, to) => (from === null || to === null ? 0 : Math.abs(to - from));

function alphaTrace(run, more) {
  const [alpha, low, high] = [1, 2, 3].map((part) => run.windows.map((each) => each.alpha[part]));
  return {
    x: run.windows.map(last), y: alpha, mode: "lines+markers", name: `α, ${run.confidence}`, text: run.windows.map((each) => inert(each.verdict)),
    error_y: { type: "data", symmetric: false, array: high.map((value, i) => distance(alpha[i], value)), arrayminus: low.map((value, i) => distance(alpha[i], value)), thickness: 1, width: 2 },
    hovertemplate: "step %{x:,}<br>%{text}<extra></extra>", marker: { size: 5 }, line: { width: 1.2 }, ...more,
  };
}

function nullTraces(run, colors) {
  const known = run.windows.filter((each) => each.null !== null && each.null[1] !== null);
  if (!known.length) return [];
  const edge = (part, more) => ({
    x: known.map(last), y: known.map((each) => each.null[part]), mode: "lines", line: { width: 0, shape: "hvh", color: colors.null }, hoverinfo: "skip",
    legendgroup: "null", name: inert(known[0].null[0]), ...more,
  });
  return [edge(2, { showlegend: false }), edge(3, { fill: "tonexty", fillcolor: faded(colors.null, 0.25), line: { width: 0, shape: "hvh", color: colors.null } })];
}

function trajectory(run, colors) {
  const { ink } = theme();
  const rows = run.lines.length;
  const height = 0.55 / Math.max(rows, 1) - 0.05;
  const domains = run.lines.map((_, i) => [Math.max(0, 0.55 - (i + 1) * (height + 0.05) - 0.001), 0.55 - i * (height + 0.05) - 0.05]);
  const limits = reach([run]);
  const { shapes, annotations } = bands(colors, run.thresholds, "y", limits);
  const traces = [...nullTraces(run, colors), alphaTrace(run, { marker: { size: 5, color: colors.alpha }, line: { width: 1.2, color: colors.alpha } })];
  const axes = { xaxis: { title: { text: "optimizer step" }, tickformat: ",d", anchor: rows ? `y${rows + 1}` : "y" } };
  axes.yaxis = { title: { text: "α" }, range: limits, domain: rows ? [0.55, 1] : [0, 1] };
  const ofLine = { "learning rate": colors.rate, loss: colors.loss };
  run.lines.forEach((line, i) => {
    const color = ofLine[line.name] ?? ink;
    traces.push({ x: line.steps, y: line.values, yaxis: `y${i + 2}`, mode: "lines", line: { width: 1, color }, name: inert(line.name), hovertemplate: "step %{x:,}<br>%{y}<extra></extra>" });
    axes[`yaxis${i + 2}`] = { title: { text: inert(line.name) }, domain: domains[i], exponentformat: "power", nticks: 4, ...(line.decades ? { type: "log", dtick: Math.ceil(line.decades / 3) } : {}) };
  });
  const tall = { yref: "paper", y0: 0, y1: 1, line: { width: 0 } };
  run.alarms.forEach(([onset, start]) => {
    shapes.push({ type: "rect", layer: "below", x0: onset, x1: start, ...tall, fillcolor: ink, opacity: 0.12 });
    shapes.push({ type: "line", x0: start, x1: start, ...tall, line: { width: 1, dash: "dot", color: ink } });
  });
  const marker = shapes.length;
  shapes.push({ type: "rect", layer: "below", ...tall, x0: 0, x1: 0, fillcolor: colors.spread, opacity: 0.25 });
  return { traces, layout: layout({ ...axes, shapes, annotations, height: 300 + 130 * rows }), marker };
}

// Size, direction, memory and ratio of the weight changes over one axis of steps; dotted lines where what was found begins.
function direction(run, colors) {
  const { ink } = theme();
  const { tracks, events } = run.direction;
  const height = 1 / tracks.length;
  const ofTrack = { cosine: colors.alpha, "‖ΔW‖ / ‖W‖": colors.rate };
  const traces = [], axes = { xaxis: { title: { text: "optimizer step" }, tickformat: ",d", anchor: `y${tracks.length > 1 ? tracks.length : ""}` } };
  tracks.forEach((track, i) => {
    const number = i ? i + 1 : "";
    const color = ofTrack[track.name] ?? (track.name.startsWith("α") ? colors.bands.critical : ink);
    const band = (part, more) => ({
      x: track.expected.flatMap(([from, to]) => [from, to]), y: track.expected.flatMap((each) => [each[part], each[part]]), yaxis: `y${number}`, mode: "lines",
      line: { width: 0, color: colors.null }, hoverinfo: "skip", legendgroup: "expected", name: "the named optimizer", ...more,
    });
    if (track.expected.length) traces.push(band(2, { showlegend: false }), band(3, { fill: "tonexty", fillcolor: faded(colors.null, 0.25) }));
    traces.push({ x: track.steps, y: track.values, yaxis: `y${number}`, mode: "lines", line: { width: 1, color }, name: inert(track.name), hovertemplate: "step %{x:,}<br>%{y}<extra></extra>" });
    axes[`yaxis${number}`] = { title: { text: inert(track.name) }, domain: [1 - (i + 1) * height + 0.02, 1 - i * height - 0.02], exponentformat: "power", nticks: 4, ...(track.decades ? { type: "log", dtick: Math.ceil(track.decades / 3) } : {}) };
  });
  const shapes = events.map(([step]) => ({ type: "line", x0: step, x1: step, yref: "paper", y0: 0, y1: 1, line: { width: 1, dash: "dot", color: ink } }));
  if (events.length) traces.push({ x: events.map(([step]) => step), y: events.map(() => 1), yaxis: "y9", mode: "markers", marker: { size: 9, symbol: "triangle-down", color: ink }, name: "found", text: events.map(([step, label]) => `${inert(label)}, from step ${step.toLocaleString("en")}`), hovertemplate: "%{text}<extra></extra>" });
  axes.yaxis9 = { overlaying: "y", range: [0, 1], visible: false, fixedrange: true };
  return { traces, layout: layout({ ...axes, shapes, height: 110 + 130 * tracks.length }) };
}

function fluctuations(run, window, colors, orders) {
  const traces = [];
  window.curves.slice(0, orders).forEach(([order, place, alpha, f], i) => {
    const sizes = run.sizes[place];
    const color = colors.series[i % colors.series.length];
    const drawn = sizes.map((_, at) => at).filter((at) => f[at] > 0);
    if (i === 0 && window.band !== null) {
      const edge = (part, more) => ({ x: sizes, y: window.band[part], mode: "lines", line: { width: 0 }, hoverinfo: "skip", legendgroup: "band", name: "95 % of such series", ...more });
      traces.push(edge(0, { showlegend: false }), edge(1, { fill: "tonexty", fillcolor: faded(colors.spread, 0.3) }));
    }
    if (i === 0 && window.alone !== null) {
      const edge = (ends, more) => ({ x: window.alone.sizes, y: ends, mode: "lines", line: { width: 0, color: colors.null }, hoverinfo: "skip", legendgroup: "alone", name: inert(window.alone.name), ...more });
      traces.push(edge(window.alone.low, { showlegend: false }), edge(window.alone.high, { fill: "tonexty", fillcolor: faded(colors.null, 0.2) }));
    }
    const level = drawn.reduce((sum, at) => sum + Math.log(f[at]) - alpha * Math.log(sizes[at]), 0) / drawn.length;
    const group = { legendgroup: `order ${order}`, opacity: i ? 0.6 : 1 };
    traces.push({ x: drawn.map((at) => sizes[at]), y: drawn.map((at) => f[at]), mode: "markers", marker: { size: i ? 5 : 7, color, symbol: ["circle", "square", "diamond", "cross"][i] }, name: `${orders === 1 ? "F(s)" : `order ${order}`}: α = ${alpha === null ? "none" : alpha.toFixed(2)}`, hovertemplate: "s = %{x}<br>F = %{y:.3g}<extra></extra>", ...group });
    if (alpha !== null) traces.push({ x: sizes, y: sizes.map((size) => Math.exp(level) * size ** alpha), mode: "lines", line: { width: 1, color, dash: i ? "dash" : "solid" }, hoverinfo: "skip", showlegend: false, ...group });
  });
  return { traces, layout: layout({ xaxis: { type: "log", title: { text: "box size s (steps)" } }, yaxis: { type: "log", title: { text: "F(s)" }, exponentformat: "power" }, margin: { l: 60, r: 10, t: 70, b: 50 } }) };
}

function surrogates(run, window, colors, limits) {
  const others = window.surrogates.filter((each) => !each[0].startsWith("order ")); // orders have a picture of their own
  const rows = [window.alpha, ...others].filter((each) => each[1] !== null).reverse();
  const { shapes, annotations } = bands(colors, run.thresholds, "x", limits);
  const color = rows.map((each) => (each === window.alpha ? colors.alpha : colors.null));
  const side = (part) => rows.map((each) => distance(each[1], each[part]));
  const traces = rows.length ? [{
    x: rows.map((each) => each[1]), y: rows.map((_, i) => i), mode: "markers", marker: { size: 8, color }, showlegend: false,
    error_x: { type: "data", symmetric: false, array: side(3), arrayminus: side(2), thickness: 2, width: 4, color: theme().faint },
    text: rows.map((each) => `${inert(each[0])}<br>${each.slice(1).map((value) => (value === null ? "?" : value.toFixed(2))).join(", ")}`), hovertemplate: "%{text}<extra></extra>",
  }] : [];
  const longest = Math.max(0, ...rows.map((each) => each[0].length));
  const names = { automargin: false, tickvals: rows.map((_, i) => i), ticktext: rows.map((each) => inert(each[0])), range: [-0.6, rows.length - 0.4] };
  return { traces, layout: layout({ xaxis: { title: { text: "α with its interval" }, range: limits }, yaxis: names, shapes, annotations, margin: { l: Math.min(260, 20 + 7 * longest), r: 10, t: 30, b: 50 } }) };
}

function heatMap(run, colors) {
  const { names, alpha, low, high } = run.groups;
  const [map, from, to] = colors.heat;
  const said = (row, i) => `${inert(names[row])}, step ${last(run.windows[i]).toLocaleString("en")}<br>α = ${alpha[row][i].toFixed(2)} (${low[row][i]?.toFixed(2)}–${high[row][i]?.toFixed(2)})`;
  const text = alpha.map((values, row) => values.map((value, i) => (value === null ? "" : said(row, i))));
  const traces = [{ type: "heatmap", x: run.windows.map(last), y: names.map((_, i) => i), z: alpha, text, hovertemplate: "%{text}<extra></extra>", hoverongaps: false, colorscale: map[0].toUpperCase() + map.slice(1), zmin: from, zmax: to, colorbar: { title: { text: "α" }, outlinewidth: 0 } }];
  return { traces, layout: layout({ xaxis: { title: { text: "optimizer step" }, tickformat: ",d" }, yaxis: { tickvals: names.map((_, i) => i), ticktext: names.map(inert), autorange: "reversed" }, height: Math.max(350, 120 + 20 * names.length) }) };
}

function together(runs, colors) {
  const limits = reach(runs);
  const { shapes, annotations } = bands(colors, runs[0].thresholds, "y", limits);
  const traces = runs.map((run, i) => {
    const color = colors.series[i % colors.series.length];
    const dash = ["solid", "dash", "dashdot", "dot"][Math.floor(i / colors.series.length) % 4];
    return alphaTrace(run, { name: inert(run.name), marker: { size: 4, color }, line: { width: 1.2, color, dash } });
  });
  return { traces, layout: layout({ xaxis: { title: { text: "optimizer step" }, tickformat: ",d" }, yaxis: { title: { text: "α" }, range: limits }, shapes, annotations, legend: { orientation: "v", x: 0, y: -0.25, yanchor: "top" }, height: 380 + 20 * runs.length }) };
}

// The words of a window: verdict, what to do, and reasons, each a link to the row that explains it.
function tell(find, run, number, nextSteps) {
  const window = run.windows[number];
  const linked = (text, key) => Object.assign(document.createElement("a"), { textContent: text, href: `#do-${key}`, className: "line" });
  find("output").textContent = `${number + 1} of ${run.windows.length}: steps ${window.steps.map((step) => step.toLocaleString("en")).join("–")}`;
  find(".window .verdict").replaceChildren(linked(window.verdict, window.key));
  find(".window .next span").textContent = nextSteps[window.key];
  find(".window .reasons").replaceChildren(...window.reasons.map((reason, i) => {
    const item = document.createElement("li");
    item.append(linked(reason, window.keys[i]));
    return item;
  }));
  find(".window details").hidden = !window.reasons.length;
  find(".not-drawn").textContent = window.missing;
}

function drawRun(section, run, colors, nextSteps) {
  const find = (name) => section.querySelector(name); // by two classes, ".plot.groups": Plotly gives its elements class names of its own
  const slider = find("input[type=range]");
  const limits = reach([run], run.windows.flatMap((each) => each.surrogates.flatMap((of) => of.slice(2))));
  const above = trajectory(run, colors);
  Plotly.react(find(".plot.trajectory"), above.traces, above.layout, CONFIG);
  if (run.direction) {
    const tracks = direction(run, colors);
    Plotly.react(find(".plot.direction"), tracks.traces, tracks.layout, CONFIG);
  }
  const maps = [];
  if (run.groups) {
    const map = heatMap(run, colors);
    Plotly.react(find(".plot.groups"), map.traces, map.layout, CONFIG);
    maps.push(find(".plot.groups"));
  }
  const higher = find("details.higher");
  let chosen = run.windows.length - 1;
  const show = (number) => {
    const window = run.windows[number];
    tell(find, run, number, nextSteps);
    find(".pair").hidden = !window.curves.length;
    higher.hidden = window.curves.length < 2;
    if (window.curves.length) {
      const left = fluctuations(run, window, colors, 1);
      Plotly.react(find(".plot.fluctuations"), left.traces, left.layout, CONFIG);
      const right = surrogates(run, window, colors, limits);
      Plotly.react(find(".plot.surrogates"), right.traces, right.layout, CONFIG);
    }
    if (higher.open && !higher.hidden) {
      const orders = fluctuations(run, window, colors, window.curves.length);
      Plotly.react(find(".plot.orders"), orders.traces, orders.layout, CONFIG);
    }
    const place = `shapes[${above.marker}]`;
    Plotly.relayout(find(".plot.trajectory"), { [`${place}.x0`]: window.steps[0], [`${place}.x1`]: window.steps[1] });
  };
  const choose = (number) => {
    chosen = number;
    slider.value = number + 1;
    show(number);
  };
  const nearest = (step) => run.windows.reduce((best, each, i) => (Math.abs(last(each) - step) < Math.abs(last(run.windows[best]) - step) ? i : best), 0);
  for (const plot of [find(".plot.trajectory"), ...maps]) {
    plot.removeAllListeners("plotly_click");
    plot.on("plotly_click", (event) => choose(nearest(event.points[0].x)));
  }
  slider.oninput = () => choose(Number(slider.value) - 1);
  slider.disabled = false;
  higher.ontoggle = () => show(chosen);
  choose(Number(slider.value) - 1);
  return { last: () => tell(find, run, run.windows.length - 1, nextSteps), back: () => tell(find, run, chosen, nextSteps) };
}

(async () => {
  try {
    const script = document.createElement("script");
    script.textContent = await decompressed("plotly");
    document.head.append(script);
    if (typeof Plotly === "undefined") throw new Error("the drawing library did not start");
    const { runs, colors, next } = JSON.parse(await decompressed("data"));
    const draw = new Map(), drawn = new Map();
    document.querySelectorAll("[data-run]").forEach((section) => draw.set(section, () => drawRun(section, runs[section.dataset.run], colors, next)));
    const overview = document.getElementById("overview");
    if (overview) draw.set(overview, () => {
      const all = together(runs, colors);
      Plotly.react(overview.querySelector(".plot.together"), all.traces, all.layout, CONFIG);
    });
    const observer = new IntersectionObserver((seen) => seen.filter((each) => each.isIntersecting).forEach(({ target }) => {
      observer.unobserve(target);
      drawn.set(target, draw.get(target)());
    }), { rootMargin: "800px" });
    draw.forEach((_, section) => observer.observe(section));
    // Print shows the still pictures, which are of the last window: so are the words then.
    addEventListener("beforeprint", () => drawn.forEach((run) => run?.last()));
    addEventListener("afterprint", () => drawn.forEach((run) => run?.back()));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => drawn.forEach((_, section) => drawn.set(section, draw.get(section)())));
  } catch (error) {
    document.querySelectorAll(".chooser").forEach((place) => place.after(Object.assign(document.createElement("p"), {
      className: "missing", textContent: "Other windows than the last, and zooming, need a browser of 2023 or later that runs scripts.",
    })));
    console.error(error);
  }
})();
