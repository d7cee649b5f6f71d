// @ts-check
import { button, call, complain, el, me, place } from "./people.js";

/** @typedef {{name: string, widgets: number}} Contents */
/** @typedef {{revision: number, at_ms: number, bytes: number, layouts: Contents[]}} Version */
/** @typedef {{id: string, name: string, at_ms: number, ends_ms: number}} Share */

const OFFERED = "tickmesh.offered";

/** @param {number} ms */
const moment = (ms) => new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" }).format(ms);
/** @param {number} ms */
const day = (ms) => new Intl.DateTimeFormat(undefined, { dateStyle: "medium" }).format(ms);
/** @param {number} count */
const widgets = (count) => `${count} ${count === 1 ? "widget" : "widgets"}`;
/** @param {string} id */
const address = (id) => `${location.origin}/layouts#shared=${id}`;

/** The newest version that this page has shown. */
let revision = 0;

/** @param {import("./people.js").Answer} answer @param {string} said */
function tell(answer, said) {
  complain(answer.ok ? "" : answer.message);
  complain(answer.ok ? said : "", "done");
}

async function showVersions() {
  const answer = await call("/v1/layouts/history");
  if (!answer.ok) return complain(answer.message);
  /** @type {Version[]} */
  const versions = answer.data.versions;
  revision = answer.data.revision;
  fill("versions", versions.map((each) => el("tr", {},
    el("td", {}, moment(each.at_ms)),
    el("td", { class: "words" }, each.layouts.map((one) => `${one.name} (${one.widgets})`).join(", ") || "nothing that the desk has written"),
    el("td", {}, `${(each.bytes / 1024).toFixed(1)} KB`),
    el("td", {}, restoring(each)))), "The desk has written nothing yet.");
  fill("layouts", (versions[0]?.layouts ?? []).map((each) => el("tr", {},
    el("td", { class: "words" }, each.name), el("td", {}, String(each.widgets)),
    el("td", {}, button("Share", `Share ${each.name}`, () => share(each.name))))), "There are none yet: the desk keeps them here once it has a user.");
}

/** @param {Version} version */
function restoring(version) {
  if (version.revision === revision) return el("span", { class: "badge good" }, "now");
  if (!version.layouts.length) return "";
  return button("Restore", `Restore the version of ${moment(version.at_ms)}`, async () => {
    const answer = await call("/v1/layouts/restore", { revision: version.revision, expected: revision });
    tell(answer, `the layouts are again what they were on ${moment(version.at_ms)}: the desk shows them when it is loaded`);
    await showVersions();
  });
}

/** @param {string} name */
async function share(name) {
  const answer = await call("/v1/layouts/share", { name });
  tell(answer, `${name} can be seen by whoever has the link: copy it below`);
  await showShares();
}

async function showShares() {
  const answer = await call("/v1/layouts/shares");
  if (!answer.ok) return complain(answer.message);
  fill("shares", answer.data.shares.map((/** @type {Share} */ each) => el("tr", {},
    el("td", { class: "words" }, el("a", { href: address(each.id) }, each.name)), el("td", {}, day(each.at_ms)), el("td", {}, day(each.ends_ms)),
    el("td", {},
      button("Copy", `Copy the link to ${each.name}`, async () => {
        await navigator.clipboard.writeText(address(each.id));
        complain("the link is copied", "done");
      }), " ",
      button("Revoke", `Revoke the link to ${each.name}`, async () => {
        tell(await call(`/v1/layouts/shares/${each.id}/revoke`, {}), "the link leads nowhere now");
        await showShares();
      })))), "You share nothing.");
}

/** @param {string} id of a table's body @param {Node[]} rows @param {string} otherwise */
function fill(id, rows, otherwise) {
  const columns = place(id).closest("table").querySelectorAll("th").length;
  place(id).replaceChildren(...(rows.length ? rows : [el("tr", {}, el("td", { class: "none", colspan: String(columns) }, otherwise))]));
}

/** What the address offers, or did before somebody had to sign in. */
function offered() {
  const id = /^#shared=([0-9a-f]{32})$/.exec(location.hash)?.[1];
  const kept = sessionStorage.getItem(OFFERED);
  sessionStorage.removeItem(OFFERED);
  return id ?? kept;
}

/** @type {string | null} */
let offer = null;

async function showOffer() {
  offer = offered();
  place("offer").hidden = true;
  if (!offer) return;
  const answer = await call(`/v1/layouts/shared/${offer}`);
  if (!answer.ok) return complain(answer.message);
  const { owner, name, layout } = answer.data;
  place("h-offer").textContent = `${owner} shares ${name}`;
  place("offer-what").textContent = `${widgets(layout.widgets.length)}. You get a copy of your own, beside the layouts that you have.`;
  place("offer").hidden = false;
}

async function take() {
  place("take").disabled = true;
  const answer = await call(`/v1/layouts/shared/${offer}/take`, { expected: revision });
  tell(answer, `you have it now as ${answer.data?.name}: the desk shows it when it is loaded`);
  place("take").disabled = false;
  place("offer").hidden = answer.ok;
  if (answer.ok) history.replaceState(null, "", "/layouts");
  await showVersions();
}

const who = await me();
if (!who) {
  const id = offered();
  if (id) sessionStorage.setItem(OFFERED, id);  // the part behind # is not sent to the page of sign-in
  location.replace("/sign-in?next=/layouts");
} else {
  place("user").textContent = who.user;
  place("role").textContent = who.role;
  place("take").addEventListener("click", take);
  addEventListener("hashchange", showOffer);
  await Promise.all([showVersions(), showShares(), showOffer()]);
}
