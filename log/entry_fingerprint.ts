/**
 * The fingerprint of an entry's identifier, with one bit for what the entry says: 63 bits
 * of the identifier, and whether the entry publishes the file or is a later event. So
 * fingerprints alone tell which leaf introduced an identifier, since a log has exactly
 * one publication of each.
 *
 * @module
 */

import {
  EntryScan,
  type FingerprintSeed,
  type Identifier,
  identifierFingerprint,
  identifierFingerprintOf,
  parseEntry,
} from "@indelible/core";

/** In the lower half: this entry is a later event about a file that is published already. */
export const LATER_EVENT = 0x8000_0000;

const scan = new EntryScan();

/**
 * Puts the fingerprint of an entry.
 *
 * @param bytes Where the entry stands.
 * @param start Its first byte.
 * @param end The one after its last.
 * @param seed The key.
 * @param into Where the lower and the upper half go.
 * @param at The place of the lower.
 * @throws {SyntaxError} If it is no entry.
 */
export function putEntryFingerprint(
  bytes: Uint8Array,
  start: number,
  end: number,
  seed: FingerprintSeed,
  into: Uint32Array,
  at: number,
): void {
  let publishes: boolean;
  if (scan.scan(bytes, start, end)) {
    identifierFingerprintOf(bytes, scan, seed, into, at);
    publishes = scan.event === 0;
  } else {
    const { ecosystem, file, event } = parseEntry(bytes.subarray(start, end));
    identifierFingerprint(ecosystem, file, seed, into, at);
    publishes = event === "publish";
  }
  into[at] = publishes ? into[at]! & ~LATER_EVENT : into[at]! | LATER_EVENT;
}

/** Puts the fingerprint that the publication of a file has. */
export function putFileFingerprint(
  { ecosystem, file }: Identifier,
  seed: FingerprintSeed,
  into: Uint32Array,
  at: number,
): void {
  identifierFingerprint(ecosystem, file, seed, into, at);
  into[at]! &= ~LATER_EVENT;
}
