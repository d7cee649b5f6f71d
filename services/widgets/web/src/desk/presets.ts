/** Layouts to begin with. */

import type { Desk, Layout, Placed } from "./model";

type Short = [kind: string, x: number, y: number, w: number, h: number, link?: Placed["link"], settings?: object];

const MORNING: Short[] = [
  ["board", 0, 0, 8, 13, "blue", { board: "gainers" }],
  ["board", 8, 0, 8, 13, "blue", { board: "gappers" }],
  ["chart", 16, 0, 8, 13, "blue"],
  ["board", 0, 13, 8, 13, "blue", { board: "volume" }],
  ["alerts", 8, 13, 8, 13, "blue"],
  ["quote", 16, 13, 5, 13, "blue"],
  ["halts", 21, 13, 3, 6, "blue"],
  ["tape", 21, 19, 3, 7, "blue"],
];

const SCANNERS: Short[] = ["gainers", "losers", "gappers", "relative-volume", "momentum", "low-float", "new-highs", "trades-1m", "blocks"]
  .map((board, n) => ["board", (n % 3) * 8, Math.floor(n / 3) * 9, 8, 9, "blue", { board }]);

const TAPE: Short[] = [
  ["quote", 0, 0, 7, 15, "green"],
  ["chart", 7, 0, 12, 15, "green"],
  ["tape", 19, 0, 5, 26, "green"],
  ["alerts", 0, 15, 10, 11, "green"],
  ["news", 10, 15, 9, 11, "green"],
];

export function usualDesk(): Desk {
  const layouts = [layout("Morning", MORNING), layout("Scanners", SCANNERS), layout("One symbol", TAPE)];
  return { version: 1, layouts, active: "Morning", usual: "Morning", locked: false };
}

function layout(name: string, widgets: Short[]): Layout {
  const now = Date.now();
  return {
    name, description: "", created_ms: now, modified_ms: now,
    widgets: widgets.map(([kind, x, y, w, h, link = null, settings = {}], n) => (
      { id: `${name.toLowerCase().replaceAll(" ", "-")}-${n}`, kind, title: null, link, x, y, w, h, settings: { ...settings } }
    )),
  };
}
