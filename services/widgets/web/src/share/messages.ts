/** What pages and the worker that holds their connection say to each other, besides frames of protocol 1. */

import type { Phase } from "../wire/client";
import type { ClientFrame, Hello, ServerFrame } from "../wire/protocol";

/** How the connection stands: said to a page that comes, and at each change. */
export interface Standing {
  type: "standing";
  hello: Hello | null;
  feeds: string[];
  phase: Phase;
  reason: string;
  retryAtMs: number;
  aheadMs: number;
}

export type ToPage = ServerFrame | Standing | { type: "token"; expired: boolean };

export type ToWorker =
  | ClientFrame
  /** A page has come; it holds the lock of this name for as long as it lives. */
  | { action: "come"; lock: string }
  | { action: "seen"; hidden: boolean }
  /** undefined: it cannot be had now. */
  | { action: "token"; token: string | null | undefined };
