/** What a desk is made of: layouts of widgets, as they are stored, exported and sent to the server. */

import { COLOURS, type Colour } from "./links";

export interface Placed {
  id: string;
  kind: string;
  /** null: as the widget calls itself. */
  title: string | null;
  link: Colour | null;
  x: number;
  y: number;
  w: number;
  h: number;
  /** The widget's own. */
  settings: Record<string, unknown>;
}

export interface Layout {
  name: string;
  description: string;
  widgets: Placed[];
  created_ms: number;
  modified_ms: number;
}

export interface Desk {
  version: 1;
  layouts: Layout[];
  /** The layout that is shown. */
  active: string;
  /** The one that a browser without a choice of its own begins with. */
  usual: string;
  locked: boolean;
}

/** Columns of the grid on a wide screen. */
export const COLUMNS = 24;

export function newId(): string {
  return crypto.randomUUID().slice(0, 8);
}

/** A name that none of *taken* has. */
export function freeName(name: string, taken: readonly string[]): string {
  if (!taken.includes(name)) return name;
  for (let n = 2; ; n++) if (!taken.includes(`${name} ${n}`)) return `${name} ${n}`;
}

/** *value* as a desk, without whatever in it is none; null if it is none at all. */
export function asDesk(value: unknown): Desk | null {
  const desk = value as Partial<Desk> | null;
  if (desk?.version !== 1 || !Array.isArray(desk.layouts)) return null;
  const layouts = desk.layouts.map(asLayout).filter((layout) => layout !== null);
  if (!layouts.length) return null;
  const named = (name: unknown) => layouts.find((layout) => layout.name === name)?.name ?? layouts[0].name;
  return { version: 1, layouts, active: named(desk.active), usual: named(desk.usual), locked: desk.locked === true };
}

export function asLayout(value: unknown): Layout | null {
  const layout = value as Partial<Layout> | null;
  if (typeof layout?.name !== "string" || !layout.name || !Array.isArray(layout.widgets)) return null;
  return {
    name: layout.name.slice(0, 80),
    description: String(layout.description ?? "").slice(0, 400),
    widgets: layout.widgets.map(asPlaced).filter((placed) => placed !== null),
    created_ms: Number(layout.created_ms) || Date.now(),
    modified_ms: Number(layout.modified_ms) || Date.now(),
  };
}

function asPlaced(value: unknown): Placed | null {
  const placed = value as Partial<Placed> | null;
  if (typeof placed?.kind !== "string") return null;
  const whole = (number: unknown, least: number, otherwise: number) =>
    Number.isFinite(number) ? Math.max(least, Math.round(Number(number))) : otherwise;
  return {
    id: typeof placed.id === "string" && placed.id ? placed.id : newId(),
    kind: placed.kind,
    title: typeof placed.title === "string" && placed.title ? placed.title.slice(0, 80) : null,
    link: COLOURS.find((colour) => colour === placed.link) ?? null,
    x: Math.min(COLUMNS - 1, whole(placed.x, 0, 0)), y: whole(placed.y, 0, 0),
    w: Math.min(COLUMNS, whole(placed.w, 2, 8)), h: whole(placed.h, 2, 10),
    settings: typeof placed.settings === "object" && placed.settings ? placed.settings : {},
  };
}
