/** Layouts as files: our own, and the export of the replaced system. */

import { asDesk, asLayout, newId, type Layout, type Placed } from "./model";
import { COLOURS } from "./links";

/** Columns of the replaced system's grid, unless a layout says otherwise. */
const THEIR_COLUMNS = 12;
const OUR_COLUMNS = 24;

/** Their widgets, by any of the names that their layouts use, without case, spaces and dashes. */
const THEIRS: Record<string, { kind: string; settings?: Record<string, unknown> }> = {
  topgainers: { kind: "board", settings: { board: "gainers" } },
  topgappers: { kind: "board", settings: { board: "gappers" } },
  topvolume: { kind: "board", settings: { board: "volume" } },
  newsfeed: { kind: "news" },
  companynews: { kind: "news", settings: { linked: true } },
  miniquote: { kind: "quote", settings: { size: "mini" } },
  quote: { kind: "quote" },
  eqv3: { kind: "quote" },
  enhancedquote: { kind: "quote", settings: { part: "company" } },
  eqv4: { kind: "quote", settings: { part: "company" } },
  rangealerts: { kind: "alerts", settings: { kinds: ["high", "low"] } },
  dailyrangealerts: { kind: "alerts", settings: { kinds: ["high", "low"] } },
  candlestickchart: { kind: "chart" },
  candlestick: { kind: "chart" },
  tvlitechart: { kind: "chart" },
  tvlite: { kind: "chart" },
};

/** What a file holds. *lost* are names of widgets that there are none for here. */
export interface Imported {
  layouts: Layout[];
  lost: string[];
}

/** Read a file. Raises an Error, in words, if it is none that is known here. */
export function importFile(text: string): Imported {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("this file is no JSON");
  }
  const own = isOurs(value) ? asDesk(value) : null;
  if (own) return { layouts: own.layouts, lost: [] };
  const single = asLayout(value);
  if (single?.widgets.length) return { layouts: [single], lost: [] };
  const theirs = value as { layouts?: unknown; exported?: unknown } | null;
  if (theirs?.layouts && typeof theirs.layouts === "object") return importTheirs(theirs.layouts);
  throw new Error("this file holds no layouts that are known here");
}

/** Both say version 1: only our widgets have a kind. */
function isOurs(value: unknown): boolean {
  const layouts = (value as { layouts?: unknown } | null)?.layouts;
  if (!Array.isArray(layouts)) return false;
  return layouts.every((layout) => (layout?.widgets ?? []).every?.((each: Loose) => typeof each?.kind === "string"));
}

/** All layouts as a file. */
export function exportFile(layouts: readonly Layout[], usual: string): string {
  return JSON.stringify({ version: 1, exported: new Date().toISOString(), layouts, active: usual, usual }, null, 2);
}

type Loose = Record<string, unknown>;

/** Their layouts are a list, or an object by name; each has its widgets under one of several names. */
function importTheirs(layouts: object): Imported {
  const lost = new Set<string>();
  const entries: [string, Loose][] = Array.isArray(layouts)
    ? layouts.map((layout: Loose, n) => [String(layout.name ?? `Layout ${n + 1}`), layout])
    : Object.entries(layouts as Record<string, Loose>);
  const made = entries.filter(([name]) => name !== "__autosave__").map(([name, layout]) => {
    const items = (layout.widgets ?? layout.layout ?? layout.items ?? []) as Loose[];
    const columns = Number(layout.columns ?? layout.colNum ?? (layout.settings as Loose)?.colNum) || THEIR_COLUMNS;
    return {
      name, description: String(layout.description ?? ""), modified_ms: when(layout.modified ?? layout.updatedAt),
      created_ms: when(layout.created ?? layout.createdAt),
      widgets: items.map((item) => theirWidget(item, OUR_COLUMNS / columns, lost)).filter((placed) => placed !== null),
    };
  });
  return { layouts: made.map(asLayout).filter((layout) => layout !== null), lost: [...lost] };
}

function theirWidget(item: Loose, scale: number, lost: Set<string>): Placed | null {
  const name = String(item.type ?? item.component ?? item.widgetType ?? item.name ?? "");
  const found = THEIRS[name.toLowerCase().replace(/widget|[^a-z0-9]/g, "")];
  if (!found) {
    lost.add(name || "a widget without a type");
    return null;
  }
  const at = { ...(item.layout as Loose), ...(item.position as Loose), ...item };
  const number = (value: unknown, otherwise: number) => (Number.isFinite(Number(value)) ? Number(value) : otherwise);
  const config = { ...(item.config as Loose), ...(item.settings as Loose), ...(item.props as Loose) };
  const colour = item.linkColor ?? item.color ?? config.linkColor ?? config.linkColour;
  const title = item.title ?? item.customTitle;
  const symbol = config.ticker ?? config.symbol;
  return {
    id: newId(), kind: found.kind, title: typeof title === "string" ? title : null,
    link: COLOURS.find((each) => each === colour) ?? null,
    x: Math.round(number(at.x, 0) * scale), y: Math.round(number(at.y, 0)),
    w: Math.max(2, Math.round(number(at.w, 6) * scale)), h: Math.max(2, Math.round(number(at.h, 19))),
    settings: { ...found.settings, ...(typeof symbol === "string" && symbol ? { symbol: symbol.toUpperCase() } : {}) },
  };
}

function when(value: unknown): number {
  const ms = typeof value === "number" ? value : Date.parse(String(value ?? ""));
  return Number.isFinite(ms) ? ms : Date.now();
}
