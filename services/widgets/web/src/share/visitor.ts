import type { Subscription } from "../wire/channel";
import type { Client } from "../wire/client";
import { TableState, type SequenceState } from "../wire/feed-state";
import type { ChannelFrame, Happened, Snap, Sub } from "../wire/protocol";
import type { ToPage, ToWorker } from "./messages";

/** One page at the worker that holds the connection: the worker is the service to it. */
export class Visitor {
  /** Whether nobody sees the page. */
  hidden = false;
  readonly port: MessagePort;
  #client: Client;
  #subscriptions = new Map<number, Subscription>();
  #onToken: ((token: string | null | undefined) => void)[] = [];

  constructor(port: MessagePort, client: Client) {
    this.port = port;
    this.#client = client;
  }

  /** Carry out what the page asks for. */
  take(message: ToWorker): void {
    if (message.action === "sub") this.#subscribe(message);
    else if (message.action === "unsub") this.#end(message.id);
    else if (message.action === "seen") this.hidden = message.hidden;
    else if (message.action === "token") for (const take of this.#onToken.splice(0)) take(message.token);
  }

  say(message: ToPage): void {
    this.port.postMessage(message);
  }

  /** The token of the page; undefined: it cannot be had now. */
  token(expired: boolean): Promise<string | null | undefined> {
    this.say({ type: "token", expired });
    return new Promise((resolve) => this.#onToken.push(resolve));
  }

  /** The page is gone. */
  leave(): void {
    for (const id of [...this.#subscriptions.keys()]) this.#end(id);
    for (const take of this.#onToken.splice(0)) take(undefined);
  }

  /** A number in use is begun anew, from what is known here. */
  #subscribe({ id, feed, view }: Sub): void {
    const before = this.#subscriptions.get(id);
    const made = this.#client.subscribe(feed, view, (frame) => this.#pass(frame, id));
    this.#subscriptions.set(id, made);
    if (before) this.#client.unsubscribe(before); // only now, so that what is wanted still is not asked for anew
    const { state } = made;
    if (state instanceof TableState && state.head) this.say(wholeTable(state, id, feed));
    else if (state && !(state instanceof TableState)) this.say(wholeSequence(state, id, feed));
    if (made.error) this.say({ type: "error", id, ...made.error });
    if (made.lagHz !== null) this.say({ type: "lag", id, hz: made.lagHz, waited_ms: 0 });
  }

  #pass(frame: ChannelFrame, id: number): void {
    // The worker has compared the checksum: the page need not do it again.
    this.say(frame.type === "snap" || frame.type === "delta" ? { ...frame, id, crc: null } : { ...frame, id });
  }

  #end(id: number): void {
    const found = this.#subscriptions.get(id);
    if (found) this.#client.unsubscribe(found);
    this.#subscriptions.delete(id);
  }
}

function wholeTable(state: TableState, id: number, feed: string): Snap {
  const { epoch, seq, head, receivedMs, columns, order, rows, total } = state;
  return {
    type: "snap", id, feed, epoch: epoch ?? "", seq, received_ms: receivedMs, head: head!, columns,
    rows: order.map((symbol) => [...(rows.get(symbol) ?? [symbol])]), total, crc: null,
  };
}

function wholeSequence({ epoch, seq, values }: SequenceState, id: number, feed: string): Happened {
  return { type: "event", id, feed, epoch: epoch ?? "", after: 0, seq, values };
}
