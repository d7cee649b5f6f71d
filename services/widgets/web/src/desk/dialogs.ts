/** What opens over the desk. */

import { html, nothing, type TemplateResult } from "lit";
import { heard } from "../alerts/heard";
import { ALERT_KINDS, why } from "../alerts/kinds";
import { play } from "../alerts/sounds";
import { time } from "../look/format";
import { appearance, type Appearance } from "../look/settings";
import { CONNECTION_KEY } from "../share/connection";
import { showSymbol, type Command } from "./commands";
import { exportFile, importFile } from "./exchange";
import type { Layout } from "./model";
import { store } from "./store";

export function keysDialog(list: readonly Command[]): TemplateResult {
  return html`<h2>Keys</h2><dl class="keys">
    ${list.filter((command) => command.key).map(({ key, title }) => html`<dt><kbd>${key}</kbd></dt><dd>${title}</dd>`)}
    <dt><kbd>Ctrl+k</kbd></dt><dd>Search, also</dd>
    <dt><kbd>Space</kbd></dt><dd>On the head of a widget: take it; arrows move it, with Shift they resize it; Escape puts it back</dd>
    <dt><kbd>↑ ↓ Enter</kbd></dt><dd>On a board: go through its rows, and choose one</dd>
    <dt><kbd>Shift ← →</kbd></dt><dd>On the head of a column: make it narrower or wider; with Alt move it</dd>
  </dl>`;
}

export function alertsDialog(): TemplateResult {
  return html`<h2>Alerts that called</h2>
    ${heard.blocked ? html`<p class="warn">The browser makes no sound before a first click on the page.</p>` : nothing}
    ${heard.list.length ? html`<table class="heard"><thead><tr><th>Time</th><th>Symbol</th><th>What</th><th>Why</th><th>Widget</th></tr></thead>
      <tbody>${heard.list.map(({ alert, by }) => html`<tr @click=${() => showSymbol(alert.symbol)}>
        <td>${time(alert.event_ms)}</td><th scope="row">${alert.symbol}</th>
        <td>${ALERT_KINDS[alert.kind]?.title ?? alert.kind}</td><td>${why(alert)}</td><td class="soft">${by}</td></tr>`)}</tbody></table>`
    : html`<p class="soft">None yet. Give a list of alerts a sound in its settings (⚙), and what passes its filter is called out and noted here.</p>`}`;
}

export function appearanceDialog(): TemplateResult {
  const { now } = appearance;
  const choice = <K extends keyof Appearance>(name: K, title: string, values: [Appearance[K], string][]) => html`
    <label><span>${title}</span><select name=${name} @change=${(event: Event) =>
      appearance.change({ [name]: (event.target as HTMLSelectElement).value } as Partial<Appearance>)}>
      ${values.map(([value, text]) => html`<option value=${String(value)} ?selected=${now[name] === value}>${text}</option>`)}</select></label>`;
  const checked = (event: Event) => (event.target as HTMLInputElement).checked;
  const notify = async (event: Event) => {
    const wanted = checked(event);
    appearance.change({ notify: wanted && (await Notification.requestPermission()) === "granted" });
  };
  const isOwn = localStorage.getItem(CONNECTION_KEY) === "own";
  return html`<h2>Looks and sounds</h2><div class="choices">
    ${choice("theme", "Ground", [["dark", "dark"], ["light", "light"]])}
    ${choice("scheme", "Rising and falling", [["green-red", "green and red"], ["blue-orange", "blue and orange"], ["teal-magenta", "teal and magenta"]])}
    ${choice("density", "Rows", [["dense", "dense"], ["comfortable", "comfortable"]])}
    ${choice("highlight", "Changes light up", [["normal", "clearly"], ["calm", "faintly"], ["off", "never"]])}
    <label><span>Sounds</span><input type="checkbox" .checked=${!now.muted} @change=${(event: Event) => appearance.change({ muted: !checked(event) })}></label>
    <label><span>Volume</span><input type="range" min="0" max="1" step="0.05" .value=${String(now.volume)}
      @change=${(event: Event) => { appearance.change({ volume: Number((event.target as HTMLInputElement).value) }); play("blip"); }}></label>
    <label><span>Notify while in the background</span><input type="checkbox" .checked=${now.notify} @change=${notify}></label>
    <label><span>Share one connection among windows</span><input type="checkbox" .checked=${!isOwn} @change=${(event: Event) => {
      localStorage.setItem(CONNECTION_KEY, checked(event) ? "shared" : "own");
      location.reload();
    }}></label>
  </div>`;
}

export function layoutsDialog(done: (text: string) => void): TemplateResult {
  const { desk, layout } = store;
  const named = (form: HTMLFormElement) => String(new FormData(form).get("name") ?? "").trim();
  return html`<h2>Layouts</h2>
    <ul class="layouts">${desk.layouts.map((each) => html`<li ?data-active=${each.name === layout.name}>
      <button class="show" @click=${() => store.show(each.name)}>${preview(each)}<strong>${each.name}</strong>
        <span class="faint">${each.widgets.length} widgets${each.name === desk.usual ? " · usual" : ""}</span></button></li>`)}</ul>
    <form @submit=${(event: Event) => {
      event.preventDefault();
      const name = named(event.target as HTMLFormElement);
      const how = (event as SubmitEvent).submitter?.getAttribute("value");
      if (!name) return;
      if (how === "rename") store.rename(name);
      else store.saveAs(name);
      (event.target as HTMLFormElement).reset();
      done(how === "rename" ? `Renamed to ${name}` : `Saved as ${name}`);
    }}><input name="name" aria-label="Name of the layout" placeholder="Name" maxlength="80" required>
      <button value="save">Save as</button><button value="rename">Rename “${layout.name}”</button></form>
    <p class="row"><button @click=${() => store.makeUsual()} ?disabled=${desk.usual === layout.name}>Begin with “${layout.name}”</button>
      <button @click=${() => store.deleteLayout()} ?disabled=${desk.layouts.length < 2}>Delete “${layout.name}”</button>
      <button @click=${() => store.undo()} ?disabled=${!store.canUndo}>Undo</button></p>
    <p class="row"><button @click=${download}>Export all</button>
      <label class="file"><span>Import</span><input type="file" accept=".json,application/json" @change=${(event: Event) => void upload(event, done)}></label></p>`;
}

/** A layout, small. */
function preview(layout: Layout): TemplateResult {
  const rows = Math.max(1, ...layout.widgets.map((placed) => placed.y + placed.h));
  return html`<svg class="preview" viewBox="0 0 96 54" aria-hidden="true">${layout.widgets.map(({ x, y, w, h, kind }) =>
    svgRect(x * 4, (y * 54) / rows, w * 4 - 1, (h * 54) / rows - 1, kind))}</svg>`;
}

function svgRect(x: number, y: number, width: number, height: number, kind: string): SVGRectElement {
  const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
  for (const [name, value] of Object.entries({ x, y, width, height, rx: 1 })) rect.setAttribute(name, String(value));
  rect.dataset.kind = kind;
  return rect;
}

function download(): void {
  const blob = new Blob([exportFile(store.desk.layouts, store.desk.usual)], { type: "application/json" });
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = "tickmesh-layouts.json";
  link.click();
  URL.revokeObjectURL(link.href);
}

async function upload(event: Event, done: (text: string) => void): Promise<void> {
  const input = event.target as HTMLInputElement;
  const file = input.files?.[0];
  input.value = "";
  if (!file) return;
  try {
    const { layouts, lost } = importFile(await file.text());
    for (const layout of layouts) store.addLayout(layout);
    done(`${layouts.length} layouts taken in${lost.length ? `, without ${lost.join(", ")}` : ""}`);
  } catch (error) {
    done(`Not taken in: ${(error as Error).message}`);
  }
}
