/**
 * The boards that this tab has shown, so that a page that is loaded anew shows them at once: marked, until there are
 * fresh ones. Their first rows alone, which are what is seen first.
 */

import { isSame, type Channel } from "../wire/channel";
import type { Client } from "../wire/client";
import { TableState } from "../wire/feed-state";
import type { Snap, View } from "../wire/protocol";

const KEY = "tickmesh.boards";
const MOST_BOARDS = 16;
const MOST_ROWS = 80;
/** Between; and when the page is left. */
const EVERY_MS = 15_000;

type Kept = Pick<Snap, "feed" | "head" | "columns" | "rows" | "received_ms"> & { view: View };

export class Memory {
  #kept = stored();

  /** What was last known of a board; null: nothing. */
  recall(feed: string, view: View): TableState | null {
    const kept = this.#kept.find((each) => each.feed === feed && isSame(each.view, view));
    if (!kept) return null;
    const state = new TableState();
    state.snap({ ...kept, type: "snap", id: 0, epoch: "", seq: 0, total: kept.rows.length, crc: null });
    state.lose();
    state.isRecalled = true;
    return state;
  }

  /** Keep what *client* knows, now and then. */
  follow(client: Client): void {
    const keep = () => this.#keep(client.boards());
    setInterval(() => !document.hidden && keep(), EVERY_MS);
    window.addEventListener("pagehide", keep);
  }

  #keep(channels: Channel[]): void {
    const shown = channels.flatMap(({ feed, view, state }) =>
      state instanceof TableState && state.head && !state.isRecalled
        ? [{ feed, view, head: state.head, columns: state.columns, rows: firstRows(state), received_ms: state.receivedMs }] : []);
    const isShown = (kept: Kept) => shown.some((each) => each.feed === kept.feed && isSame(each.view, kept.view));
    this.#kept = [...shown, ...this.#kept.filter((kept) => !isShown(kept))].slice(0, MOST_BOARDS);
    try {
      sessionStorage.setItem(KEY, JSON.stringify(this.#kept));
    } catch {
      sessionStorage.removeItem(KEY); // there is no room for it
    }
  }
}

function firstRows({ order, rows }: TableState): Snap["rows"] {
  return order.slice(0, MOST_ROWS).map((symbol) => [...(rows.get(symbol) ?? [symbol])]);
}

function stored(): Kept[] {
  try {
    return JSON.parse(sessionStorage.getItem(KEY) ?? "[]") as Kept[];
  } catch {
    return [];
  }
}
