import { isSame, type Channel } from "../wire/channel";
import { Client } from "../wire/client";
import type { GiveToken } from "../wire/page-token";
import type { ClientFrame, View } from "../wire/protocol";
import type { Standing, ToPage, ToWorker } from "./messages";

/** A page's part of a connection that all pages of this browser share: a worker holds it, and speaks protocol 1 here. */
export class PortClient extends Client {
  #port: MessagePort;
  #token: GiveToken;

  constructor(port: MessagePort, token: GiveToken) {
    super();
    this.#port = port;
    this.#token = token;
  }

  override connect(): void {
    this.#port.onmessage = (event) => this.#onMessage(event.data as ToPage);
    const lock = `tickmesh page ${crypto.randomUUID()}`;
    // The lock is free again when this page is gone, however it went: a port does not say so.
    void navigator.locks.request(lock, () => {
      this.#say({ action: "come", lock });
      return new Promise(() => {});
    });
  }

  override setHidden(hidden: boolean): void {
    this.#say({ action: "seen", hidden });
  }

  /** The worker asks the service, or remembers to. */
  protected override ask(channel: Channel): void {
    this.send(channel.ask(null));
  }

  protected override askAgain(channel: Channel): void {
    this.ask(channel);
  }

  /** The worker shares what pages want the same of: another view is another subscription there. */
  protected override change(channel: Channel, view: View): void {
    if (isSame(channel.view, view)) return;
    channel.view = view;
    this.ask(channel);
  }

  protected override send(frame: ClientFrame | null): void {
    if (frame) this.#say(frame);
  }

  #say(message: ToWorker): void {
    this.#port.postMessage(message);
  }

  #onMessage(message: ToPage): void {
    if (message.type === "standing") this.#onStanding(message);
    else if (message.type === "token") void this.#giveToken(message.expired);
    else this.take(message);
  }

  #onStanding({ hello, feeds, phase, reason, retryAtMs, aheadMs }: Standing): void {
    Object.assign(this, { hello, reason, retryAtMs, aheadMs });
    if (String(feeds) !== String(this.feeds)) this.takeFeeds(feeds);
    this.enter(phase);
  }

  async #giveToken(expired: boolean): Promise<void> {
    this.#say({ action: "token", token: await this.#token(expired).catch(() => undefined) });
  }
}
