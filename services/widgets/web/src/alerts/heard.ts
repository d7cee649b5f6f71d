/** Alerts that were called to a person's attention, with why: the last 200, of all widgets of this page. */

import { appearance } from "../look/settings";
import { ALERT_KINDS, why, type Alert } from "./kinds";
import { isBlocked, play } from "./sounds";

const MOST = 200;
/** A notification of the system, at most so often. */
const NOTIFY_MS = 3_000;

export interface Heard {
  alert: Alert;
  /** The name of the widget whose filter it passed. */
  by: string;
  sound: string;
}

class HeardAlerts extends EventTarget {
  /** Newest first. */
  list: Heard[] = [];
  /** How many nobody has looked at. */
  unseen = 0;
  /** Whether the browser makes no sound before somebody clicks. */
  blocked = false;
  #notifiedMs = 0;

  /** Call an alert out. *volume* is the widget's, 0 to 1. */
  call(heard: Heard, volume: number): void {
    if (this.list.some((each) => each.alert.id === heard.alert.id && each.by === heard.by)) return;
    this.list = [heard, ...this.list].slice(0, MOST);
    this.unseen++;
    this.blocked = !play(heard.sound, volume) || isBlocked();
    this.#notify(heard.alert);
    this.dispatchEvent(new Event("change"));
  }

  seen(): void {
    this.unseen = 0;
    this.dispatchEvent(new Event("change"));
  }

  #notify(alert: Alert): void {
    const now = Date.now();
    if (!document.hidden || !appearance.now.notify || now - this.#notifiedMs < NOTIFY_MS) return;
    if (!("Notification" in window) || Notification.permission !== "granted") return;
    this.#notifiedMs = now;
    const title = `${alert.symbol} ${ALERT_KINDS[alert.kind]?.title ?? alert.kind}`;
    new Notification(title, { body: why(alert), tag: alert.symbol, silent: true });
  }
}

export const heard = new HeardAlerts();
