// The story of one payment: a few sentences, then every step in order, with the faults it ran into.

function story(row) {
  const payment = ROWS[row];
  const parts = document.createDocumentFragment();
  parts.append(el("p", { class: "facts-line" }, ...storyFacts(payment)));
  const steps = storySteps(DATA.stories[row]);
  if (steps === null) {
    parts.append(el("p", { class: "remark" }, "Its steps are left out of this page; they are in history.jsonl."));
    return parts;
  }
  const body = el("tbody");
  for (const step of withFaults(steps)) body.append(storyRow(step, payment[START]));
  const heads = [["Time", "n"], ["Since", "n"], ["Process or link", null], ["What", null], ["Value", null]];
  parts.append(el("table", { class: "events" },
    el("caption", { class: "hidden" }, `Story of payment ${payment[TX]}`),
    el("thead", null, el("tr", null, ...heads.map(([head, side]) => el("th", { scope: "col", class: side }, head)))),
    body));
  return parts;
}

function storyFacts(p) {
  const bold = (said) => el("b", null, said);
  const facts = [bold(money(p[AMOUNT])), ` to ${text(p[ACCOUNT])}, `];
  if (p[CREDITED] === null) {
    facts.push("credits ", bold("not known"));
  } else {
    facts.push("credited ", bold(times(p[CREDITED])));
    if (p[BY_MESSAGE] !== null && p[CREDITED] > p[BY_MESSAGE]) {
      facts.push(` (by its message ${times(p[BY_MESSAGE])}, the rest by a query)`);
    }
    facts.push(`: the digit at ${DATA.base}`, el("sup", null, String(p[K])), " of what the balance gained, in minor units");
  }
  const result = p[RESULT] === null ? "" : `, result ${text(p[RESULT])}`;
  facts.push(`. Attempted ${times(p[ATTEMPTS])}, recorded ${times(p[RECORDED])}${result}, delivered ${times(p[DELIVERED])}`);
  if (p[ANSWERED] !== null) facts.push(`; a definite answer after ${span(p[ANSWERED])}`);
  if (p[FIRST_DELIVERED] !== null) facts.push(`, delivered first after ${span(p[FIRST_DELIVERED])}`);
  facts.push(".");
  return facts;
}

// Unpacks time, index, who, what, value; times and indices are differences, a who below zero is a client.
function storySteps(flat) {
  if (flat === null) return null;
  const steps = [];
  let time = 0, index = 0;
  for (let i = 0; i < flat.length; i += 5) {
    time += flat[i];
    index += flat[i + 1];
    steps.push({ time, index, who: flat[i + 2] < 0 ? `client ${-1 - flat[i + 2]}` : text(flat[i + 2]), what: text(flat[i + 3]), value: text(flat[i + 4]) });
  }
  return steps;
}

// Adds what faults did while the payment was under way; the reads at the end of the run do not count.
function withFaults(steps) {
  const busy = steps.filter((step) => !step.what.startsWith("read"));
  if (busy.length === 0) return steps;
  const from = busy[0].time, to = busy[busy.length - 1].time;
  const asides = [];
  for (const fault of FAULTS) {
    if (fault.from > to || fault.to < from) continue;
    const aside = (time, value) => asides.push({ time, who: "nemesis", what: "fault", value: `${fault.name} ${value}`, aside: true });
    if (fault.from < from) aside(from - 1, "is in force");
    else aside(fault.from, "begins");
    if (fault.to <= to && fault.healed) aside(fault.to, "is healed");
  }
  return [...asides, ...steps].sort((a, b) => a.time - b.time);
}

function storyRow(step, start) {
  const kind = step.aside ? "is-aside" : step.what.endsWith(" fail") ? "is-fail" : step.what.endsWith(" info") ? "is-info" : null;
  const since = step.time > start ? "+" + span(step.time - start) : "";
  return el("tr", { class: kind, title: step.aside ? null : `event ${step.index}` },
    el("td", { class: "n" }, moment(Math.max(step.time, 0))),
    el("td", { class: "n faint" }, since),
    el("td", null, step.who),
    el("td", null, step.what),
    el("td", { class: "value" }, step.value));
}
