import type { TableState } from "../wire/feed-state";

/** How long a symbol that came to a board is marked as new. */
const NEW_MS = 60_000;

/** Who has come to a board since it was first seen. */
export class Newcomers {
  /** Of what was asked for. */
  readonly key: string;
  #since = new Map<string, number>();
  #arrivals = 0;

  constructor(key = "") {
    this.key = key;
  }

  /** Whether a symbol of a board came a moment ago. Whoever was there at first is not new. */
  among({ order, arrivals }: TableState): (symbol: string) => boolean {
    const now = performance.now();
    if (arrivals !== this.#arrivals) {
      const since = this.#since.size ? now : -Infinity;
      for (const symbol of order) if (!this.#since.has(symbol)) this.#since.set(symbol, since);
      this.#arrivals = arrivals;
    }
    return (symbol) => now - this.#since.get(symbol)! < NEW_MS;
  }
}
