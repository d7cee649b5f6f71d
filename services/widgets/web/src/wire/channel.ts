import { SequenceState, TableState } from "./feed-state";
import type { ChannelFrame, ClientFrame, Delta, Happened, Refusal, Snap, Sub, View } from "./protocol";

/** What became of data, see `Channel.take`. */
export type Taken = "taken" | "recovered" | "ignored" | "lost" | "diverged" | "wrong";

/** Called after each change of a subscription, with the frame that made it. */
export type OnUpdate = (frame: ChannelFrame) => void;

/** One subscription on the wire, under a number of its own: frames in, a state and frames to send out. */
export class Channel {
  readonly id: number;
  readonly feed: string;
  view: View;
  /** What is known; null before the first frame. */
  state: TableState | SequenceState | null = null;
  /** Why the service refused it, `place` a character of `where`; null: it did not. */
  error: { message: string; place: number | null } | null = null;
  /** Updates a second that the service has come down to, because this client was slow; null: as the view says. */
  lagHz: number | null = null;
  /** Whether the service has been asked, on this connection. */
  asked = false;
  followers = new Set<Subscription>();

  #sent: View = {};
  /** Views before each `set` that is not answered yet, oldest first. */
  #unanswered: { view: View; sent: View }[] = [];
  #resuming = false;

  constructor(id: number, feed: string, view: View) {
    this.id = id;
    this.feed = feed;
    this.view = view;
  }

  /** The frame that asks for it; from the last position on, if there is one. *mostHz* is a limit, or null. */
  ask(mostHz: number | null): Sub {
    this.asked = true;
    this.#sent = this.#limited(this.view, mostHz);
    this.#unanswered = [];
    const { epoch = null, seq = 0 } = this.state ?? {};
    this.#resuming = epoch !== null;
    const frame: Sub = { action: "sub", id: this.id, feed: this.feed, view: this.#sent };
    return epoch === null ? frame : { ...frame, epoch, seq };
  }

  /** The frame that tells the service what is different in *view* now; null if nothing is. */
  set(view: View, mostHz: number | null): ClientFrame | null {
    const sent = this.#limited(view, mostHz);
    const changes = changed(this.#sent, sent);
    const before = { view: this.view, sent: this.#sent };
    this.view = view;
    if (!Object.keys(changes).length) return null;
    this.#unanswered.push(before);
    this.#sent = sent;
    return { action: "set", id: this.id, view: changes };
  }

  /** The connection has ended. What is known stays, position included. */
  disconnected(): void {
    this.asked = false;
    this.lagHz = null;
  }

  /**
   * Apply a `snap`, `delta` or `event`.
   *
   * @returns `recovered`: taken, and it went on from where it had been interrupted; `ignored`: the answer to `ask`
   *   is still to come; `lost`, `diverged`: to be asked for again, since frames are missing or the table is not that
   *   of the service; `wrong`: this has not helped, and the table is kept as it came
   */
  take(frame: Snap | Delta | Happened): Taken {
    const taken = frame.type === "event" ? this.#event(frame) : this.#table(frame);
    if (taken !== "ignored" && taken !== "lost") {
      this.#resuming = false;
      this.error = null;
    }
    return taken;
  }

  /** The service has carried out a `set`. */
  acknowledged(): void {
    this.#unanswered.shift();
    this.error = null;
  }

  /** The service has refused a `set`, and the view is as before; or the whole, which has ended then. */
  refused({ message, place = null }: Refusal): void {
    this.error = { message, place };
    const before = this.#unanswered.shift();
    if (!before) this.asked = false;
    else if (!this.#unanswered.length) {
      this.view = before.view;
      this.#sent = before.sent;
    }
  }

  #table(frame: Snap | Delta): Taken {
    if (!(this.state instanceof TableState)) {
      if (frame.type !== "snap") return "ignored";
      this.state = new TableState();
    }
    const state = this.state;
    if (frame.type === "snap") {
      const again = state.diverged && state.epoch === null;
      state.snap(frame);
      if (state.diverged && again) return "wrong"; // to ask for ever would help nobody
    } else if (state.epoch === null) return "ignored";
    else if (!state.delta(frame)) return this.#lose(state, "lost");
    if (state.diverged) return this.#lose(state, "diverged");
    return this.#resuming && frame.type !== "snap" ? "recovered" : "taken";
  }

  #event(frame: Happened): Taken {
    if (!(this.state instanceof SequenceState)) this.state = new SequenceState();
    if (this.state.event(frame)) return this.#resuming && frame.recovered ? "recovered" : "taken";
    return this.#resuming ? "ignored" : "lost"; // asked for again from the last position: nothing is left out
  }

  /** *view* with a rate of *mostHz* at most, if it is known to be of a table: a sequence has no rate. */
  #limited(view: View, mostHz: number | null): View {
    if (mostHz === null || !(this.state instanceof TableState)) return view;
    return { ...view, hz: Math.min(view.hz ?? mostHz, mostHz) };
  }

  #lose(state: TableState, why: Taken): Taken {
    state.lose();
    return why;
  }
}

/** One widget's interest in a feed. Widgets that want the same of it share a channel, and so its state. */
export class Subscription {
  channel: Channel;
  readonly onUpdate: OnUpdate;

  constructor(channel: Channel, onUpdate: OnUpdate) {
    this.channel = channel;
    this.onUpdate = onUpdate;
  }

  get feed(): string { return this.channel.feed; }
  get view(): View { return this.channel.view; }
  /** What is known of the feed; null before the first frame. */
  get state(): TableState | SequenceState | null { return this.channel.state; }
  /** The same of a feed that has rows. */
  get table(): TableState | null { return this.state instanceof TableState ? this.state : null; }
  /** The same of a sequence. */
  get sequence(): SequenceState | null { return this.state instanceof SequenceState ? this.state : null; }
  /** Why the service refuses it, else null. */
  get error(): Channel["error"] { return this.channel.error; }
  /** Updates a second that the service has come down to; null: as the view says. */
  get lagHz(): number | null { return this.channel.lagHz; }
}

/** Whether *feed* is one of *feeds*, as far as can be told here: the service knows what its patterns stand for. */
export function isOffered(feeds: readonly string[], feed: string): boolean {
  return feeds.some((each) => each === feed || (/[*>]/.test(each) && feed.startsWith(each.split(/[*>]/)[0])));
}

/** *view* without what is absent or null, after *changes*: an absent field stays, null is as the feed has it. */
export function merged(view: View, changes: View = {}): View {
  return Object.fromEntries(Object.entries({ ...view, ...changes }).filter(([, value]) => value != null));
}

/** Whether two views are the same. */
export function isSame(one: View, other: View): boolean {
  return Object.keys(changed(one, other)).length === 0;
}

/** The fields of *after* that differ from *before*; null for those that it lacks. */
function changed(before: View, after: View): View {
  const fields = Object.keys({ ...before, ...after }) as (keyof View)[];
  const differing = fields.filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
  return Object.fromEntries(differing.map((field) => [field, after[field] ?? null]));
}
