// Faults, latency and rate over the same time, on one canvas.

const plot = {
  canvas: $("plot-canvas"), tip: $("plot-tip"), f: "", shown: [true, true, true],
  from: 0, to: Math.max(DATA.timeline.end, 1), cursor: null, near: null, drag: null, color: {},
};
const LANES_MAX = 14, LANE = 19;
const POINTS = DATA.timeline.points.points;
const TROUBLED = ROWS.map((s, row) => ({ row, time: s[START] })).filter(({ row }) => ROWS[row][ANOMALIES].length);

function colors() {
  const style = getComputedStyle(document.documentElement);
  const read = (name) => style.getPropertyValue("--" + name).trim();
  for (const name of ["ink", "soft", "faint", "rule", "rule-strong", "card", "bad", ...OUTCOMES]) plot.color[name] = read(name);
  plot.color.hues = Array.from({ length: HUES }, (_, hue) => read(`hue-${hue}`));
  plot.font = getComputedStyle(document.body).fontFamily;
}

// Lays out the parts for the current width.
function arrange() {
  const width = plot.canvas.parentElement.clientWidth;
  const small = width < 560;
  const lanes = laneOf(FAULTS, LANES_MAX);
  const lanesTotal = Math.max(0, ...lanes.map((lane) => lane + 1));
  let y = 4;
  const part = (height) => { const top = y; y += height; return { top, bottom: y, height }; };
  const phases = part(DATA.timeline.phases.length ? 22 : 0);
  const faults = part(lanesTotal * LANE);
  const troubled = part(TROUBLED.length ? LANE : 0);
  y += 26;
  const latency = part(small ? 180 : 220);
  y += 34;
  const rate = part(small ? 80 : 100);
  y += 28;
  plot.at = { width, height: y, left: small ? 52 : 76, right: width - (small ? 12 : 18), small, lanes, phases, faults, troubled, latency, rate };
  const ratio = window.devicePixelRatio || 1;
  plot.canvas.width = Math.round(width * ratio);
  plot.canvas.height = Math.round(y * ratio);
  plot.canvas.style.height = y + "px";
  plot.pen = plot.canvas.getContext("2d");
  plot.pen.setTransform(ratio, 0, 0, ratio, 0, 0);
}

const xOf = (time) => plot.at.left + (time - plot.from) / (plot.to - plot.from) * (plot.at.right - plot.at.left);
const timeOf = (x) => plot.from + (x - plot.at.left) / (plot.at.right - plot.at.left) * (plot.to - plot.from);
const inPlot = (x) => Math.min(Math.max(x, plot.at.left), plot.at.right);

function yOf(latency) {
  const [low, high] = plot.range;
  const share = Math.log(Math.min(Math.max(latency, low), high) / low) / Math.log(high / low);
  return plot.at.latency.bottom - share * plot.at.latency.height;
}

const pointY = (point) => point[1] === null ? plot.at.latency.top : yOf(point[1]);
const pointShown = (point) => plot.shown[point[3]] && (plot.f === "" || text(point[2]) === plot.f);
const series = () => DATA.timeline.series.by_f[plot.f] ?? { ok: [], fail: [], info: [], p50: [], p99: [] };

function paint() {
  const { pen, at } = plot;
  plot.range = logRange(POINTS.filter((p) => plot.f === "" || text(p[2]) === plot.f).map((p) => p[1]));
  pen.clearRect(0, 0, at.width, at.height);
  pen.lineJoin = "round";
  paintBands();
  paintGrid();
  paintPhases();
  paintFaults();
  paintTroubled();
  clipped(at.latency.top - 6, at.latency.bottom, () => { paintPoints(); paintPercentiles(); });
  clipped(at.rate.top, at.rate.bottom, paintRates);
  paintCursor();
}

function clipped(top, bottom, draw) {
  const { pen, at } = plot;
  pen.save();
  pen.beginPath();
  pen.rect(at.left, top, at.right - at.left, bottom - top);
  pen.clip();
  draw();
  pen.restore();
}

function write(said, x, y, { color = plot.color.faint, align = "left", size = 11, weight = 400 } = {}) {
  const { pen } = plot;
  pen.font = `${weight} ${size}px ${plot.font}`;
  pen.fillStyle = color;
  pen.textAlign = align;
  pen.textBaseline = "middle";
  pen.fillText(said, x, y);
}

function line(x1, y1, x2, y2, color, width = 1) {
  const { pen } = plot;
  pen.strokeStyle = color;
  pen.lineWidth = width;
  pen.beginPath();
  pen.moveTo(x1, y1);
  pen.lineTo(x2, y2);
  pen.stroke();
}

// Tints the plots while a fault is in force; a fault that was not seen to take effect is left out.
function paintBands() {
  const { pen, at } = plot;
  for (const fault of FAULTS) {
    if (!fault.seen || fault.to < plot.from || fault.from > plot.to) continue;
    const x1 = inPlot(xOf(fault.from)), x2 = inPlot(xOf(fault.to));
    pen.fillStyle = plot.color.hues[fault.hue];
    pen.globalAlpha = 0.11;
    pen.fillRect(x1, at.latency.top, x2 - x1, at.latency.height);
    pen.fillRect(x1, at.rate.top, x2 - x1, at.rate.height);
  }
  pen.globalAlpha = 1;
}

function paintGrid() {
  const { at, color } = plot;
  for (const tick of logTicks(...plot.range)) {
    const y = Math.round(yOf(tick)) + 0.5;
    line(at.left, y, at.right, y, color.rule);
    write(roundSpan(tick), at.left - 8, y, { align: "right" });
  }
  write("Latency", at.left, at.latency.top - 13, { color: color.soft, weight: 600 });
  plot.rateMax = rateMax();
  for (const tick of linearTicks(0, plot.rateMax, 3)) {
    const y = Math.round(rateY(tick)) + 0.5;
    line(at.left, y, at.right, y, color.rule);
    write(count(Math.round(tick * 10) / 10), at.left - 8, y, { align: "right" });
  }
  write("Operations per second", at.left, at.rate.top - 13, { color: color.soft, weight: 600 });
  for (const tick of linearTicks(plot.from / 1e6, plot.to / 1e6, at.small ? 5 : 10)) {
    const x = Math.round(xOf(tick * 1e6)) + 0.5;
    line(x, at.rate.bottom, x, at.rate.bottom + 4, color["rule-strong"]);
    write(`${Number(tick.toFixed(3))} s`, x, at.rate.bottom + 14, { align: "center" });
  }
  line(at.left, at.rate.bottom + 0.5, at.right, at.rate.bottom + 0.5, color["rule-strong"]);
}

function paintPhases() {
  const { pen, at, color } = plot;
  const y = at.phases.top + 9;
  for (const [name, from, to] of DATA.timeline.phases) {
    const end = to ?? DATA.timeline.end;
    if (end < plot.from || from > plot.to) continue;
    const x1 = inPlot(xOf(from)), x2 = inPlot(xOf(end));
    line(x1 + 0.5, y + 9, Math.max(x2 - 1.5, x1 + 1), y + 9, color["rule-strong"], 2);
    pen.font = `11px ${plot.font}`;
    if (pen.measureText(name).width + 4 < x2 - x1) write(name, x1, y, { color: color.soft });
  }
}

function paintFaults() {
  const { pen, at, color } = plot;
  FAULTS.forEach((fault, n) => {
    const y = at.faults.top + at.lanes[n] * LANE + LANE / 2;
    if (FAULTS.length <= LANES_MAX) line(at.left, Math.round(y) + 0.5, at.right, Math.round(y) + 0.5, color.rule);
    if (fault.to < plot.from || fault.from > plot.to) return;
    const x1 = inPlot(xOf(fault.from)), x2 = Math.max(inPlot(xOf(fault.to)), x1 + 2);
    pen.fillStyle = fault.seen ? color.hues[fault.hue] : color.card;
    pen.fillRect(x1, y - 4, x2 - x1, 9);
    pen.strokeStyle = color.hues[fault.hue];
    pen.lineWidth = 1.5;
    if (!fault.seen) pen.strokeRect(x1 + 0.75, y - 3.25, x2 - x1 - 1.5, 7.5);
    if (FAULTS.length <= LANES_MAX) labelFault(fault, x1, x2, y);
  });
}

// Writes as much of the name beside the bar as fits.
function labelFault(fault, x1, x2, y) {
  const { pen, at, color } = plot;
  const odd = `${fault.seen ? "" : ", not seen"}${fault.healed ? "" : ", never healed"}`;
  pen.font = `11px ${plot.font}`;
  for (const said of [fault.name + odd, fault.name, fault.name.split(" ").slice(0, 2).join(" "), `#${fault.id}`]) {
    const wide = pen.measureText(said).width;
    const right = x2 + 6 + wide < at.right;
    if (!right && x1 - 6 - wide < at.left) continue;
    const x = right ? x2 + 6 : x1 - 6 - wide;
    pen.fillStyle = color.card;
    pen.fillRect(x - 3, y - 7, wide + 6, 15);
    write(said, x, y + 0.5, { color: color.soft });
    return;
  }
}

function paintTroubled() {
  const { pen, at, color } = plot;
  if (!TROUBLED.length) return;
  const y = at.troubled.top + LANE / 2;
  write(at.small ? "!" : "anomalies", at.left - 8, y, { align: "right", color: color.bad });
  pen.fillStyle = color.bad;
  for (const { time } of TROUBLED) {
    if (time >= plot.from && time <= plot.to) pen.fillRect(xOf(time) - 1, y - 6, 2, 12);
  }
}

function paintPoints() {
  const { pen, color } = plot;
  const radius = POINTS.length > 3000 ? 1.4 : 1.8;
  for (const outcome of [0, 1, 2]) {
    pen.fillStyle = pen.strokeStyle = color[OUTCOMES[outcome]];
    pen.globalAlpha = outcome === 0 ? 0.5 : 0.95;
    pen.lineWidth = 1.4;
    pen.beginPath();
    for (const point of POINTS) {
      if (point[3] !== outcome || point[0] < plot.from || point[0] > plot.to || !pointShown(point)) continue;
      mark(outcome, xOf(point[0]), pointY(point), radius);
    }
    if (outcome === 0) pen.fill();
    else pen.stroke();
  }
  pen.globalAlpha = 1;
}

// The shape shows the outcome too: dot ok, triangle fail, cross info.
function mark(outcome, x, y, radius) {
  const { pen } = plot;
  if (outcome === 0) {
    pen.moveTo(x + radius, y);
    pen.arc(x, y, radius, 0, 2 * Math.PI);
  } else if (outcome === 1) {
    pen.moveTo(x - 3, y + 2.5);
    pen.lineTo(x, y - 3);
    pen.lineTo(x + 3, y + 2.5);
    pen.closePath();
  } else {
    pen.moveTo(x - 3, y - 3);
    pen.lineTo(x + 3, y + 3);
    pen.moveTo(x + 3, y - 3);
    pen.lineTo(x - 3, y + 3);
  }
}

function paintPercentiles() {
  const { pen, color } = plot;
  const { width } = DATA.timeline.series;
  for (const [name, look, dash, thick] of [["p99", color.soft, [5, 3], 1.4], ["p50", color.ink, [], 1.6]]) {
    pen.strokeStyle = look;
    pen.setLineDash(dash);
    pen.lineWidth = thick;
    pen.beginPath();
    let drawn = false;
    series()[name].forEach((value, slice) => {
      const x = xOf((slice + 0.5) * width);
      if (value !== null && drawn) pen.lineTo(x, yOf(value));
      else if (value !== null) pen.moveTo(x, yOf(value));
      drawn = value !== null;
    });
    pen.stroke();
  }
  pen.setLineDash([]);
}

const perSecond = (n) => n * 1e6 / DATA.timeline.series.width;
const rateY = (rate) => plot.at.rate.bottom - rate / plot.rateMax * plot.at.rate.height;

function rateMax() {
  const { ok, fail, info } = series();
  const most = Math.max(0, ...ok.map((n, slice) => n + fail[slice] + info[slice]));
  return perSecond(most) || 1;
}

function paintRates() {
  const { pen, color } = plot;
  const { width } = DATA.timeline.series;
  const lines = series();
  lines.ok.forEach((_, slice) => {
    const x1 = xOf(slice * width), x2 = xOf((slice + 1) * width);
    const gap = x2 - x1 > 4 ? 1 : 0;
    let sum = 0;
    OUTCOMES.forEach((name, outcome) => {
      const n = plot.shown[outcome] ? lines[name][slice] : 0;
      if (n === 0) return;
      const bottom = rateY(perSecond(sum)), top = rateY(perSecond(sum + n));
      pen.fillStyle = color[name];
      pen.globalAlpha = outcome === 0 ? 0.6 : 0.95;
      pen.fillRect(x1, top, x2 - x1 - gap, bottom - top);
      sum += n;
    });
  });
  pen.globalAlpha = 1;
}

function paintCursor() {
  const { pen, at, color } = plot;
  if (plot.drag && plot.drag.moved) {
    const [x1, x2] = [plot.drag.x, plot.drag.now].map(inPlot);
    pen.fillStyle = color.ink;
    pen.globalAlpha = 0.08;
    pen.fillRect(Math.min(x1, x2), at.phases.top, Math.abs(x2 - x1), at.rate.bottom - at.phases.top);
    pen.globalAlpha = 1;
  }
  if (plot.cursor === null) return;
  const x = Math.round(xOf(plot.cursor)) + 0.5;
  if (x < at.left || x > at.right) return;
  line(x, at.phases.bottom, x, at.rate.bottom, color["rule-strong"]);
  if (plot.near === null) return;
  pen.strokeStyle = color.ink;
  pen.lineWidth = 1.5;
  pen.beginPath();
  pen.arc(xOf(plot.near[0]), pointY(plot.near), 5, 0, 2 * Math.PI);
  pen.stroke();
}
