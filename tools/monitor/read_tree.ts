/**
 * Reads what a log has more than before: every entry, every leaf hash computed again from
 * it, every tile on the way to the root. A few bundles are read here; of a log that is far
 * ahead, workers scan slices of them while the next ones are fetched, with bounded memory.
 *
 * Whatever is given out is under the signed root already: each bundle is held against the
 * tiles, which the reader trusts only from the root down. The right edge is computed from
 * the entries alone, so that in the end the root can be compared once more.
 *
 * @module
 */

import {
  appendLeafHash,
  equalBytes,
  HASH_SIZE,
  leafHash,
  LogMismatch,
  type LogReader,
  type RightEdge,
  TILE_WIDTH,
  tileAt,
} from "@indelible/core";
import { PairReader } from "../fsck_pairs.ts";
import { type Slice, SLICE_BUNDLES, SliceBuilder, TILE_BYTES } from "../fsck_slice.ts";
import type { LogObjects } from "../log_source.ts";
import { inOrder } from "../parallel.ts";
import { type EntriesScanned, RECORD_WORDS, type ScanOptions, StatementScan } from "./scan.ts";
import { ScanCrew } from "./scan_crew.ts";

/** Consecutive entries that were read. */
export interface Stretch extends EntriesScanned {
  /** The right edge of the tree that ends with them. */
  readonly edge: RightEdge;
}

/** A bundle that is not under the root hash, or not served. */
export class BundleMismatch extends LogMismatch {
  /** Which bundle. */
  readonly bundle: number;

  /** @param bundle Which bundle. @param message What is wrong. */
  constructor(bundle: number, message: string) {
    super(message);
    this.bundle = bundle;
  }
}

/** From where to where, and how. */
export interface ReadTree {
  /** The right edge of what is known: where to begin. */
  readonly edge: RightEdge;
  /** Reads the tree, at the head to which to go. */
  readonly reader: LogReader;
  /** The log's objects. */
  readonly objects: LogObjects;
  /** What to look for. */
  readonly scan: ScanOptions;
  /** How many workers, if it is far. */
  readonly workers: number;
}

/** With fewer full bundles to read, starting workers takes longer than doing without. */
const FAR_BUNDLES = 64;
/** Bundles that are read ahead where no worker scans them. */
const BUNDLES_AHEAD = 8;
/** Slices for each worker, under way at once. */
const SLICES_EACH = 3;
/** Bundles of a slice that are fetched at once, each with its tile. */
const PAIRS_AT_ONCE = 8;

/**
 * Reads.
 *
 * @throws {LogMismatch} If the log does not serve the tree.
 */
export async function* readTree(parts: ReadTree): AsyncGenerator<Stretch> {
  const { edge, reader } = parts;
  const start = Number(edge.size);
  const size = Number(reader.size);
  if (start === size) return;
  const scan = new StatementScan(parts.scan);
  const firstFull = Math.ceil(start / TILE_WIDTH);
  const endFull = Math.floor(size / TILE_WIDTH);
  const end = Math.ceil(size / TILE_WIDTH);
  if (endFull - firstFull < FAR_BUNDLES) {
    yield* readBundles(parts, edge, Math.floor(start / TILE_WIDTH), end, scan);
    return;
  }
  let last = edge;
  for await (
    const stretch of readBundles(parts, edge, Math.floor(start / TILE_WIDTH), firstFull, scan)
  ) {
    last = stretch.edge;
    yield stretch;
  }
  using slices = new SliceReader(parts, scan);
  for await (const stretch of slices.read(last, firstFull, endFull)) {
    last = stretch.edge;
    yield stretch;
  }
  yield* readBundles(parts, last, endFull, end, scan);
}

/** Reads bundles one by one, from the edge on. */
async function* readBundles(
  { reader }: ReadTree,
  edge: RightEdge,
  from: number,
  to: number,
  scan: StatementScan,
): AsyncGenerator<Stretch> {
  const bundles = Array.from({ length: to - from }, (_, i) => from + i);
  const reads = inOrder(bundles, BUNDLES_AHEAD, async (bundle) => ({
    bundle,
    entries: await readTrusted(reader, bundle),
  }));
  for await (const { bundle, entries } of reads) {
    const first = Number(edge.size);
    if (first === bundle * TILE_WIDTH + entries.length) continue; // All of it is known.
    for (const [i, entry] of entries.entries()) {
      const leafIndex = bundle * TILE_WIDTH + i;
      if (leafIndex < first) continue;
      scan.see(entry, 0, entry.length, leafIndex);
      edge = appendLeafHash(edge, leafHash(entry));
    }
    yield { ...scan.take(), edge };
  }
}

async function readTrusted(reader: LogReader, bundle: number): Promise<Uint8Array[]> {
  try {
    return await reader.readEntries(BigInt(bundle));
  } catch (error) {
    if (!(error instanceof LogMismatch)) throw error;
    throw new BundleMismatch(bundle, error.message);
  }
}

/** Reads full bundles in slices, which workers scan. */
class SliceReader implements Disposable {
  readonly #reader: LogReader;
  readonly #pairs: PairReader;
  readonly #crew: ScanCrew;
  readonly #ahead: number;
  readonly #scan: StatementScan;
  readonly #builders: SliceBuilder[] = [];
  /** Memory of slices that are done with. */
  readonly #spare: SharedArrayBuffer[] = [];

  constructor({ reader, objects, scan, workers }: ReadTree, own: StatementScan) {
    this.#reader = reader;
    this.#pairs = new PairReader(objects, reader.size);
    this.#crew = new ScanCrew(workers, scan);
    this.#ahead = workers * SLICES_EACH;
    this.#scan = own;
  }

  async *read(edge: RightEdge, from: number, to: number): AsyncGenerator<Stretch> {
    // The right edge over bundles: their roots are its leaves.
    let bundles: RightEdge = { size: BigInt(from), hashes: edge.hashes };
    for await (const { roots, ...scanned } of inOrder(ranges(from, to), this.#ahead, this.#read)) {
      for (const root of roots) bundles = appendLeafHash(bundles, root);
      yield { ...scanned, edge: { ...bundles, size: bundles.size * BigInt(TILE_WIDTH) } };
    }
  }

  [Symbol.dispose](): void {
    this.#crew[Symbol.dispose]();
  }

  readonly #read = async ([from, to]: readonly [number, number]): Promise<
    EntriesScanned & { readonly roots: readonly Uint8Array[] }
  > => {
    const tile = tileAt(1, BigInt(Math.floor(from / TILE_WIDTH)), this.#reader.size)!;
    const [trusted, slice] = await Promise.all([
      this.#reader.readTile(tile),
      this.#gather(from, to),
    ]);
    const rootOf = (bundle: number) => hashAt(trusted, bundle % TILE_WIDTH);
    const all = Array.from({ length: to - from }, (_, i) => from + i);
    if (!slice) return await this.#readAgain(all, rootOf);
    const { roots, wrong, ...scanned } = await this.#crew.scan(slice);
    this.#spare.push(slice.buffer);
    const right = wrong.length === 0 &&
      all.every((bundle, place) => equalBytes(rootOf(bundle), hashAt(roots, place)));
    return right
      ? { ...scanned, roots: all.map((_, place) => hashAt(roots, place)) }
      : await this.#readAgain(all, rootOf);
  };

  /** Reads bundles one by one: whichever is wrong is named. */
  async #readAgain(bundles: readonly number[], rootOf: (bundle: number) => Uint8Array) {
    const scan = this.#scan;
    for (const bundle of bundles) {
      const entries = await readTrusted(this.#reader, bundle);
      entries.forEach((entry, i) => scan.see(entry, 0, entry.length, bundle * TILE_WIDTH + i));
    }
    return { ...scan.take(), roots: bundles.map((bundle) => rootOf(bundle).slice()) };
  }

  /** Gathers a slice; `null` if an object is missing, or not as long as it should be. */
  async #gather(from: number, to: number): Promise<Slice | null> {
    const builder = this.#builders.pop() ?? new SliceBuilder();
    let bundle = from;
    while (bundle < to && this.#pairs.readNow(bundle, builder)) bundle++;
    const rest = Array.from({ length: to - bundle }, (_, i) => bundle + i);
    const pairs = inOrder(rest, PAIRS_AT_ONCE, (index) => this.#pairs.fetchPair(index));
    let whole = true;
    for await (const { tile, entries, leaves } of pairs) {
      whole &&= entries.bytes !== null && leaves.bytes?.length === TILE_BYTES;
      if (whole) builder.add(Number(tile.index), entries.bytes!, leaves.bytes!);
    }
    if (!whole) return null;
    const slice = builder.take(this.#spare.pop());
    this.#builders.push(builder);
    return slice;
  }
}

/** The bundles in slices that no tile of level 1 ends within. */
function* ranges(from: number, to: number): Generator<readonly [number, number]> {
  for (let start = from; start < to;) {
    const end = Math.min(to, (Math.floor(start / SLICE_BUNDLES) + 1) * SLICE_BUNDLES);
    yield [start, end];
    start = end;
  }
}

function hashAt(hashes: Uint8Array, place: number): Uint8Array {
  return hashes.subarray(place * HASH_SIZE, (place + 1) * HASH_SIZE);
}

/** How many records a stretch has. */
export function countOf({ records }: EntriesScanned): number {
  return records.length / RECORD_WORDS;
}
