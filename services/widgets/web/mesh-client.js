import { FeedState } from "./feed-state.js";

const FIRST_DELAY_MS = 500;
const LONGEST_DELAY_MS = 15_000;

/**
 * One connection for all widgets of a page.
 *
 * Events: `status` (the connection came, went, or waits), `feeds` (the list of feeds is known or has
 * changed), `update` (some feed has news). `phase` is `connecting`, `open` or `waiting`.
 */
export class MeshClient extends EventTarget {
  hello = null;
  feeds = [];
  phase = "connecting";
  /** When the next attempt is made, by this machine's clock; only while `waiting`. */
  retryAtMs = 0;

  #url;
  #socket = null;
  #failures = 0;
  #aheadMs = 0;
  #nextId = 1;
  #byFeed = new Map();
  #byId = new Map();

  constructor(url) {
    super();
    this.#url = url;
  }

  connect() {
    this.#enter("connecting");
    this.#socket = new WebSocket(this.#url);
    this.#socket.onmessage = (event) => this.#onFrame(JSON.parse(event.data));
    this.#socket.onclose = () => this.#onClose();
  }

  /** Follow *feed*: *onUpdate* is called after each change of the returned state. */
  subscribe(feed, onUpdate) {
    let subscription = this.#byFeed.get(feed);
    if (!subscription) {
      subscription = { id: this.#nextId++, feed, state: new FeedState(), listeners: new Set(), asked: false };
      this.#byFeed.set(feed, subscription);
      this.#byId.set(subscription.id, subscription);
      this.#ask(subscription);
    }
    subscription.listeners.add(onUpdate);
    return subscription.state;
  }

  unsubscribe(feed, onUpdate) {
    const subscription = this.#byFeed.get(feed);
    if (!subscription?.listeners.delete(onUpdate) || subscription.listeners.size) return;
    this.#byFeed.delete(feed);
    this.#byId.delete(subscription.id);
    if (subscription.asked) this.#send({ action: "unsub", id: subscription.id });
  }

  states() {
    return [...this.#byFeed.values()].map((subscription) => subscription.state);
  }

  /** Milliseconds since the newest data arrived from the vendor, by the server's clock; null if unknown. */
  ageMs() {
    const newest = Math.max(0, ...this.states().map((state) => state.receivedMs));
    return newest ? Math.max(0, Date.now() + this.#aheadMs - newest) : null;
  }

  #onFrame(frame) {
    if (frame.type === "hello") this.#onHello(frame);
    else if (frame.type === "feeds") this.#onFeeds(frame.feeds);
    else if (frame.type === "error") this.#onError(frame);
    else if (this.#byId.has(frame.id)) this.#onData(frame, this.#byId.get(frame.id));
  }

  #onHello(frame) {
    this.hello = frame;
    this.#failures = 0;
    this.#aheadMs = frame.server_ms - Date.now();
    this.#enter("open");
    this.#onFeeds(frame.feeds);
  }

  #onFeeds(feeds) {
    this.feeds = feeds;
    for (const subscription of this.#byFeed.values()) if (!subscription.asked) this.#ask(subscription);
    this.dispatchEvent(new Event("feeds"));
  }

  #onError(frame) {
    const subscription = this.#byId.get(frame.id);
    if (subscription) subscription.asked = false;
    else console.warn("refused:", frame.message);
  }

  #onData(frame, subscription) {
    const { state } = subscription;
    if (frame.type === "snap") state.snap(frame);
    else if (state.epoch === null) return; // a snap is on its way
    else if (!state.delta(frame)) {
      state.lose();
      this.#ask(subscription);
      return;
    }
    for (const listener of subscription.listeners) listener();
    this.dispatchEvent(new Event("update"));
  }

  #ask(subscription) {
    if (this.phase !== "open" || !this.feeds.includes(subscription.feed)) return;
    subscription.asked = true;
    this.#send({ action: "sub", id: subscription.id, feed: subscription.feed });
  }

  #send(frame) {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(frame));
  }

  #onClose() {
    for (const subscription of this.#byFeed.values()) {
      subscription.asked = false;
      subscription.state.lose();
    }
    // Jitter, so that a thousand pages do not come back to a restarted service at the same instant.
    const longest = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** this.#failures++);
    const delay = longest * (0.5 + Math.random() / 2);
    this.retryAtMs = Date.now() + delay;
    setTimeout(() => this.connect(), delay);
    this.#enter("waiting");
  }

  #enter(phase) {
    this.phase = phase;
    this.dispatchEvent(new Event("status"));
  }
}

/** The connection that all widgets of this page share. */
export const client = new MeshClient(new URL("ws", location.href.replace(/^http/, "ws")).href);
