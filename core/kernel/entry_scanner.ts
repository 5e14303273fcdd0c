/**
 * Scans entries in a kernel's memory, thousands per call: whether they are plain
 * publications in the form of PyPI's, and the fingerprints of their identifiers. What
 * `EntryScan` and `identifierFingerprintOf` do, in less than half the time, for what
 * nearly all entries are.
 *
 * @module
 */

import type { FingerprintSeed } from "../fingerprint.ts";

// @ts-ignore: TypeScript 6 does not know source phase imports; Deno does.
const MODULE: WebAssembly.Module = await import.source("./entry_scan.wasm");

/** Bytes after the last entry that must be in the memory too. */
export const SCAN_MARGIN = 8;

/** Scans entries of one memory. It does not check that offsets stay inside the memory. */
export interface EntryScanner {
  /**
   * Scans entries: entry i is `src[offsets[i] .. offsets[i + 1] - gap]`.
   *
   * @param src Offset of the entries' bytes.
   * @param offsets Offset of `count + 1` ascending little-endian uint32, relative to `src`.
   * @param count Number of entries.
   * @param gap Bytes between an entry and the next.
   * @param fingerprints Offset of `8 * count` bytes for the fingerprints, the lower halves first.
   * @param known Offset of `count` bytes. 1 where an entry is a plain publication; where it
   *   becomes 0 there is no fingerprint, and the bytes may be another entry or none.
   */
  scanEntries(
    src: number,
    offsets: number,
    count: number,
    gap: number,
    fingerprints: number,
    known: number,
  ): void;
}

interface ScanExports {
  scanEntries(
    src: number,
    offsets: number,
    count: number,
    gap: number,
    seedLow: number,
    seedHigh: number,
    fingerprints: number,
    known: number,
  ): void;
}

/**
 * Makes a scanner over a shared memory. Threads may use one memory at a time.
 *
 * @param memory The memory.
 * @param seed The key of the fingerprints.
 */
export function instantiateEntryScanner(
  memory: WebAssembly.Memory,
  seed: FingerprintSeed,
): EntryScanner {
  const instance = new WebAssembly.Instance(MODULE, { env: { memory } });
  const { scanEntries } = instance.exports as unknown as ScanExports;
  const [low = 0, high = 0] = seed;
  return {
    scanEntries: (src, offsets, count, gap, fingerprints, known) =>
      scanEntries(src, offsets, count, gap, low, high, fingerprints, known),
  };
}
