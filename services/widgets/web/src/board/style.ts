import { css } from "lit";

export const boardStyle = css`
  section { position: relative; height: 100%; }
  /* Rows of boxes, each laid out by itself: a table of the browser's is laid out as a whole when one cell changes,
     which takes three times as long. Roles say what it is. */
  table, tbody { display: block; }
  table { min-width: 100%; }
  thead { display: block; position: sticky; top: 0; z-index: 2; background: var(--panel-head); }
  tr { display: flex; min-width: 100%; }
  /* Rows are shifted (see Body); a row that was not until then would have all of them laid out, hence 0. */
  .rows tr { height: var(--row-height, 24px); border-bottom: 1px solid var(--hair); contain: strict; translate: 0 0; line-height: calc(var(--row-height, 24px) - 1px); cursor: default; }
  thead tr { height: var(--head-height, 24px); line-height: calc(var(--head-height, 24px) - 1px); }
  /* A browser's own sheet has cells inherit this: with it, whatever changes of a row has all of its cells styled anew. */
  th, td { flex: 1 0 var(--width, 60px); vertical-align: baseline; }
  .rows td, .rows th { height: auto; border: 0; overflow: visible; }
  .rows tr:hover { background: var(--hover); }
  .rows tr[data-heat="1"] { background: rgb(var(--up-rgb) / 4%); }
  .rows tr[data-heat="2"] { background: rgb(var(--up-rgb) / 8%); }
  .rows tr[data-heat="3"] { background: rgb(var(--up-rgb) / 14%); }
  .rows tr[data-heat="4"] { background: rgb(var(--up-rgb) / 22%); }
  .rows tr[data-heat="-1"] { background: rgb(var(--down-rgb) / 4%); }
  .rows tr[data-heat="-2"] { background: rgb(var(--down-rgb) / 8%); }
  .rows tr[data-heat="-3"], .rows tr[data-heat="-4"] { background: rgb(var(--down-rgb) / 14%); }
  .rows tr[data-heat]:hover { filter: brightness(1.25); }
  .rows tr[data-chosen] { box-shadow: inset 2px 0 var(--accent); background: rgb(var(--accent-rgb) / 12%); }
  .rows tr[data-active] { outline: 1px solid var(--accent); outline-offset: -1px; }
  .rows tr[data-gone] { opacity: .4; }
  .rows td[data-narrow] { overflow: hidden; }
  .space td { display: block; position: relative; flex: 1; height: 0; padding: 0; border: 0; overflow: visible; }
  .space pre { position: absolute; top: 100%; left: 0; width: 29px; margin: 0; color: var(--faint); font: inherit; font-size: 11px; line-height: var(--row-height, 24px); pointer-events: none; }

  thead th { position: relative; height: auto; cursor: pointer; user-select: none; }
  thead .ranking { color: var(--text); }
  thead th[aria-sort="descending"]::after { content: " ▾"; color: var(--accent); }
  thead th[aria-sort="ascending"]::after { content: " ▴"; color: var(--accent); }
  thead .edge { position: absolute; top: 0; right: 0; width: 7px; height: 100%; cursor: col-resize; }
  thead .edge:hover { background: rgb(var(--accent-rgb) / 40%); }
  thead th:focus-visible { outline-offset: -2px; }

  .rank { flex: none; position: relative; width: 34px; padding: 0 5px 0 0; font-size: 11px; }
  .symbol { flex: none; width: 92px; padding-left: 6px; text-align: left; }
  .rows .symbol, .rows .ranking { font-weight: 600; }
  .rank[data-moved="up"]::before { content: "▲"; position: absolute; left: 2px; font-size: 7px; color: var(--up); }
  .rank[data-moved="down"]::before { content: "▼"; position: absolute; left: 2px; font-size: 7px; color: var(--down); }
  td[data-sign="up"] { color: var(--up); }
  td[data-sign="down"] { color: var(--down); }

  [data-tint] { --tint: 150 165 190; }
  [data-tint~="up"] { --tint: var(--up-rgb); }
  [data-tint~="down"] { --tint: var(--down-rgb); }
  [data-tint~="2"] { background: rgb(var(--tint) / var(--flash-2, 20%)); }
  [data-tint~="1"] { background: rgb(var(--tint) / var(--flash-1, 8%)); }

  .barred { position: relative; }
  .barred i {
    position: absolute;
    inset: auto 4px 2px 4px;
    height: 2px;
    border-radius: 1px;
    background: var(--accent);
    opacity: .75;
    transform: scaleX(var(--share, 0));
    transform-origin: right;
  }
  .barred i[data-high] { background: var(--warn); opacity: 1; }

  svg { display: block; width: 100%; height: 100%; padding: 3px 0; fill: none; stroke: currentColor; }
  path { vector-effect: non-scaling-stroke; }

  .mark { margin-left: 4px; vertical-align: 1px; font-size: 9px; font-weight: 700; line-height: 1; }
  .mark.new { padding: 0 3px; border-radius: 3px; background: rgb(var(--accent-rgb) / 25%); color: var(--accent); }
  .mark.halted { padding: 1px 3px; border-radius: 3px; background: var(--warn); color: #14100a; }
  .mark.flame { display: inline-block; width: 7px; height: 7px; border-radius: 60% 60% 60% 0; transform: rotate(-45deg); background: var(--faint); }
  .mark.flame[data-age="0"] { background: #ff4d4d; }
  .mark.flame[data-age="1"] { background: #ff9d3b; }
  .mark.flame[data-age="2"] { background: #ffd84a; }
  .mark.flame[data-age="3"] { background: #f2f4f8; }
  .mark.flame[data-age="4"] { background: #6ba5ff; }

  .note { position: absolute; right: 10px; bottom: 4px; padding: 0 6px; border-radius: 4px; background: rgb(var(--panel-rgb) / 85%); color: var(--accent); font-size: 10.5px; pointer-events: none; }
  .old .scroll { opacity: .5; }
  .note:empty { display: none; }
  .bare thead { display: none; }
  .loading .scroll {
    background: repeating-linear-gradient(var(--panel) 0 9px, var(--panel-head) 9px 18px, var(--panel) 18px 24px);
  }
`;
