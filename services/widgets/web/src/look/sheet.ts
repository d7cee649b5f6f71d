/** Styles that all widgets share; colours and sizes are the page's, or those of any page that sets the same names. */

import { css } from "lit";

export const sheet = css`
  :host {
    display: block;
    height: 100%;
    min-width: 0;
    min-height: 0;
    background: var(--panel);
    color: var(--text);
    font-size: var(--size, 12.5px);
    font-variant-numeric: tabular-nums;
    contain: strict;
    container-type: size;
  }
  /* How a widget stands that is on no desk, where nothing else says it. */
  :host([standing])::after {
    content: attr(standing); position: absolute; right: 6px; bottom: 4px; z-index: 9;
    padding: 1px 7px; border-radius: 4px; background: var(--raised); color: var(--warn); font-size: 11px;
  }
  :host([standing]) .rows { opacity: .5; }
  * { box-sizing: border-box; margin: 0; }
  [hidden] { display: none !important; }
  .up { color: var(--up); }
  .down { color: var(--down); }
  .soft { color: var(--soft); }
  .faint { color: var(--faint); }
  button, input, select, textarea { color: inherit; font: inherit; }
  button {
    padding: 2px 8px;
    border: 1px solid var(--line);
    border-radius: 5px;
    background: var(--raised);
    cursor: pointer;
  }
  button:hover { border-color: var(--faint); }
  button[aria-pressed="true"] { border-color: var(--accent); color: var(--accent); }
  input:not([type="checkbox"], [type="range"]), select, textarea {
    min-width: 0;
    padding: 2px 6px;
    border: 1px solid var(--line);
    border-radius: 5px;
    background: var(--ground);
  }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: -1px; }
  .empty { padding: 18px 14px; color: var(--soft); text-align: center; }
  .empty:empty { display: none; }
  .ask { display: flex; gap: 6px; padding: 14px; justify-content: center; }
  .ask input { width: 110px; text-transform: uppercase; }
  .scroll {
    height: 100%;
    overflow: auto;
    overflow-anchor: none;
    scrollbar-color: var(--line) transparent;
    scrollbar-width: thin;
  }
  table { border-collapse: separate; border-spacing: 0; }
  thead th {
    position: sticky;
    top: 0;
    z-index: 1;
    height: var(--head-height, 24px);
    border-bottom: 1px solid var(--line);
    background: var(--panel-head);
    color: var(--soft);
    font-size: 11px;
    font-weight: 500;
  }
  th, td { padding: 0 6px; text-align: right; white-space: nowrap; overflow: hidden; text-overflow: clip; }
  tbody td, tbody th { height: var(--row-height, 24px); border-bottom: 1px solid var(--hair); }
  .left { text-align: left; }
  .settings { display: flex; flex-direction: column; gap: 10px; height: 100%; padding: 10px 12px; overflow: auto; background: var(--panel); }
  .settings > * { flex: none; }
  .settings .bounds span { white-space: nowrap; }
  .settings textarea { width: 100%; }
  .settings h3 { color: var(--soft); font-size: 11px; font-weight: 600; letter-spacing: .04em; text-transform: uppercase; }
  .settings .fields { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 5px 12px; }
  .settings .bounds { grid-template-columns: repeat(auto-fill, minmax(205px, 1fr)); }
  .settings label { display: flex; align-items: center; gap: 6px; }
  .settings label > span { flex: 1; color: var(--soft); }
  .settings input[type="number"], .settings input.number { width: 62px; text-align: right; }
  .wrong { color: var(--down); white-space: pre-wrap; }
`;
