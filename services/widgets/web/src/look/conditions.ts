/** The filter form of scanners, as the `where` of a view: what it cannot say, the text beside it can. */

export interface Bounds {
  [field: string]: { least?: number; most?: number };
}

/** Fields of the form, with what a person calls them. */
export const FILTERED: [field: string, title: string][] = [
  ["last_usd", "Price $"],
  ["change_pct", "Change %"],
  ["change_open_pct", "From open %"],
  ["gap_pct", "Gap %"],
  ["volume_shares", "Volume"],
  ["relative_volume", "Rel. vol."],
  ["average_volume_shares", "Avg. vol."],
  ["free_float_shares", "Float"],
  ["dollar_volume_usd", "Dollars"],
  ["spread_pct", "Spread %"],
];

/** A condition for the service; empty: none. */
export function whereOf(bounds: Bounds, text: string): string {
  const parts = Object.entries(bounds).flatMap(([field, { least, most }]) => [
    ...(least === undefined ? [] : [`${field} >= ${least}`]),
    ...(most === undefined ? [] : [`${field} <= ${most}`]),
  ]);
  const own = text.trim();
  if (own) parts.push(parts.length ? `(${own})` : own);
  return parts.join(" and ");
}

const SIZES: Record<string, number> = { k: 1e3, m: 1e6, b: 1e9 };

/** `1.5M` as a number; undefined: none is written; null: it is no number. */
export function amountOf(text: string): number | null | undefined {
  const found = text.trim().replaceAll(",", "").match(/^([-+]?\d*\.?\d+)\s*([kmb]?)$/i);
  if (!text.trim()) return undefined;
  return found ? Number(found[1]) * (SIZES[found[2].toLowerCase()] ?? 1) : null;
}

/** A number as the form shows it. */
export function written(value: number | undefined): string {
  if (value === undefined) return "";
  for (const [letter, size] of Object.entries(SIZES).reverse()) {
    if (Math.abs(value) >= size && Number.isInteger((value / size) * 1000)) return `${value / size}${letter.toUpperCase()}`;
  }
  return String(value);
}

/** Whether a row, by the values of its fields, is within *bounds*; what is unknown is not. */
export function isWithin(bounds: Bounds, row: Record<string, unknown>): boolean {
  return Object.entries(bounds).every(([field, { least, most }]) => {
    const value = row[field];
    if (least === undefined && most === undefined) return true;
    return typeof value === "number" && (least === undefined || value >= least) && (most === undefined || value <= most);
  });
}
