import { SequenceState, TableState } from "./feed-state.js";

/**
 * What of a feed is wanted; a field that is absent is as the feed has it by itself.
 *
 * @typedef {object} View
 * @property {string[]} [columns] cells of a row, `symbol` not named
 * @property {number} [top] rows, at most
 * @property {string} [sort] a column, greatest first; with `+` before it, smallest first
 * @property {string} [where] a condition on the fields of a row
 * @property {number} [hz] updates a second, at most
 * @property {[number, number]} [window] places, from 0; the second is exclusive
 * @property {string[]} [symbols]
 */

/** One subscription on the wire, under a number of its own: frames in, a state and frames to send out. */
export class Channel {
  /** What is known; null before the first frame. @type {TableState | SequenceState | null} */
  state = null;
  /** Why the service refused it, `place` a character of `where`; null: it did not. @type {?{message: string, place: ?number}} */
  error = null;
  /** Updates a second that the service has come down to, because this client was slow; null: as the view says. */
  lagHz = null;
  /** Whether the service has been asked, on this connection. */
  asked = false;
  followers = new Set();

  #sent = {};
  /** Views before each `set` that is not answered yet, oldest first. */
  #unanswered = [];
  #resuming = false;

  /** @param {number} id @param {string} feed @param {View} view */
  constructor(id, feed, view) {
    this.id = id;
    this.feed = feed;
    this.view = view;
  }

  /** The frame that asks for it; from the last position on, if there is one. *mostHz* is a limit, or null. */
  ask(mostHz) {
    this.asked = true;
    this.#sent = this.#limited(this.view, mostHz);
    this.#unanswered = [];
    const { epoch = null, seq } = this.state ?? {};
    this.#resuming = epoch !== null;
    const frame = { action: "sub", id: this.id, feed: this.feed, view: this.#sent };
    return this.#resuming ? { ...frame, epoch, seq } : frame;
  }

  /** The frame that tells the service what is different in *view* now; null if nothing is. */
  set(view, mostHz) {
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
  disconnected() {
    this.asked = false;
    this.lagHz = null;
  }

  /**
   * Apply a `snap`, `delta` or `event`.
   *
   * @returns {"taken" | "recovered" | "ignored" | "lost" | "diverged" | "wrong"} `recovered`: taken, and it went
   *   on from where it had been interrupted; `ignored`: the answer to `ask` is still to come; `lost`, `diverged`:
   *   to be asked for again, since frames are missing or the table is not that of the service; `wrong`: this has
   *   not helped, and the table is kept as it came
   */
  take(frame) {
    const taken = frame.type === "event" ? this.#event(frame) : this.#table(frame);
    if (taken !== "ignored" && taken !== "lost") {
      this.#resuming = false;
      this.error = null;
    }
    return taken;
  }

  /** The service has carried out a `set`. */
  acknowledged() {
    this.#unanswered.shift();
    this.error = null;
  }

  /** The service has refused a `set`, and the view is as before; or the whole, which has ended then. */
  refused({ message, place = null }) {
    this.error = { message, place };
    const before = this.#unanswered.shift();
    if (!before) this.asked = false;
    else if (!this.#unanswered.length) [this.view, this.#sent] = [before.view, before.sent];
  }

  #table(frame) {
    const isSnap = frame.type === "snap";
    if (!(this.state instanceof TableState)) {
      if (!isSnap) return "ignored";
      this.state = new TableState();
    }
    const { state } = this;
    if (isSnap) {
      const again = state.diverged && state.epoch === null;
      state.snap(frame);
      if (state.diverged && again) return "wrong"; // to ask for ever would help nobody
    } else if (state.epoch === null) return "ignored";
    else if (!state.delta(frame)) return this.#lose("lost");
    if (state.diverged) return this.#lose("diverged");
    return this.#resuming && !isSnap ? "recovered" : "taken";
  }

  #event(frame) {
    if (!(this.state instanceof SequenceState)) this.state = new SequenceState();
    if (this.state.event(frame)) return this.#resuming && frame.recovered ? "recovered" : "taken";
    return this.#resuming ? "ignored" : "lost"; // asked for again from the last position: nothing is left out
  }

  /** *view* with a rate of *mostHz* at most, if it is known to be of a table: a sequence has no rate. */
  #limited(view, mostHz) {
    if (mostHz === null || !(this.state instanceof TableState)) return view;
    return { ...view, hz: Math.min(view.hz ?? mostHz, mostHz) };
  }

  #lose(why) {
    this.state.lose();
    return why;
  }
}

/** One widget's interest in a feed. Widgets that want the same of it share a channel, and so its state. */
export class Subscription {
  constructor(channel, onUpdate) {
    this.channel = channel;
    this.onUpdate = onUpdate;
  }

  get feed() { return this.channel.feed; }
  get view() { return this.channel.view; }
  /** What is known of the feed: a `TableState`, a `SequenceState`, or null before the first frame. */
  get state() { return this.channel.state; }
  /** `{message, place}` while the service refuses it, else null. */
  get error() { return this.channel.error; }
  /** Updates a second that the service has come down to; null: as the view says. */
  get lagHz() { return this.channel.lagHz; }
}

/** Whether *feed* is one of *feeds*, as far as can be told here: the service knows what its patterns stand for. */
export function isOffered(feeds, feed) {
  return feeds.some((each) => each === feed || (/[*>]/.test(each) && feed.startsWith(each.split(/[*>]/)[0])));
}

/** *view* without what is absent or null, after *changes*: an absent field stays, null is as the feed has it. */
export function merged(view, changes) {
  return Object.fromEntries(Object.entries({ ...view, ...changes }).filter(([, value]) => value != null));
}

/** Whether two views are the same. */
export function isSame(one, other) {
  return Object.keys(changed(one, other)).length === 0;
}

/** The fields of *after* that differ from *before*; null for those that it lacks. */
function changed(before, after) {
  const differs = (field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]);
  const fields = Object.keys({ ...before, ...after }).filter(differs);
  return Object.fromEntries(fields.map((field) => [field, after[field] ?? null]));
}
