import { Channel, Subscription, isOffered, isSame, merged } from "./channel.js";
import { Patience, UNAUTHENTICATED, reasonOf } from "./close-codes.js";
import { TableState } from "./feed-state.js";
import { Token, pageToken } from "./page-token.js";

/** A page that nobody has seen for so long is given fewer updates. */
const HIDDEN_MS = 30_000;
const HIDDEN_HZ = 1;
/** After so long without a frame the service is asked for a sign of life; after as long again, it is gone. */
const SILENT_MS = 20_000;
/** A token that expires so soon is replaced before connecting. */
const EXPIRES_SOON_MS = 5_000;
/** @typedef {import("./channel.js").View} View */

/**
 * One connection for all widgets of a page; it comes back by itself, and goes on where it had ended.
 *
 * Events: `status` (the phase has changed), `feeds` (the list of feeds is known or has changed), `update`
 * (some feed has news). `phase` is one of
 * - `connecting`, and `waiting` for the next attempt at `retryAtMs`;
 * - `open`, and `stale` while the service has lost what it serves from;
 * - `refused`, for `reason`: there is no further attempt.
 */
export class MeshClient extends EventTarget {
  hello = null;
  /** Feeds that may be subscribed to; `*` and `>` in them stand for symbols and kinds. */
  feeds = [];
  phase = "connecting";
  /** Why the service refuses this client, in words; only while `refused`. */
  reason = "";
  /** When the next attempt is made, epoch milliseconds by this machine's clock; only while `waiting`. */
  retryAtMs = 0;
  /** How often a subscription went on from where it had been interrupted, without a new beginning. */
  recoveries = 0;
  /** How often a checksum showed that a table was not that of the service. */
  diverged = 0;

  #url;
  #token;
  #socket = null;
  #bye = null;
  #acceptedAtMs = 0;
  #patience = new Patience();
  #watch = 0;
  #silence = 0;
  #aheadMs = 0;
  #mostHz = null;
  #hiding = 0;
  #nextId = 1;
  #channels = new Map();

  /**
   * @param {string} url of `/ws`
   * @param {(expired: boolean) => Promise<?string>} token gives the token to connect with, null: none;
   *   `expired` says that the last one is of no use any more
   */
  constructor(url, token = pageToken) {
    super();
    this.#url = url;
    this.#token = new Token(token);
    document.addEventListener("visibilitychange", () => this.#onVisibility());
    this.#onVisibility();
  }

  async connect() {
    this.#enter("connecting");
    const expiresMs = this.hello?.expires_ms ?? Infinity;
    const expired = Date.now() + this.#aheadMs + EXPIRES_SOON_MS > expiresMs;
    const token = await this.#token.next(expired).catch(() => undefined);
    if (token === undefined) this.#onClose(0);
    else this.#open(token);
  }

  /**
   * Follow *feed*: *onUpdate* is called without arguments after each change of the subscription. Its state may be
   * there at once, if another widget follows the same.
   *
   * @param {string} feed @param {View} view @param {() => void} onUpdate
   */
  subscribe(feed, view, onUpdate) {
    return this.#join(new Subscription(null, onUpdate), feed, merged(view));
  }

  /** Change what *subscription* wants: a field that is absent stays, null is as the feed has it by itself. */
  setView(subscription, changes) {
    const { channel, feed } = subscription;
    const view = merged(channel.view, changes);
    const other = this.#find(feed, view);
    if (channel.followers.size > 1 || (other && other !== channel)) {
      this.unsubscribe(subscription);
      this.#join(subscription, feed, view);
    } else if (channel.asked) this.#send(channel.set(view, this.#mostHz));
    else {
      channel.view = view;
      this.#ask(channel);
    }
  }

  unsubscribe(subscription) {
    const { channel } = subscription;
    channel.followers.delete(subscription);
    if (channel.followers.size || !this.#channels.delete(channel.id)) return;
    if (channel.asked) this.#send({ action: "unsub", id: channel.id });
  }

  /** All tables of which something is known. @returns {TableState[]} */
  tables() {
    return [...this.#channels.values()].map((channel) => channel.state)
      .filter((state) => state instanceof TableState && state.head !== null);
  }

  /** Milliseconds since the newest data arrived from the vendor, by the server's clock; null if unknown. */
  ageMs() {
    const newest = Math.max(0, ...this.tables().map((state) => state.receivedMs));
    return newest ? Math.max(0, Date.now() + this.#aheadMs - newest) : null;
  }

  #join(subscription, feed, view) {
    let channel = this.#find(feed, view);
    if (!channel) {
      channel = new Channel(this.#nextId++, feed, view);
      this.#channels.set(channel.id, channel);
      this.#ask(channel);
    }
    channel.followers.add(subscription);
    subscription.channel = channel;
    return subscription;
  }

  #find(feed, view) {
    return [...this.#channels.values()].find((each) => each.feed === feed && isSame(each.view, view));
  }

  #open(token) {
    const socket = this.#socket = new WebSocket(this.#url);
    this.#silence = this.#acceptedAtMs = 0;
    this.#watch = setInterval(() => this.#listenForLife(), SILENT_MS);
    socket.onopen = () => token !== null && this.#send({ action: "auth", token });
    socket.onmessage = (event) => this.#onFrame(JSON.parse(event.data));
    socket.onclose = (event) => this.#onClose(event.code);
  }

  #onFrame(frame) {
    this.#silence = 0;
    const channel = this.#channels.get(frame.id);
    if (frame.type === "hello") this.#onHello(frame);
    else if (frame.type === "feeds") this.#onFeeds(frame.feeds);
    else if (frame.type === "status") this.#enter(frame.stale ? "stale" : "open");
    else if (frame.type === "bye") this.#bye = frame;
    else if (channel) this.#onChannel(frame, channel);
    else if (frame.type === "error") console.warn("refused:", frame.message);
  }

  #onHello(frame) {
    this.hello = frame;
    this.#patience.accepted();
    this.#token.accepted();
    this.#acceptedAtMs ||= Date.now();
    this.#aheadMs = frame.server_ms - Date.now();
    this.#enter("open");
    this.#onFeeds(frame.feeds);
  }

  #onFeeds(feeds) {
    this.feeds = feeds;
    for (const channel of this.#channels.values()) if (!channel.asked) this.#ask(channel);
    this.dispatchEvent(new Event("feeds"));
  }

  #onChannel(frame, channel) {
    if (frame.type === "ack") {
      if (frame.of === "set") channel.acknowledged();
      return;
    }
    if (frame.type === "error") channel.refused(frame);
    else if (frame.type === "lag") channel.lagHz = frame.hz;
    else if (!this.#onData(frame, channel)) return;
    for (const { onUpdate } of channel.followers) onUpdate();
  }

  /** Take data; whether there is news. */
  #onData(frame, channel) {
    const taken = channel.take(frame);
    if (taken === "ignored") return false;
    if (taken === "diverged" || taken === "wrong") this.diverged++;
    if (taken === "diverged" || taken === "lost") {
      this.#send(channel.ask(this.#mostHz));
      return false;
    }
    if (taken === "recovered") this.recoveries++;
    if (frame.type === "snap") this.#send(channel.set(channel.view, this.#mostHz)); // known to be a table only now
    this.dispatchEvent(new Event("update"));
    return true;
  }

  #ask(channel) {
    if (this.#acceptedAtMs && isOffered(this.feeds, channel.feed)) this.#send(channel.ask(this.#mostHz));
  }

  #send(frame) {
    if (frame && this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #onClose(code) {
    clearInterval(this.#watch);
    for (const channel of this.#channels.values()) channel.disconnected();
    const lastedMs = this.#acceptedAtMs ? Date.now() - this.#acceptedAtMs : 0;
    this.#acceptedAtMs = 0;
    const bye = this.#bye;
    this.#bye = null;
    const isTokenOld = code === UNAUTHENTICATED && this.#token.refused();
    const delayMs = isTokenOld ? this.#patience.delayMs(0, null, 0) : this.#patience.delayMs(code, bye, lastedMs);
    this.reason = delayMs === null ? reasonOf(code, bye) : "";
    if (delayMs === null) return this.#enter("refused");
    this.retryAtMs = Date.now() + delayMs;
    setTimeout(() => this.connect(), delayMs);
    this.#enter("waiting");
  }

  /** A network that is gone does not close a connection: without a sign of life, it counts as closed. */
  #listenForLife() {
    if (this.#silence++ === 0) return;
    if (this.#silence === 2) return this.#send({ action: "ping" });
    this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket.close();
    this.#onClose(0);
  }

  #onVisibility() {
    clearTimeout(this.#hiding);
    if (document.hidden) this.#hiding = setTimeout(() => this.#limit(HIDDEN_HZ), HIDDEN_MS);
    else this.#limit(null);
  }

  #limit(mostHz) {
    this.#mostHz = mostHz;
    for (const channel of this.#channels.values()) {
      if (channel.asked) this.#send(channel.set(channel.view, mostHz));
    }
  }

  #enter(phase) {
    this.phase = phase;
    this.dispatchEvent(new Event("status"));
  }
}

/** The connection that all widgets of this page share. */
export const client = new MeshClient(new URL("ws", location.href.replace(/^http/, "ws")).href);
