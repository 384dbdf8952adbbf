// The page's data, and numbers in words, written as in the other reports.
"use strict";

window.addEventListener("error", (event) => { document.documentElement.dataset.failed = event.message; });

const DATA = JSON.parse(document.getElementById("data").textContent);
const WORDS = DATA.words;
const { rows: ROWS, fields: FIELDS } = DATA.subjects;
const OUTCOMES = ["ok", "fail", "info"];
const HUES = 7;

// Columns of a subject's row; times are in microseconds, the last two since `START`.
const SUBJECT = 0, ASKED = 1, ATTEMPTS = 2, OUTCOME = 3, RECORDED = 4, RESULT = 5, DELIVERED = 6, EFFECTS = 7,
  BEFORE_REPAIR = 8, START = 9, ANSWERED = 10, FIRST_DELIVERED = 11, ANOMALIES = 12;

const $ = (id) => document.getElementById(id);
const text = (number) => number === null ? null : DATA.strings[number];

// Strings of the history go into text nodes and attributes only: they never become markup.
function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

function count(n) {
  return String(n).replace(/\B(?=(\d{3})+(?!\d))/g, ",");
}

function subjects(n) {
  return `${count(n)} ${n === 1 ? WORDS.subject : WORDS.subjects}`;
}

function times(n) {
  return n === 0 ? "never" : n === 1 ? "once" : n === 2 ? "twice" : `${count(n)} times`;
}

function capital(word) {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function moment(us) {
  return (Math.floor(us / 1000) / 1000).toFixed(3) + " s";
}

function span(us) {
  if (us < 1e3) return `${us} µs`;
  if (us < 1e4) return (us / 1e3).toFixed(2) + " ms";
  if (us < 1e5) return (us / 1e3).toFixed(1) + " ms";
  if (us < 1e6) return (us / 1e3).toFixed(0) + " ms";
  if (us < 1e7) return (us / 1e6).toFixed(2) + " s";
  return (us / 1e6).toFixed(1) + " s";
}

// Faults with their names and colors; the table of faults assigns colors in the same order.
const FAULTS = (() => {
  const kinds = [];
  return DATA.timeline.faults.map(([id, kind, on, from, to, seen]) => {
    if (!kinds.includes(kind)) kinds.push(kind);
    return { id, name: `#${id} ${kind} ${on}`, from, to: to ?? DATA.timeline.end, healed: to !== null, seen, hue: kinds.indexOf(kind) % HUES };
  });
})();
