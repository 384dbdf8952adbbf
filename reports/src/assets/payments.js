// The payment table. Only the rows in sight exist; those above and below are two spacers.

const table = {
  view: [], open: new Set(), heights: new Map(), rowHeight: 34, from: -1, to: -1, nodes: new Map(),
  sort: ROWS.some((p) => p[ANOMALIES].length) ? "anomalies" : "start",
  down: false,
};
const ROW_OF = new Map(ROWS.map((p, row) => [p[TX], row]));
const MARGIN_ROWS = 12;
// The window moves by so many rows at a time.
const STRIDE_ROWS = 8;

const SORTS = {
  tx: (p) => p[TX], account: (p) => text(p[ACCOUNT]), amount: (p) => BigInt(p[AMOUNT]), attempts: (p) => p[ATTEMPTS],
  outcome: (p) => p[OUTCOME], recorded: (p) => `${p[RECORDED]} ${text(p[RESULT]) ?? ""}`, delivered: (p) => p[DELIVERED],
  credited: (p) => p[CREDITED], start: (p) => p[START], took: (p) => p[ANSWERED],
  anomalies: (p) => p[ANOMALIES].length ? p[ANOMALIES].map(text).join(" ") : null,
};

const SHOWS = {
  "": () => true,
  troubled: (p) => p[ANOMALIES].length > 0,
  redelivered: (p) => p[DELIVERED] > 1,
  retried: (p) => p[ATTEMPTS] > 1,
  query: (p) => p[CREDITED] > 0 && p[BY_MESSAGE] === 0,
};

function choose() {
  const wanted = $("pay-text").value.trim().toLowerCase();
  const show = $("pay-show").value;
  const kind = show.startsWith("anomaly:") ? show.slice("anomaly:".length) : null;
  const shows = kind === null ? SHOWS[show] : (p) => p[ANOMALIES].some((a) => text(a) === kind);
  const outcome = $("pay-outcome").value;
  table.view = [];
  ROWS.forEach((p, row) => {
    if (!shows(p) || (outcome !== "" && p[OUTCOME] !== Number(outcome))) return;
    if (wanted && !p[TX].toLowerCase().includes(wanted) && !text(p[ACCOUNT]).toLowerCase().includes(wanted)) return;
    table.view.push(row);
  });
  order();
  const all = table.view.length === DATA.payments.total;
  $("pay-count").textContent = all ? plural(DATA.payments.total, "payment") : `${count(table.view.length)} of ${plural(DATA.payments.total, "payment")}`;
  $("pay-scroll").scrollTop = 0;
  draw(true);
}

// What is not known stands last, whichever way the table is sorted.
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
  for (const head of $("pay-table").querySelectorAll("th[data-sort]")) {
    if (head.dataset.sort === table.sort) head.setAttribute("aria-sort", table.down ? "descending" : "ascending");
    else head.removeAttribute("aria-sort");
  }
}

// Where open stories push the rows below them down.
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
  const scroll = $("pay-scroll");
  const open = openInView();
  const first = rowAt(scroll.scrollTop, open) - MARGIN_ROWS;
  const last = rowAt(scroll.scrollTop + scroll.clientHeight, open) + MARGIN_ROWS;
  const from = Math.max(0, Math.floor(first / STRIDE_ROWS) * STRIDE_ROWS);
  const to = Math.min(table.view.length, Math.ceil((last + 1) / STRIDE_ROWS) * STRIDE_ROWS);
  if (!force && from === table.from && to === table.to) return;
  [table.from, table.to] = [from, to];
  const focused = document.activeElement?.closest?.("#pay-body tr.row")?.dataset.row;
  const known = force ? new Map() : table.nodes;
  table.nodes = new Map();
  for (let at = from; at < to; at++) {
    const row = table.view[at];
    table.nodes.set(row, known.get(row) ?? rowNodes(row, at));
  }
  const nodes = [...table.nodes.values()].flat();
  if (table.view.length === 0) nodes.push(el("tr", { class: "none" }, el("td", { colspan: 11 }, "No payment is like that.")));
  $("pay-body").replaceChildren(pad(topOf(from, open)), ...nodes, pad(topOf(table.view.length, open) - topOf(to, open)));
  $("pay-table").setAttribute("aria-rowcount", table.view.length + 1);
  if (focused !== undefined) $("pay-body").querySelector(`tr.row[data-row="${focused}"] button`)?.focus({ preventScroll: true });
  if (force || open.length) measure();
}

function pad(height) {
  return el("tr", { class: "pad", "aria-hidden": "true", style: `height:${height}px` }, el("td", { colspan: 11, style: `height:${height}px` }));
}

// The browser knows best how high things are; what it says corrects the spacers.
function measure() {
  const row = $("pay-body").querySelector("tr.row");
  const height = row?.getBoundingClientRect().height;
  let wrong = false;
  if (height > 10 && Math.abs(height - table.rowHeight) > 0.01) {
    table.rowHeight = height;
    wrong = true;
  }
  for (const node of $("pay-body").querySelectorAll("tr.story")) {
    const real = node.getBoundingClientRect().height;
    if (Math.abs(real - (table.heights.get(Number(node.dataset.row)) ?? 0)) > 0.5) {
      table.heights.set(Number(node.dataset.row), real);
      wrong = true;
    }
  }
  if (wrong) requestAnimationFrame(() => draw(true));
}

function rowNodes(row, at) {
  const p = ROWS[row];
  const opened = table.open.has(row);
  const kinds = p[ANOMALIES].map(text).join(", ");
  const known = (value) => value === null ? "–" : String(value);
  const cell = (name, value, mood) => el("td", { class: mood ? `${name} ${mood}` : name, title: value }, value);
  const button = el("button", { type: "button", "aria-expanded": String(opened), "aria-controls": opened ? `story-${row}` : null, title: p[TX] }, p[TX]);
  const expected = p[RECORDED] > 0 && p[CREDITED] === 1;
  const node = el("tr", { class: kinds ? "row troubled" : "row", "data-row": row, "aria-rowindex": at + 2 },
    el("th", { scope: "row", class: "c-tx" }, button),
    cell("c-account", text(p[ACCOUNT])),
    cell("n c-amount", money(p[AMOUNT])),
    cell("n c-attempts", String(p[ATTEMPTS])),
    cell("c-outcome", OUTCOMES[p[OUTCOME]], p[OUTCOME] === 2 ? "odd" : null),
    cell("c-recorded", p[RECORDED] === 0 ? "no" : `${text(p[RESULT]) ?? "NULL"}${p[RECORDED] > 1 ? ` ×${p[RECORDED]}` : ""}`),
    cell("n c-delivered", String(p[DELIVERED])),
    cell("n c-credited", known(p[CREDITED]), kinds && !expected ? "bad" : null),
    cell("n c-start", moment(p[START])),
    cell("n c-took", p[ANSWERED] === null ? "–" : span(p[ANSWERED])),
    cell("c-anomalies", kinds, "bad"));
  if (!opened) return [node];
  return [node, el("tr", { class: "story", id: `story-${row}`, "data-row": row }, el("td", { colspan: 11 }, story(row)))];
}

function toggle(row) {
  if (table.open.has(row)) table.open.delete(row);
  else table.open.add(row);
  draw(true);
}

// Opens a payment's story and brings it into sight; false if the page does not hold it.
function showPayment(tx) {
  const row = ROW_OF.get(tx);
  if (row === undefined) return false;
  if (!table.view.includes(row)) {
    $("pay-form").reset();
    choose();
  }
  table.open.add(row);
  const scroll = $("pay-scroll");
  draw(true);
  const aim = () => {
    scroll.scrollTop = Math.max(0, topOf(table.view.indexOf(row), openInView()) - table.rowHeight);
    draw(true);
  };
  aim();
  $("payments").scrollIntoView();
  requestAnimationFrame(() => {
    aim();
    $("pay-body").querySelector(`tr.row[data-row="${row}"] button`)?.focus({ preventScroll: true });
  });
  return true;
}

// Filters the table and brings it into sight.
function showPayments({ find = "", show = "" }) {
  $("pay-form").reset();
  $("pay-text").value = find;
  $("pay-show").value = show;
  choose();
  $("payments").scrollIntoView();
}

function startTable() {
  $("pay-form").addEventListener("input", choose);
  $("pay-form").addEventListener("submit", (event) => event.preventDefault());
  $("pay-scroll").addEventListener("scroll", () => requestAnimationFrame(() => draw(false)), { passive: true });
  window.addEventListener("resize", () => draw(true));
  $("pay-table").tHead.addEventListener("click", (event) => {
    const sort = event.target.closest("th")?.dataset.sort;
    if (!sort) return;
    table.down = table.sort === sort && !table.down;
    table.sort = sort;
    order();
    draw(true);
  });
  $("pay-body").addEventListener("click", (event) => {
    const node = event.target.closest("tr.row");
    if (node && getSelection().isCollapsed) toggle(Number(node.dataset.row));
  });
  choose();
}
