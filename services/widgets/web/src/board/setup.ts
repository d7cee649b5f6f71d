/** The settings of a board, as a form. */

import { html, type TemplateResult } from "lit";
import { FIELDS } from "../look/fields";
import { boundsForm } from "../look/bounds-form";
import { movedColumn, titleOf, type BoardSettings } from "./settings";

export interface Setup {
  settings: BoardSettings;
  /** Boards that there are. */
  boards: string[];
  /** The columns that are shown now. */
  shown: string[];
  /** Why the service refuses the condition, with the place; null: it does not. */
  wrong: { message: string; place: number | null; where: string } | null;
  change: (changes: Partial<BoardSettings>) => void;
  done: () => void;
}

export function setupForm(setup: Setup): TemplateResult {
  const { settings, boards, change, done } = setup;
  const numbers = (event: Event) => Number((event.target as HTMLInputElement).value);
  return html`<form class="settings" @submit=${(event: Event) => { event.preventDefault(); done(); }}>
    <div class="fields">
      <label><span>Board</span>
        <select name="board" @change=${(event: Event) => change({ board: (event.target as HTMLSelectElement).value, sort: null })}>
          ${boards.map((name) => html`<option value=${name} ?selected=${name === settings.board}>${titleOf(name)}</option>`)}
        </select></label>
      <label><span>Rows</span><input type="number" name="top" min="1" max="500" .value=${String(settings.top)}
        @change=${(event: Event) => change({ top: Math.min(500, Math.max(1, numbers(event) || 100)) })}></label>
      <label><span>Updates a second</span><input type="number" name="hz" min="0.5" max="10" step="0.5" .value=${String(settings.hz)}
        @change=${(event: Event) => change({ hz: Math.min(10, Math.max(0.5, numbers(event) || 4)) })}></label>
      <label><input type="checkbox" .checked=${settings.heat}
        @change=${(event: Event) => change({ heat: (event.target as HTMLInputElement).checked })}>
        <span>Tint rows by change</span></label>
    </div>
    <h3>Filter, over the whole market</h3>
    ${boundsForm(settings.bounds, (bounds) => change({ bounds }))}
    <label><span>and</span></label>
    <textarea rows="2" name="where" aria-label="Condition" placeholder="vwap_distance_pct > 0 and halt != 'paused'" spellcheck="false"
      .value=${settings.where} @change=${(event: Event) => change({ where: (event.target as HTMLTextAreaElement).value })}></textarea>
    ${setup.wrong ? html`<p class="wrong" role="alert">${caret(setup.wrong)}</p>` : ""}
    <h3>Columns</h3>
    ${columnsForm(setup)}
    <p><button type="submit">Done</button>
      <button type="button" @click=${() => change({ columns: null, widths: {} })}>Usual columns</button></p>
  </form>`;
}

function caret({ message, place, where }: NonNullable<Setup["wrong"]>): string {
  return place === null ? message : `${where}\n${" ".repeat(place)}^\n${message}`;
}

/** Columns that are shown first, in their order, each with what moves it; then all others. */
function columnsForm({ shown, change }: Setup): TemplateResult {
  const others = [...FIELDS.keys()].filter((name) => !shown.includes(name));
  const moved = (name: string, by: number) => change({ columns: movedColumn(shown, name, by) });
  const toggle = (name: string) =>
    change({ columns: shown.includes(name) ? shown.filter((each) => each !== name) : [...shown, name] });
  return html`<div class="fields columns">${[...shown, ...others].map((name) => {
    const { title = name, about = name } = FIELDS.get(name) ?? {};
    return html`<label title=${about}>
      <input type="checkbox" .checked=${shown.includes(name)} @change=${() => toggle(name)}><span>${title}</span>
      ${shown.includes(name) ? html`
        <button type="button" aria-label="${title} to the left" @click=${() => moved(name, -1)}>‹</button>
        <button type="button" aria-label="${title} to the right" @click=${() => moved(name, 1)}>›</button>` : ""}
    </label>`;
  })}</div>`;
}
