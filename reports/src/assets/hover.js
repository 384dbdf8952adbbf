// The cursor of the plots: tooltip, zoom, keyboard.

const NEAR = 14;

function nearestPoint(x, y) {
  const { at } = plot;
  if (y < at.latency.top - 8 || y > at.latency.bottom) return null;
  let best = null, least = NEAR * NEAR;
  for (const point of POINTS) {
    const dx = xOf(point[0]) - x;
    if (dx > NEAR || dx < -NEAR || !pointShown(point)) continue;
    const dy = pointY(point) - y;
    const distance = dx * dx + dy * dy;
    if (distance < least) [best, least] = [point, distance];
  }
  return best;
}

function nearestTroubled(x, y) {
  const { troubled } = plot.at;
  if (y < troubled.top || y >= troubled.bottom) return null;
  let best = null, least = NEAR;
  for (const one of TROUBLED) {
    const distance = Math.abs(xOf(one.time) - x);
    if (distance < least) [best, least] = [one, distance];
  }
  return best;
}

// The lines of the tooltip; a null draws a rule.
function sayAt(time, point, troubled) {
  const { width } = DATA.timeline.series;
  const slice = Math.min(Math.max(Math.floor(time / width), 0), series().ok.length - 1);
  const lines = [{ said: moment(Math.max(time, 0)), strong: true }];
  for (const name of OUTCOMES) {
    const n = series()[name][slice] ?? 0;
    if (n > 0) lines.push({ said: `${Math.round(perSecond(n) * 10) / 10} ${name} per second`, tone: plot.color[name] });
  }
  const [p50, p99] = [series().p50[slice], series().p99[slice]];
  if (p50 != null) lines.push({ said: `p50 ${span(p50)}, p99 ${span(p99)}` });
  const force = FAULTS.filter((fault) => fault.from <= time && time <= fault.to);
  if (force.length) lines.push(null);
  for (const fault of force) lines.push({ said: fault.name + (fault.seen ? "" : ", not seen"), tone: plot.color.hues[fault.hue] });
  if (point !== null) lines.push(null, ...sayPoint(point));
  if (troubled !== null) {
    const s = ROWS[troubled.row];
    lines.push(null, { said: `${s[ANOMALIES].map(text).join(", ")}: ${s[SUBJECT]}`, strong: true, tone: plot.color.bad }, { said: "click for its story" });
  }
  return lines;
}

function sayPoint([time, latency, action, outcome, row]) {
  const took = latency === null ? "never answered" : span(latency);
  const lines = [{ said: `${text(action)} ${OUTCOMES[outcome]}, ${took}`, strong: true, tone: plot.color[OUTCOMES[outcome]] }];
  lines.push({ said: `asked at ${moment(time)}` });
  if (row !== null) lines.push({ said: `${WORDS.subject} ${ROWS[row][SUBJECT]}; click for its story` });
  return lines;
}

function showTip(lines, x, y) {
  const { tip, at } = plot;
  tip.replaceChildren(...lines.map((said) => {
    if (said === null) return el("hr");
    const swatch = said.tone ? el("span", { class: "swatch", style: `--tone:${said.tone}` }) : null;
    return el("div", null, swatch, said.strong ? el("b", null, said.said) : said.said);
  }));
  tip.hidden = false;
  const left = x + 16 + tip.offsetWidth < at.width ? x + 16 : Math.max(4, x - 16 - tip.offsetWidth);
  tip.style.transform = `translate(${left}px, ${Math.max(4, Math.min(y + 12, at.height - tip.offsetHeight - 4))}px)`;
}

function pointAt(event) {
  const box = plot.canvas.getBoundingClientRect();
  return [event.clientX - box.left, event.clientY - box.top];
}

function hover(event) {
  const [x, y] = pointAt(event);
  if (plot.drag) {
    plot.drag.now = x;
    plot.drag.moved ||= Math.abs(x - plot.drag.x) > 6;
  }
  plot.cursor = timeOf(inPlot(x));
  plot.near = nearestPoint(x, y);
  plot.trouble = nearestTroubled(x, y);
  plot.canvas.style.cursor = plot.trouble || plot.near?.[4] != null ? "pointer" : "crosshair";
  showTip(sayAt(plot.cursor, plot.near, plot.trouble), x, y);
  requestAnimationFrame(paint);
}

function leave() {
  plot.cursor = plot.near = plot.trouble = plot.drag = null;
  plot.tip.hidden = true;
  requestAnimationFrame(paint);
}

function zoom(from, to) {
  const end = Math.max(DATA.timeline.end, 1);
  [plot.from, plot.to] = [Math.max(0, from), Math.min(end, to)];
  if (plot.to - plot.from < 1e3) [plot.from, plot.to] = [0, end];
  requestAnimationFrame(paint);
}

function release() {
  const drag = plot.drag;
  plot.drag = null;
  if (drag?.moved) {
    const [from, to] = [drag.x, drag.now].map((x) => timeOf(inPlot(x))).sort((a, b) => a - b);
    zoom(from, to);
    return;
  }
  const row = plot.trouble?.row ?? plot.near?.[4];
  if (drag && row != null) location.hash = "subject=" + encodeURIComponent(ROWS[row][SUBJECT]);
}

function keyed(event) {
  const { width } = DATA.timeline.series;
  const step = { ArrowLeft: -width, ArrowRight: width }[event.key];
  if (event.key === "Escape") return leave();
  if (event.key === "Enter" && plot.near?.[4] != null) {
    location.hash = "subject=" + encodeURIComponent(ROWS[plot.near[4]][SUBJECT]);
    return;
  }
  if (!step) return;
  event.preventDefault();
  const start = plot.cursor ?? plot.from - width / 2;
  plot.cursor = Math.min(Math.max(start + step * (event.shiftKey ? 10 : 1), plot.from), plot.to);
  const slowest = POINTS.filter((p) => pointShown(p) && Math.abs(p[0] - plot.cursor) <= width / 2);
  plot.near = slowest.sort((a, b) => (b[1] ?? Infinity) - (a[1] ?? Infinity))[0] ?? null;
  plot.trouble = null;
  const lines = sayAt(plot.cursor, plot.near, null);
  showTip(lines, xOf(plot.cursor), plot.at.latency.top);
  $("plot-said").textContent = lines.filter((said) => said !== null).map((said) => said.said).join("; ");
  paint();
}

function startTimeline() {
  const redo = () => { colors(); arrange(); paint(); };
  plot.canvas.addEventListener("pointermove", hover);
  plot.canvas.addEventListener("pointerleave", leave);
  plot.canvas.addEventListener("pointerdown", (event) => {
    hover(event);
    const [x] = pointAt(event);
    plot.drag = { x, now: x, moved: false };
  });
  plot.canvas.addEventListener("pointerup", release);
  plot.canvas.addEventListener("dblclick", () => zoom(0, DATA.timeline.end));
  plot.canvas.addEventListener("keydown", keyed);
  plot.canvas.addEventListener("blur", leave);
  $("plot-f").addEventListener("change", (event) => { plot.f = event.target.value; paint(); });
  for (const box of document.querySelectorAll("[data-outcome]")) {
    box.addEventListener("change", () => { plot.shown[box.dataset.outcome] = box.checked; paint(); });
  }
  const workload = DATA.timeline.phases.find(([name]) => name === "workload");
  $("plot-workload").hidden = !workload;
  $("plot-workload").addEventListener("click", () => zoom(workload[1], workload[2] ?? DATA.timeline.end));
  $("plot-all").addEventListener("click", () => zoom(0, DATA.timeline.end));
  new ResizeObserver(redo).observe(plot.canvas.parentElement);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redo);
  redo();
}
