/**
 * What `fsck` checks of the tree: every leaf hash, tile and the root, derived again from
 * the entries. The bundles with the tiles beside them are read once, from the left, and
 * go to the crew by slices; the roots that come back are what the tiles above must hold.
 * Whatever is not in order is looked at here, to name the object that is wrong.
 *
 * @module
 */

import {
  bundleCount,
  encodeHex,
  equalBytes,
  HASH_SIZE,
  LogMismatch,
  LogReader,
  type Tile,
  TILE_WIDTH,
  tileAt,
  tilePath,
  type TreeHead,
} from "@indelible/core";
import type { Crew } from "./fsck_crew.ts";
import { type EntriesSeen, EntryCheck, type EntryFingerprints } from "./fsck_entries.ts";
import {
  entriesOf,
  firstDifference,
  hashesOf,
  type Pair,
  pairIn,
  PairReader,
} from "./fsck_pairs.ts";
import { SLICE_BUNDLES, SliceBuilder, TILE_BYTES } from "./fsck_slice.ts";
import type { LogObjects } from "./log_source.ts";
import { inOrder } from "./parallel.ts";
import { HashRow, TreeHasher } from "./tree_hashes.ts";

/** Who is told of what. */
export interface TreeObserver {
  /** How many entries have been checked so far. */
  readonly onProgress: (entries: number) => void;
  /** What is wrong; it starts with the object's path where one is to blame. */
  readonly onProblem: (problem: string) => void;
}

/** Bundles that are fetched ahead, each with its tile. */
const PAIRS_AHEAD = 16;
/** After one that cannot be read at once, so many are fetched. */
const PAIRS_IN_TURN = 64;
/** Other tiles that are read at once. */
const TILES_AHEAD = 32;

/** Derives a tree from its entries and compares it with what is stored. */
export class TreeCheck {
  readonly #head: TreeHead;
  readonly #pairs: PairReader;
  readonly #crew: Crew;
  readonly #observer: TreeObserver;
  readonly #reader: LogReader;
  readonly #entries: EntryCheck;
  readonly #hasher = new TreeHasher();
  readonly #builder = new SliceBuilder();
  /** Memory of slices that are done with. */
  readonly #spare: SharedArrayBuffer[] = [];
  /** What is still to be done, in the order of the bundles. */
  readonly #steps: (() => Promise<void>)[] = [];
  /** The roots of full bundles: what the tiles of level 1 hold. */
  readonly #roots: HashRow;
  /** The leaf hashes of a last bundle that is not full, once they are known. */
  #lastLeaves: Uint8Array | null;
  #hashTiles = 0;
  #events = 0;

  /**
   * Prepares a check.
   *
   * @param head The tree, by a verified checkpoint.
   * @param objects The log's objects.
   * @param crew Who checks slices.
   * @param fingerprints Where the entries' fingerprints go.
   * @param observer Who is told.
   */
  constructor(
    head: TreeHead,
    objects: LogObjects,
    crew: Crew,
    fingerprints: EntryFingerprints,
    observer: TreeObserver,
  ) {
    this.#head = head;
    this.#pairs = new PairReader(objects, head.size);
    this.#crew = crew;
    this.#observer = observer;
    this.#reader = new LogReader(head, objects.fetch, { cachedTiles: 64 });
    this.#entries = new EntryCheck(fingerprints);
    const size = Number(head.size);
    this.#roots = new HashRow(Math.floor(size / TILE_WIDTH));
    this.#lastLeaves = size % TILE_WIDTH === 0 ? new Uint8Array(0) : null;
  }

  /** How many hash tiles were compared. */
  get hashTiles(): number {
    return this.#hashTiles;
  }

  /** How many entries are later events: yanks, reviews and so on. */
  get events(): number {
    return this.#events;
  }

  /** Walks the whole tree; problems go to the observer. */
  async run(): Promise<void> {
    const bundles = Number(bundleCount(this.#head.size));
    for (let bundle = 0; bundle < bundles;) {
      if (this.#readNow(bundle)) {
        bundle++;
        await this.#makeRoom();
        continue;
      }
      const end = this.#pairs.mayReadNow ? Math.min(bundle + PAIRS_IN_TURN, bundles) : bundles;
      const some = range(bundle, end);
      for await (
        const pair of inOrder(some, PAIRS_AHEAD, (index) => this.#pairs.fetchPair(index))
      ) {
        this.#take(pair);
        await this.#makeRoom();
      }
      bundle = end;
    }
    this.#beginSlice();
    for (const step of this.#steps.splice(0)) await step();
    await this.#checkUpperTiles();
  }

  /** Reads a full bundle and its tile into the slice, where that takes no time. */
  #readNow(bundle: number): boolean {
    const read = bundle < this.#roots.width && this.#pairs.readNow(bundle, this.#builder);
    if (read) this.#gathered();
    return read;
  }

  /** Takes a pair that was fetched into the slice, or looks at it later. */
  #take(pair: Pair): void {
    const { tile, entries, leaves } = pair;
    // The crew takes what is full and has the right length; the rest is rare.
    if (tile.width === TILE_WIDTH && entries.bytes && leaves.bytes?.length === TILE_BYTES) {
      this.#builder.add(Number(tile.index), entries.bytes, leaves.bytes);
      this.#gathered();
    } else {
      this.#beginSlice(); // The bundles of a slice follow one another.
      this.#hashTiles++;
      this.#steps.push(() => this.#lookCloser(pair));
    }
  }

  /** Counts a pair of the slice, and begins with the slice when it is full. */
  #gathered(): void {
    this.#hashTiles++;
    if (this.#builder.count === SLICE_BUNDLES) this.#beginSlice();
  }

  /** Waits until the crew can take another slice. */
  async #makeRoom(): Promise<void> {
    while (this.#steps.length > this.#crew.room) await this.#steps.shift()!();
  }

  /**
   * Reads the entries of a bundle again.
   *
   * @returns They, as they were when they were checked; `null` when there are others now.
   */
  async readEntries(bundle: number): Promise<Uint8Array[] | null> {
    const tile = tileAt("entries", BigInt(bundle), this.#head.size)!;
    const cut = entriesOf(tile, await this.#pairs.fetchTile(tile));
    if (typeof cut === "string") return null;
    const leaves = this.#hasher.leafHashes(cut);
    const [now, then] = tile.width < TILE_WIDTH
      ? [leaves, this.#lastLeaves]
      : [this.#hasher.perfectRoot(leaves), this.#roots.slice(bundle, 1)];
    return then && equalBytes(now, then) ? cut : null;
  }

  /** Gives the slice that was gathered to the crew. */
  #beginSlice(): void {
    if (this.#builder.count === 0) return;
    const slice = this.#builder.take(this.#spare.pop());
    const left = (this.#roots.width - slice.first) / SLICE_BUNDLES;
    const verdict = this.#crew.check(slice, left);
    verdict.catch(() => {}); // Told when its turn comes.
    this.#steps.push(async () => {
      const { roots, wrong, ...seen } = await verdict;
      for (const place of slice.ends.keys()) {
        if (wrong.includes(place)) await this.#lookCloser(pairIn(slice, place));
        else this.#roots.set(slice.first + place, roots.subarray(HASH_SIZE * place));
      }
      this.#tell(seen);
      this.#spare.push(slice.buffer);
      this.#observer.onProgress((slice.first + slice.ends.length) * TILE_WIDTH);
    });
  }

  #tell({ events, unreadable }: EntriesSeen): void {
    this.#events += events;
    for (const { leafIndex, why } of unreadable) {
      this.#observer.onProblem(`entry ${leafIndex} is of no known form: ${why}`);
    }
  }

  /** Finds out which of a bundle and its tile is right, and what is wrong with the other. */
  async #lookCloser({ tile, entries, leaves }: Pair): Promise<void> {
    const leafTile = { ...tile, level: 0 };
    const stored = this.#told(leafTile, hashesOf(leafTile, leaves));
    const cut = this.#told(tile, entriesOf(tile, entries));
    if (!cut) {
      if (stored) this.#accept(tile, stored);
      return;
    }
    const derived = this.#hasher.leafHashes(cut);
    const first = Number(tile.index) * TILE_WIDTH;
    const differs = stored ? firstDifference(derived, stored) : -1;
    // The hashes above decide which of the two is right.
    if (stored && differs >= 0 && await this.#provesTile(tile, derived, stored)) {
      this.#observer.onProblem(
        `${tilePath(tile)}: entry ${first + differs} is not the one that was logged: ` +
          `its leaf hash differs`,
      );
      this.#accept(tile, stored);
      return;
    }
    if (differs >= 0) {
      this.#observer.onProblem(
        `${tilePath(leafTile)}: the leaf hash of entry ${first + differs} differs`,
      );
    }
    cut.forEach((entry, i) => this.#entries.see(entry, 0, entry.length, first + i));
    this.#tell(this.#entries.take());
    this.#accept(tile, derived);
  }

  /** Whether the tree has the stored leaf hashes of a tile rather than the derived ones. */
  async #provesTile(tile: Tile, derived: Uint8Array, stored: Uint8Array): Promise<boolean> {
    if (tile.width < TILE_WIDTH) {
      // The last ones: with the right ones, the levels give the root.
      const [, ...above] = this.#derive().edge;
      if (above.includes(null)) return false;
      const gives = (leaves: Uint8Array) =>
        equalBytes(this.#hasher.rootOf([leaves, ...above as Uint8Array[]]), this.#head.root);
      return !gives(derived) && gives(stored);
    }
    try {
      await this.#reader.readTile({ ...tile, level: 0 });
      return true;
    } catch (error) {
      if (error instanceof LogMismatch) return false;
      throw error;
    }
  }

  /** Takes hashes for the leaf hashes of a tile. */
  #accept(tile: Tile, leaves: Uint8Array): void {
    if (tile.width < TILE_WIDTH) this.#lastLeaves = leaves;
    else this.#roots.set(Number(tile.index), this.#hasher.perfectRoot(leaves));
  }

  /** The tiles above level 0 that the leaf hashes give, and the hashes at each level's end. */
  #derive(): { tiles: { tile: Tile; hashes: Uint8Array }[]; edge: (Uint8Array | null)[] } {
    const tiles: { tile: Tile; hashes: Uint8Array }[] = [];
    const edge = [this.#lastLeaves];
    for (let row = this.#roots, level = 1; row.width > 0; level++) {
      const above = new HashRow(Math.floor(row.width / TILE_WIDTH));
      for (let index = 0; index * TILE_WIDTH < row.width; index++) {
        const width = Math.min(TILE_WIDTH, row.width - index * TILE_WIDTH);
        const hashes = row.slice(index * TILE_WIDTH, width);
        if (hashes) tiles.push({ tile: { level, index: BigInt(index), width }, hashes });
        if (width < TILE_WIDTH) edge[level] = hashes;
        else if (hashes) above.set(index, this.#hasher.perfectRoot(hashes));
      }
      edge[level] ??= row.width % TILE_WIDTH === 0 ? new Uint8Array(0) : null;
      row = above;
    }
    return { tiles, edge };
  }

  /** Compares the tiles above level 0, then the root. */
  async #checkUpperTiles(): Promise<void> {
    const { tiles, edge } = this.#derive();
    const compared = inOrder(tiles, TILES_AHEAD, async ({ tile, hashes }) => {
      return { tile, hashes, stored: hashesOf(tile, await this.#pairs.fetchTile(tile)) };
    });
    for await (const { tile, hashes, stored } of compared) {
      this.#hashTiles++;
      const found = this.#told(tile, stored);
      const differs = found ? firstDifference(hashes, found) : -1;
      if (differs < 0) continue;
      this.#observer.onProblem(
        `${tilePath(tile)}: hash ${differs} is not the one that the level below gives`,
      );
    }
    if (edge.includes(null)) return; // Something cannot be read; that was told.
    const { size, root } = this.#head;
    const derived = this.#hasher.rootOf(edge as Uint8Array[]);
    if (equalBytes(derived, root)) return;
    this.#observer.onProblem(
      `checkpoint: its root hash of size ${size} is ${encodeHex(root)}, the entries give ${
        encodeHex(derived)
      }`,
    );
  }

  /** What an object holds; tells what is wrong with it. */
  #told<T>(tile: Tile, content: T | string): T | null {
    if (typeof content !== "string") return content;
    this.#observer.onProblem(`${tilePath(tile)}: ${content}`);
    return null;
  }
}

function* range(start: number, end: number): Generator<number> {
  for (let i = start; i < end; i++) yield i;
}
