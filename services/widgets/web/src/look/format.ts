/** Numbers and times as a trader reads them. null is unknown and shown as a dash, zero is a number. */

type Known = number | null | undefined;

const UNKNOWN = "–";
const MINUS = "−";

const decimals = (digits: number) =>
  new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const [whole, one, two, , four] = [0, 1, 2, 3, 4].map(decimals);

export function price(value: Known): string {
  if (value == null) return UNKNOWN;
  if (Math.abs(value) < 1) return four.format(value);
  return (value < 10_000 ? two : whole).format(value);
}

export function percent(value: Known): string {
  if (value == null) return UNKNOWN;
  const size = Math.abs(value);
  if (size < 0.005) return "0.00%";
  const text = (size < 99.995 ? two : size < 999.95 ? one : whole).format(size);
  return `${value < 0 ? MINUS : "+"}${text}%`;
}

const STEPS: [number, string][] = [[1e9, "B"], [1e6, "M"], [1e3, "K"]];

export function compact(value: Known): string {
  if (value == null) return UNKNOWN;
  for (const [size, letter] of STEPS) {
    if (value >= size * 0.9995) return `${decimals3(value / size)}${letter}`;
  }
  return whole.format(value);
}

/** Three significant digits, so that the width is steady: 1.24, 12.4, 124. */
function decimals3(value: number): string {
  return value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}

export function plain(value: Known): string {
  if (value == null) return UNKNOWN;
  const text = Math.abs(value) < 10_000 ? two.format(Math.abs(value)) : compact(Math.abs(value));
  return value < 0 ? MINUS + text : text;
}

const NEW_YORK = new Intl.DateTimeFormat("en-GB", {
  timeZone: "America/New_York", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const DAY = new Intl.DateTimeFormat("en-GB", {
  timeZone: "UTC", weekday: "short", day: "numeric", month: "short", year: "numeric",
});
const SESSIONS: Record<string, string> = { pre: "pre-market", regular: "regular session", post: "after hours", closed: "market closed" };

export function newYorkTime(epochMs: number): string {
  return `${NEW_YORK.format(epochMs)} ET`;
}

export function day(isoDate: string): string {
  return DAY.format(Date.parse(`${isoDate}T00:00:00Z`)).replace(",", "");
}

export function session(name: string): string {
  return SESSIONS[name] ?? name;
}

export function duration(ms: number): string {
  if (ms < 9_950) return `${(ms / 1000).toFixed(1)} s`;
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`;
  if (ms < 7_200_000) return `${Math.round(ms / 60_000)} min`;
  return `${Math.round(ms / 3_600_000)} h`;
}

/** A move in dollars, with its sign. */
export function signedPrice(value: Known): string {
  if (value == null) return UNKNOWN;
  const size = Math.abs(value);
  const text = (size > 0 && size < 0.01 ? four : two).format(size);
  return size === 0 ? text : `${value < 0 ? MINUS : "+"}${text}`;
}

/** A whole number. */
export function count(value: Known): string {
  return value == null ? UNKNOWN : Math.abs(value) < 100_000 ? whole.format(value) : compact(value);
}

/** Time of day in New York. */
export function time(epochMs: Known): string {
  return epochMs == null ? UNKNOWN : NEW_YORK.format(epochMs);
}

/** Minutes and seconds until something, as 4:07. */
export function countdown(ms: number): string {
  const seconds = Math.max(0, Math.ceil(ms / 1000));
  const parts = [Math.floor(seconds / 60) % 60, seconds % 60].map((part) => String(part).padStart(2, "0"));
  const hours = Math.floor(seconds / 3600);
  return hours ? `${hours}:${parts.join(":")}` : `${Number(parts[0])}:${parts[1]}`;
}

/** A part of something, which has no sign. */
export function share(value: Known): string {
  return value == null ? UNKNOWN : `${two.format(value).replace("-", MINUS)}%`;
}
