/** New York's clock: what a bar is labelled with, which session it belongs to, and where trading days begin. */

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

const PARTS = new Intl.DateTimeFormat("en-US", {
  timeZone: "America/New_York", year: "numeric", month: "numeric", day: "numeric", hour: "numeric", hourCycle: "h23",
});

/** By the hour: New York changes its clocks on the hour, and to ask each time is slow. */
const offsets = new Map<number, number>();

function offsetMs(epochMs: number): number {
  const hour = Math.floor(epochMs / HOUR_MS);
  let found = offsets.get(hour);
  if (found === undefined) {
    const part = Object.fromEntries(PARTS.formatToParts(hour * HOUR_MS).map(({ type, value }) => [type, Number(value)]));
    found = Date.UTC(part.year, part.month - 1, part.day, part.hour) - hour * HOUR_MS;
    offsets.set(hour, found);
  }
  return found;
}

/** What New York's clocks show at *epochMs*, as if they were in UTC: the chart has no time zones. */
export function wallMs(epochMs: number): number {
  return epochMs + offsetMs(epochMs);
}

/** When New York's clocks show *wall*; of an hour that comes twice, one of them. */
export function epochMs(wall: number): number {
  const near = wall - offsetMs(wall);
  return wall - offsetMs(near);
}

/** Days since 1970 in New York: the trading day, since none goes past midnight. */
export function dayOf(epochMs: number): number {
  return Math.floor(wallMs(epochMs) / DAY_MS);
}

export type Session = "closed" | "pre" | "regular" | "post";

const PRE_MS = 4 * HOUR_MS;
const OPEN_MS = 9.5 * HOUR_MS;
const CLOSE_MS = 16 * HOUR_MS;
const POST_END_MS = 20 * HOUR_MS;
const THURSDAY = 4; // the first of January 1970

/** By the clock alone: early closes and holidays are not known here. */
export function sessionOf(epochMs: number): Session {
  const wall = wallMs(epochMs);
  const atMs = wall - Math.floor(wall / DAY_MS) * DAY_MS;
  const weekday = (Math.floor(wall / DAY_MS) + THURSDAY) % 7;
  if (weekday === 0 || weekday === 6 || atMs < PRE_MS || atMs >= POST_END_MS) return "closed";
  if (atMs < OPEN_MS) return "pre";
  return atMs < CLOSE_MS ? "regular" : "post";
}

/** Bars that follow each other, by their places, the last one not included. */
export interface Run {
  session: Session;
  from: number;
  to: number;
}

/** Neighbours of one session and day together. */
export function sessionRuns(startMs: readonly number[]): Run[] {
  const runs: Run[] = [];
  let day = NaN;
  startMs.forEach((ms, n) => {
    const session = sessionOf(ms);
    const last = runs.at(-1);
    if (last && last.session === session && dayOf(ms) === day) last.to = n + 1;
    else runs.push({ session, from: n, to: n + 1 });
    day = dayOf(ms);
  });
  return runs;
}
