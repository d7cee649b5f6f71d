import { html, type TemplateResult } from "lit";
import { FILTERED, amountOf, written, type Bounds } from "./conditions";

/** Least and most of each filtered field; numbers may be written as 1.5M. */
export function boundsForm(bounds: Bounds, change: (bounds: Bounds) => void): TemplateResult {
  const take = (event: Event, field: string, side: "least" | "most") => {
    const input = event.target as HTMLInputElement;
    const value = amountOf(input.value);
    input.setCustomValidity(value === null ? "a number, such as 2.5 or 20M" : "");
    input.ariaInvalid = String(value === null);
    if (value === null) return;
    const found = { ...bounds, [field]: { ...bounds[field], [side]: value } };
    if (found[field].least === undefined && found[field].most === undefined) delete found[field];
    change(found);
  };
  return html`<div class="fields bounds">${FILTERED.map(([field, title]) => html`
    <label><span>${title}</span>
      <input class="number" aria-label="${title}, at least" placeholder="least" size="6" .value=${written(bounds[field]?.least)}
        @change=${(event: Event) => take(event, field, "least")}>
      <input class="number" aria-label="${title}, at most" placeholder="most" size="6" .value=${written(bounds[field]?.most)}
        @change=${(event: Event) => take(event, field, "most")}></label>`)}</div>`;
}
