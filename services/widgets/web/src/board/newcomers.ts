/** How long a symbol that came to a board is marked as new. */
const NEW_MS = 60_000;

/** Who has come to a board since it was first seen. */
export class Newcomers {
  /** Of what was asked for. */
  readonly key: string;
  #since = new Map<string, number>();
  #order: readonly string[] | null = null;

  constructor(key = "") {
    this.key = key;
  }

  /** Whether a symbol of *order* came a moment ago. Whoever was there at first is not new. */
  among(order: readonly string[]): (symbol: string) => boolean {
    const now = performance.now();
    if (order !== this.#order) {
      const since = this.#order === null || !this.#order.length ? -Infinity : now;
      for (const symbol of order) if (!this.#since.has(symbol)) this.#since.set(symbol, since);
      this.#order = order;
    }
    return (symbol) => now - (this.#since.get(symbol) ?? -Infinity) < NEW_MS;
  }
}
