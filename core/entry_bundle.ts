/**
 * Entry bundles: up to 256 entries, each behind its length as a big-endian
 * uint16 (C2SP tlog-tiles).
 *
 * @module
 */

import { TILE_WIDTH } from "./tile.ts";

/** The largest entry its length prefix can announce, in bytes. */
export const MAX_ENTRY_SIZE = 0xffff;

/**
 * Encodes 1–256 entries.
 *
 * @throws {RangeError} If there are none or too many, or one is over 65,535 bytes.
 */
export function encodeEntryBundle(
  entries: readonly Uint8Array[],
): Uint8Array<ArrayBuffer> {
  if (entries.length < 1 || entries.length > TILE_WIDTH) {
    throw new RangeError(
      `Cannot encode entry bundle: it holds 1–256 entries, not ${entries.length}`,
    );
  }
  let length = 0;
  for (const entry of entries) {
    if (entry.length > MAX_ENTRY_SIZE) {
      throw new RangeError(
        `Cannot encode entry bundle: an entry has at most 65535 bytes, not ${entry.length}`,
      );
    }
    length += 2 + entry.length;
  }
  const bundle = new Uint8Array(length);
  let at = 0;
  for (const entry of entries) {
    bundle[at] = entry.length >> 8;
    bundle[at + 1] = entry.length;
    bundle.set(entry, at + 2);
    at += 2 + entry.length;
  }
  return bundle;
}

/**
 * Cuts an entry bundle into exactly `width` entries, without copying.
 *
 * @throws {SyntaxError} If it is truncated or holds fewer or more entries.
 */
export function parseEntryBundle(
  bundle: Uint8Array,
  width: number,
): Uint8Array[] {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < bundle.length) {
    const start = at + 2;
    const end = start + (bundle[at]! << 8 | (bundle[at + 1] ?? 0));
    if (end > bundle.length) {
      throw new SyntaxError(
        `Cannot parse entry bundle: entry ${entries.length} is truncated`,
      );
    }
    entries.push(bundle.subarray(start, end));
    at = end;
  }
  if (entries.length !== width || width < 1 || width > TILE_WIDTH) {
    throw new SyntaxError(
      `Cannot parse entry bundle: expected ${width} entries, found ${entries.length}`,
    );
  }
  return entries;
}
