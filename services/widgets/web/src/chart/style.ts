import { css } from "lit";

export const chartStyle = css`
  :host { display: flex; flex-direction: column; }
  .bar { display: flex; flex: none; align-items: center; gap: 4px; height: 28px; padding: 0 6px; border-bottom: 1px solid var(--line); }
  .bar input.symbol { width: 76px; height: 21px; font-weight: 650; text-transform: uppercase; }
  .bar button, .bar select { height: 21px; padding: 0 6px; line-height: 19px; }
  .bar .intervals { display: flex; gap: 1px; }
  .bar .intervals button, .bar .quick button { border-color: transparent; background: none; color: var(--soft); }
  .bar .intervals button:hover, .bar .quick button:hover { background: var(--hover); color: var(--text); }
  .bar .intervals button[aria-checked="true"] { background: var(--raised); color: var(--accent); font-weight: 650; }
  .bar .quick { display: flex; gap: 1px; margin-left: auto; }
  .bar .quick button[aria-pressed="true"] { color: var(--accent); }
  .stage { position: relative; flex: 1; min-height: 0; overflow: hidden; }
  .plot { position: absolute; inset: 0; }
  /* Axes without candles would be taken for the edges of a smaller chart. */
  .stage[data-empty] .plot { visibility: hidden; }
  .stage[data-dim] .plot { opacity: .45; }
  .stage:focus-visible { outline-offset: -2px; }
  .legend { position: absolute; top: 5px; left: 8px; right: 72px; z-index: 3; pointer-events: none; font-size: 11.5px; line-height: 1.5; text-shadow: 0 0 3px var(--panel), 0 0 3px var(--panel); }
  .legend .line { display: flex; flex-wrap: wrap; gap: 0 9px; }
  .legend b { font-weight: 650; }
  .legend i { color: var(--faint); font-style: normal; }
  .legend .studies { font-size: 11px; gap: 0 10px; }
  .legend .studies span::before {
    content: ""; display: inline-block; width: 9px; height: 2px; margin-right: 4px; vertical-align: middle; background: var(--colour);
  }
  .over { position: absolute; inset: 0; z-index: 2; display: grid; place-content: center; justify-items: center; gap: 8px; padding: 12px; color: var(--soft); text-align: center; }
  .over strong { color: var(--text); font-weight: 600; }
  .spin { width: 18px; height: 18px; border: 2px solid var(--line); border-top-color: var(--accent); border-radius: 50%; animation: spin 1s linear infinite; }
  @keyframes spin { to { rotate: 360deg; } }
  @media (prefers-reduced-motion: reduce) { .spin { animation: none; } }
  .badge { position: absolute; right: 76px; top: 44px; z-index: 4; max-width: 55%; padding: 1px 7px; overflow: hidden; border-radius: 4px; background: var(--raised); color: var(--warn); font-size: 11px; text-overflow: ellipsis; white-space: nowrap; }
  .newest { position: absolute; right: 78px; bottom: 34px; z-index: 4; border-radius: 999px; }
  .credit { position: absolute; left: 8px; bottom: 32px; z-index: 3; color: var(--faint); font-size: 10px; text-decoration: none; }
  .credit:hover { color: var(--text); text-decoration: underline; }
  .sheet { position: absolute; inset: 0; z-index: 5; background: var(--panel); }
  .sheet table { width: 100%; }
  .settings .fields.wide { grid-template-columns: repeat(auto-fill, minmax(240px, 1fr)); }
  .settings input[type="color"] { width: 30px; height: 19px; padding: 0; border: 1px solid var(--line); border-radius: 4px; background: none; }
  .notice, .notice a { color: var(--faint); font-size: 11px; }
  @container (max-width: 620px) { .bar .quick, .bar select { display: none; } }
  @container (max-width: 430px) { .legend .studies, .legend .left { display: none; } .bar .intervals button { padding: 0 4px; } }
  @container (max-height: 190px) { .legend .studies { display: none; } }
`;
