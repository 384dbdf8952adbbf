// The story of one subject: a summary, then every step in order, with the faults that overlap it.

function story(row) {
  const subject = ROWS[row];
  const parts = document.createDocumentFragment();
  parts.append(el("p", { class: "facts-line" }, ...storyFacts(subject)));
  const steps = storySteps(DATA.stories[row]);
  if (steps === null) {
    parts.append(el("p", { class: "remark" }, "Its steps are left out of this page. history.jsonl holds them."));
    return parts;
  }
  const body = el("tbody");
  for (const step of withFaults(steps)) body.append(storyRow(step, subject[START]));
  const heads = [["Time", "n"], ["Since", "n"], ["Process, link or view", null], ["What", null], ["Value", null]];
  parts.append(el("table", { class: "events" },
    el("caption", { class: "hidden" }, `Story of ${WORDS.subject} ${subject[SUBJECT]}`),
    el("thead", null, el("tr", null, ...heads.map(([head, side]) => el("th", { scope: "col", class: side }, head)))),
    body));
  return parts;
}

function storyFacts(s) {
  const bold = (said) => el("b", null, said);
  const asked = FIELDS.map((field, at) => s[ASKED][at] === null ? null : `${field.name} ${text(s[ASKED][at])}`);
  const facts = [asked.filter((said) => said !== null).join(", ")];
  const say = (...said) => facts.push(...said, ". ");
  if (facts[0] === "") facts.pop();
  else facts.push(". ");
  if (s[EFFECTS] === null) say(`Whether it was ${WORDS.effect} is `, bold("unknown"));
  else say(`${capital(WORDS.effect)} `, bold(times(s[EFFECTS])), repairWords(s));
  if (DATA.subjects.records) say(recordedWords(s));
  say(`Attempted ${times(s[ATTEMPTS])}`, s[ANSWERED] === null ? "; no definite answer" : `; a definite answer after ${span(s[ANSWERED])}`);
  if (DATA.subjects.deliveries) {
    say(`Delivered ${times(s[DELIVERED])}`, s[FIRST_DELIVERED] === null ? "" : `, first after ${span(s[FIRST_DELIVERED])}`);
  }
  return facts;
}

function repairWords(s) {
  if (s[BEFORE_REPAIR] === null || s[EFFECTS] <= s[BEFORE_REPAIR]) return "";
  return s[BEFORE_REPAIR] === 0 ? ", by the repair only" : `, ${times(s[EFFECTS] - s[BEFORE_REPAIR])} of them by the repair`;
}

function recordedWords(s) {
  if (s[RECORDED] === null) return `Whether it was ${WORDS.recorded} is unknown`;
  return `${capital(WORDS.recorded)} ${times(s[RECORDED])}` + (s[RESULT] === null ? "" : ` as ${text(s[RESULT])}`);
}

// Unpacks time, index, who, what, value: times and indices are differences, a negative who is a client.
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

// Adds the faults that overlap the subject's operations and frames. Views are read later and are not counted.
function withFaults(steps) {
  const busy = steps.filter((step) => step.what !== "view" && !step.what.startsWith("view "));
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
