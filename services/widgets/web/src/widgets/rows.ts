/** Lists of what happened, newest first: real tables of few columns. */

import { css, html, nothing, type TemplateResult } from "lit";

export interface ListColumn<T> {
  title: string;
  left?: boolean;
  cell: (item: T) => TemplateResult | string;
  /** `up`, `down` or nothing. */
  tone?: (item: T) => string;
}

export interface ListOptions<T> {
  label: string;
  columns: ListColumn<T>[];
  items: readonly T[];
  /** How many there are, if not all are shown. */
  total?: number;
  symbol: (item: T) => string;
  chosen: string;
  choose: (symbol: string) => void;
  title?: (item: T) => string;
  mark?: (item: T) => string;
  empty: string;
}

export const listStyle = css`
  table { width: 100%; }
  tbody tr:hover { background: var(--hover); }
  tbody tr[data-chosen] { box-shadow: inset 2px 0 var(--accent); background: rgb(var(--accent-rgb) / 12%); }
  tbody tr[data-mark="fresh"] { animation: fresh 1.6s ease-out; }
  tbody th { font-weight: 600; text-align: left; }
  th button.symbol { padding: 0; border: 0; background: none; font-weight: 600; }
  th button.symbol:hover { color: var(--accent); }
  @keyframes fresh { from { background: rgb(var(--accent-rgb) / 30%); } }
  @media (prefers-reduced-motion: reduce) { tbody tr[data-mark="fresh"] { animation: none; } }
`;

export function list<T>(options: ListOptions<T>): TemplateResult {
  const { label, columns, items, symbol, chosen, choose, title, mark, empty } = options;
  return html`<div class="scroll" tabindex="0" role="group" aria-label=${label}>
    ${items.length === 0 ? html`<p class="empty">${empty}</p>` : html`
    <table aria-label=${label} aria-rowcount=${(options.total ?? items.length) + 1}>
      <thead><tr>${columns.map((column) => html`<th scope="col" class=${column.left ? "left" : ""}>${column.title}</th>`)}</tr></thead>
      <tbody>${items.map((item, n) => html`<tr aria-rowindex=${n + 2} ?data-chosen=${symbol(item) === chosen}
          data-mark=${mark?.(item) || nothing} title=${title?.(item) || nothing} @click=${() => choose(symbol(item))}>
        ${columns.map((column) => column.title === "Symbol"
          ? html`<th scope="row"><button class="symbol" tabindex="-1">${symbol(item)}</button></th>`
          : html`<td class=${`${column.left ? "left" : ""} ${column.tone?.(item) ?? ""}`}>${column.cell(item)}</td>`)}
      </tr>`)}</tbody>
    </table>`}
  </div>`;
}
