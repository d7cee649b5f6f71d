// @ts-check
/** Elements made in a few words, and numbers as people read them. */

/**
 * An element with attributes and children; what is null is left out. Texts are texts, never markup.
 * @param {string} name a tag, with classes after dots
 * @param {Record<string, string | number | boolean | null>} attributes
 * @param {...(Node | string | null)} children
 * @returns {HTMLElement}
 */
export function el(name, attributes = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag ?? "div");
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (value === true) made.setAttribute(key, "");
    else if (value !== null && value !== false) made.setAttribute(key, String(value));
  }
  made.append(...children.filter((each) => each !== null));
  return made;
}

/**
 * @param {string} caption for those who cannot see where the table is
 * @param {string[]} heads those that begin with ">" stand to the right
 * @param {(Node | string | null)[][]} rows
 */
export function table(caption, heads, rows) {
  const right = heads.map((head) => head.startsWith(">"));
  return el("table", { "aria-label": caption },
    el("thead", {}, el("tr", {}, ...heads.map((head, n) => el(right[n] ? "th.number" : "th", { scope: "col" }, head.replace(">", ""))))),
    el("tbody", {}, ...rows.map((row) => el("tr", {}, ...row.map((cell, n) => el(right[n] ? "td.number" : "td", {}, cell ?? "–"))))));
}

/**
 * What is already shown stays, so that a selection, an open part and the focus do.
 * @param {Element} place
 * @param {...(Node | null)} children
 */
export function show(place, ...children) {
  const made = document.createDocumentFragment();
  made.append(...children.filter((each) => each !== null));
  patch(place, made);
}

/**
 * Make *old* like *fresh*, node by node. What the person has opened stays open.
 * @param {Node} old
 * @param {Node} fresh
 */
function patch(old, fresh) {
  const [before, after] = [[...old.childNodes], [...fresh.childNodes]];
  for (const [place, wanted] of after.entries()) {
    const held = before[place];
    if (!held) old.appendChild(wanted);
    else if (held.nodeName !== wanted.nodeName) old.replaceChild(wanted, held);
    else if (held instanceof Text) {
      if (held.data !== wanted.textContent) held.data = wanted.textContent ?? "";
    } else if (held instanceof Element && wanted instanceof Element) {
      copyAttributes(held, wanted);
      patch(held, wanted);
    }
  }
  for (const extra of before.slice(after.length)) extra.remove();
}

/**
 * @param {Element} held
 * @param {Element} wanted
 */
function copyAttributes(held, wanted) {
  for (const { name } of [...held.attributes]) {
    if (!wanted.hasAttribute(name) && !(held.nodeName === "DETAILS" && name === "open")) held.removeAttribute(name);
  }
  for (const { name, value } of [...wanted.attributes]) {
    if (held.getAttribute(name) !== value) held.setAttribute(name, value);
  }
}

/**
 * What stands between backticks is something to type.
 * @param {string} text
 */
export const worded = (text) => text.split("`").map((part, n) => (n % 2 ? el("code", {}, part) : document.createTextNode(part)));

const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en-US", { maximumFractionDigits: 1, minimumFractionDigits: 1 });

/** @param {number | null | undefined} value */
export const count = (value) => (value === null || value === undefined ? "–" : whole.format(value));

/** @param {number | null | undefined} ms */
export function took(ms) {
  if (ms === null || ms === undefined) return "–";
  return ms < 10 ? `${tenths.format(ms)} ms` : ms < 1000 ? `${whole.format(ms)} ms` : `${tenths.format(ms / 1000)} s`;
}

/** @param {number | null | undefined} seconds */
export function age(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 10) return `${tenths.format(seconds)} s`;
  if (seconds < 120) return `${whole.format(seconds)} s`;
  if (seconds < 7200) return `${whole.format(seconds / 60)} min`;
  return seconds < 172_800 ? `${whole.format(seconds / 3600)} h` : `${whole.format(seconds / 86_400)} d`;
}

/** @param {number} bytes */
export function size(bytes) {
  for (const [unit, least] of /** @type {[string, number][]} */ ([["GB", 1e9], ["MB", 1e6], ["KB", 1e3]])) {
    if (bytes >= least) return `${tenths.format(bytes / least)} ${unit}`;
  }
  return `${whole.format(bytes)} B`;
}
