import { Channel, Subscription, isSame, merged, type OnUpdate } from "./channel";
import { TableState } from "./feed-state";
import type { ChannelFrame, ClientFrame, Hello, ServerFrame, View } from "./protocol";

/**
 * How a connection stands:
 * - `connecting`, and `waiting` for the next attempt at `retryAtMs`;
 * - `open`, and `stale` while the service has lost what it serves from;
 * - `refused`, for `reason`: there is no further attempt.
 */
export type Phase = "connecting" | "waiting" | "open" | "stale" | "refused";

/**
 * What widgets know of the service: one connection for all of them, whatever it goes over.
 *
 * Events: `status` (the phase has changed), `feeds` (the list of feeds is known or has changed), `update`
 * (some feed has news).
 */
export abstract class Client extends EventTarget {
  hello: Hello | null = null;
  /** Feeds that may be subscribed to; `*` and `>` in them stand for symbols and kinds. */
  feeds: string[] = [];
  phase: Phase = "connecting";
  /** Why the service refuses this client, in words; only while `refused`. */
  reason = "";
  /** When the next attempt is made, epoch milliseconds by this machine's clock; only while `waiting`. */
  retryAtMs = 0;
  /** How often a subscription went on from where it had been interrupted, without a new beginning. */
  recoveries = 0;
  /** How often a checksum showed that a table was not that of the service. */
  diverged = 0;

  /** How far the service's clock is ahead of this machine's. */
  aheadMs = 0;

  /** Gives what is known of a feed from before, until the service says more. */
  recall: (feed: string, view: View) => TableState | null = () => null;

  protected channels = new Map<number, Channel>();
  #nextId = 1;

  abstract connect(): void;
  /** How the whole of this client is seen: what nobody looks at is given fewer updates. */
  abstract setHidden(hidden: boolean): void;
  /** Ask the service for a channel, if it can be asked now. */
  protected abstract ask(channel: Channel): void;
  /** Tell the service of the view of a channel that it has been asked for. */
  protected abstract change(channel: Channel, view: View): void;
  protected abstract send(frame: ClientFrame | null): void;

  /**
   * Follow *feed*: *onUpdate* is called after each change of the subscription. Its state may be there at once, if
   * another widget follows the same.
   */
  subscribe(feed: string, view: View, onUpdate: OnUpdate): Subscription {
    const channel = this.#channel(feed, merged(view));
    const subscription = new Subscription(channel, onUpdate);
    channel.followers.add(subscription);
    return subscription;
  }

  /** Change what *subscription* wants: a field that is absent stays, null is as the feed has it by itself. */
  setView(subscription: Subscription, changes: View): void {
    const { channel, feed } = subscription;
    const view = merged(channel.view, changes);
    const other = this.#find(feed, view);
    if (channel.followers.size > 1 || (other && other !== channel)) {
      this.unsubscribe(subscription);
      subscription.channel = this.#channel(feed, view);
      subscription.channel.followers.add(subscription);
    } else if (channel.asked) this.change(channel, view);
    else {
      channel.view = view;
      this.ask(channel);
    }
  }

  unsubscribe(subscription: Subscription): void {
    const { channel } = subscription;
    channel.followers.delete(subscription);
    if (channel.followers.size || !this.channels.delete(channel.id)) return;
    if (channel.asked) this.send({ action: "unsub", id: channel.id });
  }

  /** The boards that are followed. */
  boards(): Channel[] {
    return [...this.channels.values()].filter((channel) => channel.feed.startsWith("board/"));
  }

  /** All tables of which something is known, from now. */
  tables(): TableState[] {
    const states = [...this.channels.values()].map((channel) => channel.state);
    return states.filter((state): state is TableState => state instanceof TableState && state.head !== null && !state.isRecalled);
  }

  /** Milliseconds since the newest data arrived from the vendor, by the server's clock; null if unknown. */
  ageMs(): number | null {
    return this.ageOf(Math.max(0, ...this.tables().map((state) => state.receivedMs)));
  }

  /** How old what arrived at *receivedMs* is, by the server's clock; null if that is not known. */
  ageOf(receivedMs: number): number | null {
    return receivedMs ? Math.max(0, this.nowMs() - receivedMs) : null;
  }

  /** The server's clock. */
  nowMs(): number {
    return Date.now() + this.aheadMs;
  }

  /** Take a frame of a subscription, or one that says what may be subscribed to. */
  protected take(frame: ServerFrame): void {
    if (frame.type === "feeds") this.takeFeeds(frame.feeds);
    else if ("id" in frame && frame.id != null && this.channels.has(frame.id)) {
      this.#onChannel(frame as ChannelFrame, this.channels.get(frame.id)!);
    } else if (frame.type === "error") console.warn("refused:", frame.message);
  }

  protected takeFeeds(feeds: string[]): void {
    this.feeds = feeds;
    for (const channel of this.channels.values()) if (!channel.asked) this.ask(channel);
    this.dispatchEvent(new Event("feeds"));
  }

  protected enter(phase: Phase): void {
    this.phase = phase;
    this.dispatchEvent(new Event("status"));
  }

  /** A table has begun anew: now it is known to be one. */
  protected begun(_channel: Channel): void {}

  /** A channel needs to be asked for again. */
  protected abstract askAgain(channel: Channel): void;

  #channel(feed: string, view: View): Channel {
    const found = this.#find(feed, view);
    if (found) return found;
    const channel = new Channel(this.#nextId++, feed, view);
    channel.state = this.recall(feed, view);
    this.channels.set(channel.id, channel);
    this.ask(channel);
    return channel;
  }

  #find(feed: string, view: View): Channel | undefined {
    return [...this.channels.values()].find((each) => each.feed === feed && isSame(each.view, view));
  }

  #onChannel(frame: ChannelFrame, channel: Channel): void {
    if (frame.type === "ack") {
      if (frame.of === "set") channel.acknowledged();
      return;
    }
    if (frame.type === "error") channel.refused(frame);
    else if (frame.type === "lag") channel.lagHz = frame.hz;
    else if (!this.#onData(frame, channel)) return;
    for (const { onUpdate } of [...channel.followers]) onUpdate(frame);
  }

  /** Take data; whether there is news. */
  #onData(frame: Extract<ChannelFrame, { type: "snap" | "delta" | "event" }>, channel: Channel): boolean {
    const taken = channel.take(frame);
    if (taken === "ignored") return false;
    if (taken === "diverged" || taken === "wrong") this.diverged++;
    if (taken === "diverged" || taken === "lost") {
      this.askAgain(channel);
      return false;
    }
    if (taken === "recovered") this.recoveries++;
    if (frame.type === "snap") this.begun(channel);
    this.dispatchEvent(new Event("update"));
    return true;
  }
}
