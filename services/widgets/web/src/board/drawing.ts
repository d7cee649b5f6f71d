import { LINE } from "../look/fields";
import type { TableState } from "../wire/feed-state";
import type { BoardRow } from "./board-row";

const EVERY_MS = 2_000;

/** What is drawn now: the rows in sight, and what is known of them. */
export interface Sight {
  rows: readonly BoardRow[];
  state: TableState | null;
  nowMs: number;
}

/** Draws the lines of prices, with a module that is loaded for it: now and then, since a minute changes little at a time. */
export class Drawing {
  #timer: ReturnType<typeof setInterval> | undefined;

  /** Draw, as long as *columns* have such a line. */
  keep(columns: readonly { name: string }[], sight: () => Sight): void {
    this.stop();
    if (!columns.some((column) => column.name === LINE)) return;
    this.#timer = setInterval(() => !document.hidden && void draw(sight()), EVERY_MS);
    void draw(sight());
  }

  stop(): void {
    clearInterval(this.#timer);
  }
}

async function draw({ rows, state, nowMs }: Sight): Promise<void> {
  const { sparks } = await import("./sparks");
  for (const row of rows) {
    const usd = state?.cell(row.symbol, "last_usd");
    if (typeof usd === "number") sparks.see(row.symbol, usd, nowMs);
    row.draw(sparks.drawn(row.symbol));
  }
}
