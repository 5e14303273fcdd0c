/**
 * Fills the table of identifiers at start: from the blocks on disk where they are whole
 * and of this tree, from the entries themselves where not, and for the last leaves, whose
 * block is not full. Either way the table is a pure function of the committed entries;
 * blocks only save the reading: 8 bytes an entry in place of some 100.
 *
 * So a log without blocks, one that was made before there were any or whose file was
 * lost, starts all the same, once slowly. What is derived is written as it comes: a
 * start that is cut short does not begin again.
 *
 * @module
 */

import { type FingerprintSeed, TILE_WIDTH } from "@indelible/core";
import { putEntryFingerprint } from "./entry_fingerprint.ts";
import { BLOCK_LEAVES, IdentifierBlocks, type OnBlockFault } from "./identifier_blocks.ts";
import { blockRoot, Identifiers } from "./identifiers.ts";
import type { BlockFile } from "./storage/block_file.ts";
import { Damaged } from "./storage/failure.ts";
import type { StoredLog } from "./stored_log.ts";

/** Blocks that are loaded at once: a million leaves. */
const BLOCKS_AT_ONCE = 256;

/** What loading needs. */
export interface LoadParts {
  /** The log's origin. */
  readonly origin: string;
  /** The size of the committed tree. */
  readonly size: number;
  /** The log's entries. */
  readonly stored: StoredLog;
  /** Where the blocks are; `null` for a log that keeps none. */
  readonly file: BlockFile | null;
  /** Told while entries are read in place of blocks: how many of the first so many leaves are in. */
  readonly onDerived: (leaves: number, size: number) => void;
  /** See there. */
  readonly onFault: OnBlockFault;
}

/**
 * Loads the identifiers of a log.
 *
 * @throws {Damaged} If what must be read of the tree is missing or is not what is in it.
 */
export async function loadIdentifiers(parts: LoadParts): Promise<Identifiers> {
  const { origin, size, stored, file, onDerived, onFault } = parts;
  const blocks = await IdentifierBlocks.open(file, origin, onFault);
  const identifiers = new Identifiers(stored, blocks, size);
  const full = Math.floor(size / BLOCK_LEAVES);
  await blocks.startAt(full);
  for (let first = 0; first < full; first += BLOCKS_AT_ONCE) {
    const count = Math.min(BLOCKS_AT_ONCE, full - first);
    const numbers = Array.from({ length: count }, (_, i) => first + i);
    const roots = await Promise.all(numbers.map((block) => blockRoot(stored, block, size)));
    const fingerprints = new Uint32Array(2 * BLOCK_LEAVES * count);
    const missing = await blocks.read(first, roots, fingerprints);
    for (const i of missing) {
      const [from, to] = [(first + i) * BLOCK_LEAVES, (first + i + 1) * BLOCK_LEAVES];
      const derived = await derive(stored, from, to, size, blocks.seed);
      fingerprints.set(derived, 2 * BLOCK_LEAVES * i);
      await blocks.write(first + i, roots[i]!, derived);
    }
    identifiers.load(fingerprints, first * BLOCK_LEAVES);
    if (missing.length > 0) onDerived((first + count) * BLOCK_LEAVES, size);
  }
  const tail = await derive(stored, full * BLOCK_LEAVES, size, size, blocks.seed);
  identifiers.load(tail, full * BLOCK_LEAVES);
  blocks.append(tail);
  await identifiers.loadEvents(size);
  return identifiers;
}

/**
 * Derives the fingerprints of leaves from their entries.
 *
 * @param from The first leaf, at the start of an entry bundle.
 * @param to The leaf after the last, at the end of one.
 */
async function derive(
  stored: StoredLog,
  from: number,
  to: number,
  size: number,
  seed: FingerprintSeed,
): Promise<Uint32Array> {
  const fingerprints = new Uint32Array(2 * (to - from));
  const firstBundle = from / TILE_WIDTH;
  const bundles = await Promise.all(
    Array.from(
      { length: Math.ceil((to - from) / TILE_WIDTH) },
      (_, i) => stored.bundle(firstBundle + i, size),
    ),
  );
  for (const [i, entry] of bundles.flat().entries()) {
    try {
      putEntryFingerprint(entry, 0, entry.length, seed, fingerprints, 2 * i);
    } catch (error) {
      throw new Damaged(`entry ${from + i}`, (error as Error).message);
    }
  }
  return fingerprints;
}
