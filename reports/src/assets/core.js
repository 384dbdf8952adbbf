// The page's data, and how numbers are written: the same way as in the rest of the reports.
"use strict";

window.addEventListener("error", (event) => { document.documentElement.dataset.failed = event.message; });

const DATA = JSON.parse(document.getElementById("data").textContent);
const ROWS = DATA.payments.rows;
const OUTCOMES = ["ok", "fail", "info"];
const HUES = 7;

// Columns of a payment's row; times are in microseconds, the last two since `start`.
const TX = 0, ACCOUNT = 1, AMOUNT = 2, K = 3, ATTEMPTS = 4, OUTCOME = 5, RECORDED = 6, RESULT = 7, DELIVERED = 8,
  CREDITED = 9, BY_MESSAGE = 10, START = 11, ANSWERED = 12, FIRST_DELIVERED = 13, ANOMALIES = 14;

const $ = (id) => document.getElementById(id);
const text = (number) => number === null ? null : DATA.strings[number];

// Text is only ever put into text nodes: no string of the history can become markup.
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

function plural(n, noun) {
  return `${count(n)} ${noun}${n === 1 ? "" : "s"}`;
}

function times(n) {
  return n === 0 ? "never" : n === 1 ? "once" : n === 2 ? "twice" : `${count(n)} times`;
}

function money(minor) {
  const negative = minor.startsWith("-");
  const digits = (negative ? minor.slice(1) : minor).padStart(DATA.scale + 1, "0");
  const whole = digits.slice(0, digits.length - DATA.scale);
  const fraction = digits.slice(digits.length - DATA.scale);
  return (negative ? "-" : "") + whole + (DATA.scale ? "." + fraction : "");
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

// Faults with their names and hues; the table of faults counts hues the same way.
const FAULTS = (() => {
  const kinds = [];
  return DATA.timeline.faults.map(([id, kind, on, from, to, seen]) => {
    if (!kinds.includes(kind)) kinds.push(kind);
    return { id, name: `#${id} ${kind} ${on}`, from, to: to ?? DATA.timeline.end, healed: to !== null, seen, hue: kinds.indexOf(kind) % HUES };
  });
})();
