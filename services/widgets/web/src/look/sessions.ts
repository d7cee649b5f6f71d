/** Which session it is in New York, and when the next begins; of holidays the service knows, and says so in its boards. */

const PARTS = new Intl.DateTimeFormat("en-US", {
  timeZone: "America/New_York", weekday: "short", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const DAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];
const DAY_MS = 86_400_000;
const minutes = (hour: number, minute = 0) => (hour * 60 + minute) * 60_000;

/** Beginnings of sessions, milliseconds after midnight. */
const BEGINNINGS: [atMs: number, session: string][] = [
  [minutes(4), "pre"], [minutes(9, 30), "regular"], [minutes(16), "post"], [minutes(20), "closed"],
];

export interface SessionTime {
  session: string;
  next: string;
  leftMs: number;
}

/** At *epochMs*. An early close and holidays are not known here. */
export function sessionAt(epochMs: number): SessionTime {
  const parts = Object.fromEntries(PARTS.formatToParts(epochMs).map(({ type, value }) => [type, value]));
  const dayMs = minutes(Number(parts.hour), Number(parts.minute)) + Number(parts.second) * 1000 + (epochMs % 1000);
  const weekday = DAYS.indexOf(parts.weekday);
  const isTradingDay = weekday >= 1 && weekday <= 5;
  const next = isTradingDay ? BEGINNINGS.findIndex(([atMs]) => atMs > dayMs) : -1;
  if (next >= 0) {
    const session = next === 0 ? "closed" : BEGINNINGS[next - 1][1];
    return { session, next: BEGINNINGS[next][1], leftMs: BEGINNINGS[next][0] - dayMs };
  }
  const days = weekday === 5 ? 3 : weekday === 6 ? 2 : 1;
  return { session: "closed", next: "pre", leftMs: days * DAY_MS + BEGINNINGS[0][0] - dayMs };
}
