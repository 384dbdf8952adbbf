// The table of subjects. Only the rows in sight exist; two spacers stand for those above and below.

const table = {
  view: [], open: new Set(), heights: new Map(), rowHeight: 34, from: -1, to: -1, nodes: new Map(),
  sort: ROWS.some((s) => s[ANOMALIES].length) ? "anomalies" : "start",
  down: false,
};
const ROW_OF = new Map(ROWS.map((s, row) => [s[SUBJECT], row]));
const MARGIN_ROWS = 12;
// The window of existing rows moves in steps of this many.
const STRIDE_ROWS = 8;
const COLUMNS = 7 + FIELDS.length + Number(DATA.subjects.records) + Number(DATA.subjects.deliveries);

const SORTS = {
  subject: (s) => s[SUBJECT], attempts: (s) => s[ATTEMPTS], outcome: (s) => s[OUTCOME],
  recorded: (s) => s[RECORDED] === null ? null : `${s[RECORDED]} ${text(s[RESULT]) ?? ""}`, delivered: (s) => s[DELIVERED],
  effects: (s) => s[EFFECTS], start: (s) => s[START], took: (s) => s[ANSWERED],
  anomalies: (s) => s[ANOMALIES].length ? s[ANOMALIES].map(text).join(" ") : null,
};
FIELDS.forEach(({ number }, at) => {
  SORTS[`field:${at}`] = (s) => {
    const value = text(s[ASKED][at]);
    return value === null || !number ? value : Number(value);
  };
});

const SHOWS = {
  "": () => true,
  troubled: (s) => s[ANOMALIES].length > 0,
  redelivered: (s) => s[DELIVERED] > 1,
  retried: (s) => s[ATTEMPTS] > 1,
  repaired: (s) => s[EFFECTS] > 0 && s[BEFORE_REPAIR] === 0,
};

function choose() {
  const wanted = $("subject-text").value.trim().toLowerCase();
  const show = $("subject-show").value;
  const kind = show.startsWith("anomaly:") ? show.slice("anomaly:".length) : null;
  const shows = kind === null ? SHOWS[show] : (s) => s[ANOMALIES].some((a) => text(a) === kind);
  const outcome = $("subject-outcome").value;
  const found = (value) => value !== null && value.toLowerCase().includes(wanted);
  table.view = [];
  ROWS.forEach((s, row) => {
    if (!shows(s) || (outcome !== "" && s[OUTCOME] !== Number(outcome))) return;
    if (wanted && !found(s[SUBJECT]) && !s[ASKED].some((value) => found(text(value)))) return;
    table.view.push(row);
  });
  order();
  const all = subjects(DATA.subjects.total);
  $("subject-count").textContent = table.view.length === DATA.subjects.total ? all : `${count(table.view.length)} of ${all}`;
  $("subject-scroll").scrollTop = 0;
  draw(true);
}

// Unknown values come last in both directions.
function order() {
  const key = SORTS[table.sort];
  const keys = new Map(table.view.map((row) => [row, key(ROWS[row])]));
  const sign = table.down ? -1 : 1;
  table.view.sort((a, b) => {
    const [x, y] = [keys.get(a), keys.get(b)];
    if (x === y) return a - b;
    if (x === null) return 1;
    if (y === null) return -1;
    return x < y ? -sign : sign;
  });
  for (const head of $("subject-table").querySelectorAll("th[data-sort]")) {
    if (head.dataset.sort === table.sort) head.setAttribute("aria-sort", table.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

// Positions and heights of open stories, which move the rows below them.
function openInView() {
  if (table.open.size === 0) return [];
  const open = [];
  table.view.forEach((row, at) => { if (table.open.has(row)) open.push([at, table.heights.get(row) ?? 240]); });
  return open;
}

function topOf(at, open) {
  return open.reduce((top, [other, height]) => other < at ? top + height : top, at * table.rowHeight);
}

function rowAt(y, open) {
  let low = 0, high = table.view.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (topOf(middle + 1, open) <= y) low = middle + 1;
    else high = middle;
  }
  return low;
}

function draw(force) {
  const scroll = $("subject-scroll");
  const open = openInView();
  const first = rowAt(scroll.scrollTop, open) - MARGIN_ROWS;
  const last = rowAt(scroll.scrollTop + scroll.clientHeight, open) + MARGIN_ROWS;
  const from = Math.max(0, Math.floor(first / STRIDE_ROWS) * STRIDE_ROWS);
  const to = Math.min(table.view.length, Math.ceil((last + 1) / STRIDE_ROWS) * STRIDE_ROWS);
  if (!force && from === table.from && to === table.to) return;
  [table.from, table.to] = [from, to];
  const focused = document.activeElement?.closest?.("#subject-body tr.row")?.dataset.row;
  const known = force ? new Map() : table.nodes;
  table.nodes = new Map();
  for (let at = from; at < to; at++) {
    const row = table.view[at];
    table.nodes.set(row, known.get(row) ?? rowNodes(row, at));
  }
  const nodes = [...table.nodes.values()].flat();
  if (table.view.length === 0) nodes.push(el("tr", { class: "none" }, el("td", { colspan: COLUMNS }, `No ${WORDS.subject} matches the filters.`)));
  $("subject-body").replaceChildren(pad(topOf(from, open)), ...nodes, pad(topOf(table.view.length, open) - topOf(to, open)));
  $("subject-table").setAttribute("aria-rowcount", table.view.length + 1);
  if (focused !== undefined) $("subject-body").querySelector(`tr.row[data-row="${focused}"] button`)?.focus({ preventScroll: true });
  if (force || open.length) measure();
}

function pad(height) {
  return el("tr", { class: "pad", "aria-hidden": "true", style: `height:${height}px` }, el("td", { colspan: COLUMNS, style: `height:${height}px` }));
}

// Measured heights correct the spacers.
function measure() {
  const row = $("subject-body").querySelector("tr.row");
  const height = row?.getBoundingClientRect().height;
  let wrong = false;
  if (height > 10 && Math.abs(height - table.rowHeight) > 0.01) {
    table.rowHeight = height;
    wrong = true;
  }
  for (const node of $("subject-body").querySelectorAll("tr.story")) {
    const real = node.getBoundingClientRect().height;
    if (Math.abs(real - (table.heights.get(Number(node.dataset.row)) ?? 0)) > 0.5) {
      table.heights.set(Number(node.dataset.row), real);
      wrong = true;
    }
  }
  if (wrong) requestAnimationFrame(() => draw(true));
}

function recordedCell(s) {
  if (s[RECORDED] === null) return "unknown";
  if (s[RECORDED] === 0) return "no";
  return `${text(s[RESULT]) ?? "yes"}${s[RECORDED] > 1 ? ` ×${s[RECORDED]}` : ""}`;
}

function rowNodes(row, at) {
  const s = ROWS[row];
  const opened = table.open.has(row);
  const kinds = s[ANOMALIES].map(text).join(", ");
  const cell = (name, value, mood) => el("td", { class: mood ? `${name} ${mood}` : name, title: value }, value);
  const button = el("button", { type: "button", "aria-expanded": String(opened), "aria-controls": opened ? `story-${row}` : null, title: s[SUBJECT] }, s[SUBJECT]);
  const effects = s[EFFECTS] === null ? "unknown" : String(s[EFFECTS]);
  const expected = s[RECORDED] !== 0 && s[EFFECTS] === 1;
  const node = el("tr", { class: kinds ? "row troubled" : "row", "data-row": row, "aria-rowindex": at + 2 },
    el("th", { scope: "row", class: "c-subject" }, button),
    ...FIELDS.map(({ number }, field) => cell(number ? "n c-field" : "c-field", text(s[ASKED][field]) ?? "–")),
    cell("n c-attempts", String(s[ATTEMPTS])),
    cell("c-outcome", OUTCOMES[s[OUTCOME]], s[OUTCOME] === 2 ? "odd" : null),
    DATA.subjects.records ? cell("c-recorded", recordedCell(s), s[RECORDED] === null ? "odd" : null) : null,
    DATA.subjects.deliveries ? cell("n c-delivered", String(s[DELIVERED])) : null,
    cell("n c-effects", effects, s[EFFECTS] === null ? "odd" : kinds && !expected ? "bad" : null),
    cell("n c-start", moment(s[START])),
    cell("n c-took", s[ANSWERED] === null ? "–" : span(s[ANSWERED])),
    cell("c-anomalies", kinds, "bad"));
  if (!opened) return [node];
  return [node, el("tr", { class: "story", id: `story-${row}`, "data-row": row }, el("td", { colspan: COLUMNS }, story(row)))];
}

function toggle(row) {
  if (table.open.has(row)) table.open.delete(row);
  else table.open.add(row);
  draw(true);
}

// Opens the story of a subject and scrolls to it; false if this page does not hold it.
function showSubject(subject) {
  const row = ROW_OF.get(subject);
  if (row === undefined) return false;
  if (!table.view.includes(row)) {
    $("subject-form").reset();
    choose();
  }
  table.open.add(row);
  const scroll = $("subject-scroll");
  draw(true);
  const aim = () => {
    scroll.scrollTop = Math.max(0, topOf(table.view.indexOf(row), openInView()) - table.rowHeight);
    draw(true);
  };
  aim();
  $("subjects").scrollIntoView();
  requestAnimationFrame(() => {
    aim();
    $("subject-body").querySelector(`tr.row[data-row="${row}"] button`)?.focus({ preventScroll: true });
  });
  return true;
}

// Filters the table and scrolls to it.
function showSubjects({ find = "", show = "" }) {
  $("subject-form").reset();
  $("subject-text").value = find;
  $("subject-show").value = show;
  choose();
  $("subjects").scrollIntoView();
}

function startTable() {
  $("subject-form").addEventListener("input", choose);
  $("subject-form").addEventListener("submit", (event) => event.preventDefault());
  $("subject-scroll").addEventListener("scroll", () => requestAnimationFrame(() => draw(false)), { passive: true });
  window.addEventListener("resize", () => draw(true));
  $("subject-table").tHead.addEventListener("click", (event) => {
    const sort = event.target.closest("th")?.dataset.sort;
    if (!sort) return;
    table.down = table.sort === sort && !table.down;
    table.sort = sort;
    order();
    draw(true);
  });
  $("subject-body").addEventListener("click", (event) => {
    const node = event.target.closest("tr.row");
    if (node && getSelection().isCollapsed) toggle(Number(node.dataset.row));
  });
  choose();
}
