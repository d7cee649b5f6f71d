/** The time of the tape: the wall clock for live data, and for any other where the player is. */

import type { Client } from "../wire/client";

/** The tape is not ahead of its newest event by more than this: it may have stopped. */
const MOST_AHEAD_MS = 2_000;

export class TapeClock {
  #client: Client;
  #newest = { asofMs: 0, atMs: 0 };

  constructor(client: Client) {
    this.#client = client;
    client.addEventListener("update", () => this.#note());
  }

  /** Epoch milliseconds; null before any data. */
  now(): number | null {
    if (this.#client.hello?.source === "live") return this.#client.nowMs();
    this.#note();
    if (!this.#newest.asofMs) return null;
    return this.#newest.asofMs + Math.min(MOST_AHEAD_MS, performance.now() - this.#newest.atMs);
  }

  #note(): void {
    const asofMs = Math.max(0, ...this.#client.tables().map((table) => table.head!.asof_ms));
    if (asofMs > this.#newest.asofMs) this.#newest = { asofMs, atMs: performance.now() };
  }
}
