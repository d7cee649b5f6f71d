/** The checksum by which a client proves that it has what the server has: see `schemas/widget.py`. */

import type { Cells } from "./protocol";

const STEPS = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

const encoder = new TextEncoder();

/**
 * The CRC-32 (zlib's) of a table, an integer from 0 to 2³² − 1.
 *
 * @param order symbols, best row first
 * @param rows cells by symbol, of which the first is the symbol
 * @param width cells of a row, the symbol's included
 */
export function tableCrc(order: readonly string[], rows: ReadonlyMap<string, Cells>, width: number): number {
  let crc = fold(~0, encoder.encode(lines(order)));
  const inOrder = order.map((symbol) => rows.get(symbol));
  const numbers = new DataView(new ArrayBuffer(8 * order.length));
  for (let column = 1; column < width; column++) crc = foldColumn(crc, inOrder, column, numbers);
  return ~crc >>> 0;
}

/** What lies together is folded in one go, numbers or texts: cell by cell it takes several times as long. */
function foldColumn(crc: number, rows: readonly (Cells | undefined)[], column: number, numbers: DataView): number {
  let end = 0;
  let texts: string[] = [];
  const foldGathered = () => {
    crc = fold(crc, new Uint8Array(numbers.buffer, 0, end));
    if (texts.length) crc = fold(crc, encoder.encode(lines(texts)));
    end = 0;
    texts = [];
  };
  for (const row of rows) {
    const cell = row?.[column] ?? null;
    if (typeof cell === "string" ? end : texts.length) foldGathered();
    if (typeof cell === "string") texts.push(cell);
    else {
      if (cell === null) numbers.setBigInt64(end, -1n);
      else numbers.setFloat64(end, cell, true);
      end += 8;
    }
  }
  foldGathered();
  return crc;
}

function lines(texts: readonly string[]): string {
  return texts.map((text) => `${text}\n`).join("");
}

function fold(crc: number, bytes: Uint8Array): number {
  for (let n = 0; n < bytes.length; n++) crc = STEPS[(crc ^ bytes[n]) & 0xff] ^ (crc >>> 8);
  return crc;
}
