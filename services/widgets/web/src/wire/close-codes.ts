/** What a client does when its connection ends: the table `CLOSE_CODES` of `schemas/widget.py`. */

import type { Bye } from "./protocol";

/** `now`: after a random delay of a second; `later`: growing delays, from half a minute on; `never`: not by itself. */
export const CLOSE_CODES: Record<number, { again: "now" | "later" | "never"; reason: string }> = {
  1001: { again: "now", reason: "the service restarts" },
  1002: { again: "never", reason: "a frame was malformed" },
  1009: { again: "never", reason: "a frame was too large" },
  4400: { again: "never", reason: "page and service do not understand each other" },
  4401: { again: "never", reason: "no valid token" },
  4403: { again: "never", reason: "the token was revoked" },
  4408: { again: "later", reason: "this client was too slow" },
  4419: { again: "now", reason: "the token has expired" },
  4429: { again: "later", reason: "too many frames or connections" },
};

export const UNAUTHENTICATED = 4401;
export const EXPIRED = 4419;

const FIRST_MS = 1_000;
const LONGEST_MS = 15_000;
const FIRST_LATER_MS = 30_000;
const LONGEST_LATER_MS = 600_000;
/** A connection that lasted so long had not come back too early. */
const STEADY_MS = 300_000;

/** How long to wait before the next attempt; delays grow while attempts fail. */
export class Patience {
  #failures = 0;
  #hurries = 0;

  /** The service has accepted the connection. */
  accepted(): void {
    this.#failures = 0;
  }

  /**
   * Milliseconds to wait after a connection that ended; null: do not come back.
   *
   * @param code of the close; one that is not in the table is a lost network, or a service that crashed
   * @param bye the frame in which the service said when to come back, if it did
   * @param lastedMs how long the connection was accepted
   */
  delayMs(code: number, bye: Bye | null, lastedMs: number): number | null {
    if (bye) return bye.again_ms;
    const again = CLOSE_CODES[code]?.again ?? "now";
    if (again === "never") return null;
    if (again === "now") return random(0, Math.min(LONGEST_MS, FIRST_MS * 2 ** this.#failures++));
    if (lastedMs >= STEADY_MS) this.#hurries = 0;
    const least = Math.min(LONGEST_LATER_MS, FIRST_LATER_MS * 2 ** this.#hurries++);
    return random(least, 1.5 * least);
  }
}

/** Why the service refuses this client, in words. */
export function reasonOf(code: number, bye: Bye | null): string {
  return bye?.reason || CLOSE_CODES[code]?.reason || `code ${code}`;
}

/** Jitter: a thousand pages must not come back to a restarted service at the same instant. */
function random(from: number, to: number): number {
  return from + Math.random() * (to - from);
}
