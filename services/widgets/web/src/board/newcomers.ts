import type { TableState } from "../wire/feed-state";

/** How long a symbol that came to a board is marked as new. */
const NEW_MS = 60_000;

/** Who has come to a board since it was first seen. */
export class Newcomers {
  /** Of what was asked for. */
  readonly key: string;
  #since = new Map<string, number>();
  #joined: readonly string[] = [];

  constructor(key = "") {
    this.key = key;
  }

  /** Whether a symbol of a board came a moment ago. Whoever was there at first is not new. */
  among({ joined }: TableState): (symbol: string) => boolean {
    const now = performance.now();
    if (joined !== this.#joined) {
      const since = this.#since.size ? now : -Infinity;
      for (const symbol of joined) if (!this.#since.has(symbol)) this.#since.set(symbol, since);
      this.#joined = joined;
    }
    return (symbol) => now - this.#since.get(symbol)! < NEW_MS;
  }
}
