import { isOffered, type Channel } from "./channel";
import { Client } from "./client";
import { EXPIRED, Patience, UNAUTHENTICATED, reasonOf } from "./close-codes";
import { Token, type GiveToken } from "./page-token";
import type { Bye, ClientFrame, Hello, ServerFrame, View } from "./protocol";

/** A page that nobody has seen for so long is given fewer updates. */
const HIDDEN_MS = 30_000;
const HIDDEN_HZ = 1;
/** After so long without a frame the service is asked for a sign of life; after as long again, it is gone. */
const SILENT_MS = 20_000;
/** A token that expires so soon is replaced before connecting. */
const EXPIRES_SOON_MS = 5_000;

/** After this part of the time that it has left a token is replaced, without a new connection. */
const RENEW_AFTER = 0.8;
const RENEW_MS = 5_000;

/** A connection of one's own to `/ws`; it comes back by itself, and goes on where it had ended. */
export class SocketClient extends Client {
  #url: string;
  #token: Token;
  #socket: WebSocket | null = null;
  #bye: Bye | null = null;
  #acceptedAtMs = 0;
  #patience = new Patience();
  #watch: ReturnType<typeof setInterval> | undefined;
  #renewal: ReturnType<typeof setTimeout> | undefined;
  #silence = 0;
  #mostHz: number | null = null;
  #hiding: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, token: GiveToken) {
    super();
    this.#url = url;
    this.#token = new Token(token);
  }

  override async connect(): Promise<void> {
    this.enter("connecting");
    const expiresMs = this.hello?.expires_ms ?? Infinity;
    const expired = this.nowMs() + EXPIRES_SOON_MS > expiresMs;
    const token = await this.#token.next(expired).catch(() => undefined);
    if (token === undefined) this.#onClose(0);
    else this.#open(token);
  }

  override setHidden(hidden: boolean): void {
    clearTimeout(this.#hiding);
    if (hidden) this.#hiding = setTimeout(() => this.#limit(HIDDEN_HZ), HIDDEN_MS);
    else this.#limit(null);
  }

  protected override ask(channel: Channel): void {
    if (this.#acceptedAtMs && isOffered(this.feeds, channel.feed)) this.askAgain(channel);
  }

  protected override askAgain(channel: Channel): void {
    this.send(channel.ask(this.#mostHz));
  }

  protected override change(channel: Channel, view: View): void {
    this.send(channel.set(view, this.#mostHz));
  }

  /** A rate that could not be set before: only of a table. */
  protected override begun(channel: Channel): void {
    this.change(channel, channel.view);
  }

  protected override send(frame: ClientFrame | null): void {
    if (frame && this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #open(token: string | null): void {
    const socket = this.#socket = new WebSocket(this.#url);
    this.#silence = this.#acceptedAtMs = 0;
    this.#watch = setInterval(() => this.#listenForLife(), SILENT_MS);
    socket.onopen = () => token !== null && this.send({ action: "auth", token });
    socket.onmessage = (event) => this.#onFrame(JSON.parse(event.data));
    socket.onclose = (event) => this.#onClose(event.code);
  }

  #onFrame(frame: ServerFrame): void {
    this.#silence = 0;
    if (frame.type === "hello") this.#onHello(frame);
    else if (frame.type === "status") this.enter(frame.stale ? "stale" : "open");
    else if (frame.type === "bye") this.#bye = frame;
    else this.take(frame);
  }

  #onHello(frame: Hello): void {
    this.hello = frame;
    this.#patience.accepted();
    this.#token.accepted();
    this.#acceptedAtMs ||= Date.now();
    this.aheadMs = frame.server_ms - Date.now();
    this.#renewLater();
    this.enter("open");
    this.takeFeeds(frame.feeds);
  }

  #renewLater(): void {
    clearTimeout(this.#renewal);
    const endMs = this.hello?.expires_ms;
    if (endMs) this.#renewal = setTimeout(() => this.#renew(), Math.max(RENEW_MS, RENEW_AFTER * (endMs - this.nowMs())));
  }

  /** The service answers with another `hello`, and so with another end. */
  async #renew(): Promise<void> {
    const token = await this.#token.next(true).catch(() => null);
    if (token) this.send({ action: "auth", token });
    else this.#renewLater();
  }

  #onClose(code: number): void {
    clearInterval(this.#watch);
    clearTimeout(this.#renewal);
    for (const channel of this.channels.values()) channel.disconnected();
    const lastedMs = this.#acceptedAtMs ? Date.now() - this.#acceptedAtMs : 0;
    this.#acceptedAtMs = 0;
    const bye = this.#bye;
    this.#bye = null;
    const isTokenOld = (code === UNAUTHENTICATED || code === EXPIRED) && this.#token.refused();
    const delayMs = isTokenOld ? this.#patience.delayMs(0, null, 0) : this.#patience.delayMs(code, bye, lastedMs);
    this.reason = delayMs === null ? reasonOf(code, bye) : "";
    if (delayMs === null) return this.enter("refused");
    this.retryAtMs = Date.now() + delayMs;
    setTimeout(() => this.connect(), delayMs);
    this.enter("waiting");
  }

  /** A network that is gone does not close a connection: without a sign of life, it counts as closed. */
  #listenForLife(): void {
    if (this.#silence++ === 0) return;
    if (this.#silence === 2) return this.send({ action: "ping" });
    const socket = this.#socket!;
    socket.onmessage = socket.onclose = null;
    socket.close();
    this.#onClose(0);
  }

  #limit(mostHz: number | null): void {
    this.#mostHz = mostHz;
    for (const channel of this.channels.values()) {
      if (channel.asked) this.send(channel.set(channel.view, mostHz));
    }
  }
}

/** Where `/ws` is, seen from the script or page at *base*. */
export function socketUrl(base: string): string {
  return new URL("ws", base.replace(/^http/, "ws")).href;
}
