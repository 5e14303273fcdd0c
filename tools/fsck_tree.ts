/**
 * What `fsck` checks of the tree: every leaf hash, tile and the root, derived
 * again from the entries. It walks the entry bundles once, from the left, and
 * holds the hashes of one tile a level.
 *
 * @module
 */

import {
  bundleCount,
  concat,
  EMPTY_ROOT,
  encodeHex,
  equalBytes,
  type FetchResource,
  type Hash,
  HASH_SIZE,
  LogMismatch,
  LogReader,
  nodeHash,
  parseEntryBundle,
  type Tile,
  TILE_WIDTH,
  tileAt,
  tilePath,
  type TreeHead,
} from "@indelible/core";
import { leafHashes, perfectRoot } from "./hash_all.ts";

/** Who is told of what. */
export interface TreeObserver {
  /** The next entries, from a leaf index on. */
  readonly onEntries: (
    first: number,
    entries: readonly Uint8Array[],
  ) => Promise<void>;
  /** What is wrong; it starts with the object's path where one is to blame. */
  readonly onProblem: (problem: string) => void;
}

/** Bundles, with their tiles, that are fetched ahead. */
const AHEAD = 32;

/** Derives a tree from its entries and compares it with what is stored. */
export class TreeCheck {
  readonly #head: TreeHead;
  readonly #fetch: FetchResource;
  readonly #observer: TreeObserver;
  readonly #reader: LogReader;
  /** By level: the hashes of its tile under way, and how many tiles are complete. */
  readonly #levels: { hashes: Uint8Array[]; complete: bigint }[] = [];
  /** Whether the levels hold what the entries give: not after a bundle that cannot be read. */
  #derived = true;
  #hashTiles = 0;

  /**
   * Prepares a check.
   *
   * @param head The tree, by a verified checkpoint.
   * @param fetch Reads the log's objects.
   * @param observer Who is told.
   */
  constructor(head: TreeHead, fetch: FetchResource, observer: TreeObserver) {
    this.#head = head;
    this.#fetch = fetch;
    this.#observer = observer;
    this.#reader = new LogReader(head, fetch, { cachedTiles: 64 });
  }

  /** How many hash tiles were compared. */
  get hashTiles(): number {
    return this.#hashTiles;
  }

  /** Reads one entry, trusted by way of the checkpoint. */
  async readEntry(leafIndex: number): Promise<Uint8Array> {
    const entries = await this.#reader.readEntries(BigInt(leafIndex) / 256n);
    return entries[leafIndex % TILE_WIDTH]!;
  }

  /** Walks the whole tree; problems go to the observer. */
  async run(): Promise<void> {
    const bundles = Number(bundleCount(this.#head.size));
    const window: Promise<[Fetched, Fetched]>[] = [];
    for (let bundle = 0; bundle < bundles; bundle++) {
      while (window.length < AHEAD && bundle + window.length < bundles) {
        const pair = this.#fetchPair(bundle + window.length);
        pair.catch(() => {}); // Told when its turn comes.
        window.push(pair);
      }
      await this.#checkPair(bundle, await window.shift()!);
    }
    await this.#finish();
  }

  /** Fetches a bundle and the tile beside it. */
  #fetchPair(bundle: number): Promise<[Fetched, Fetched]> {
    const tile = tileAt("entries", BigInt(bundle), this.#head.size)!;
    return Promise.all([
      this.#fetchTile(tile),
      this.#fetchTile({ ...tile, level: 0 }),
    ]);
  }

  async #checkPair(
    bundle: number,
    [bundleBytes, tileBytes]: [Fetched, Fetched],
  ): Promise<void> {
    const tile = tileAt("entries", BigInt(bundle), this.#head.size)!;
    const stored = this.#hashesOf({ ...tile, level: 0 }, tileBytes);
    const entries = this.#entriesOf(tile, bundleBytes);
    if (!entries) {
      if (stored) await this.#push(stored, 0);
      else this.#derived = false;
      return;
    }
    const derived = leafHashes(entries);
    const first = bundle * TILE_WIDTH;
    const differs = stored === null ? -1 : firstDifference(derived, stored);
    if (stored === null || differs < 0) {
      await this.#observer.onEntries(first, entries);
      await this.#push(derived, 0);
      return;
    }
    // The tile and the bundle disagree: the hashes above decide which is right.
    const blame = await this.#blame(tile, derived, stored);
    this.#observer.onProblem(
      blame === "entries"
        ? `${tilePath(tile)}: entry ${
          first + differs
        } is not the one that was logged: its leaf hash differs`
        : `${tilePath({ ...tile, level: 0 })}: the leaf hash of entry ${first + differs} differs`,
    );
    const right = blame === "entries" ? stored : derived;
    if (blame === "tile") await this.#observer.onEntries(first, entries);
    await this.#push(right, 0);
  }

  async #blame(
    tile: Tile,
    derived: Uint8Array,
    stored: Uint8Array,
  ): Promise<"entries" | "tile"> {
    if (tile.width < TILE_WIDTH) {
      // The last ones: with the right ones, the levels give the root.
      const levels = this.#levels.map(({ hashes }) => hashes);
      const root = rootOf([cut(derived), ...levels.slice(1)]);
      if (equalBytes(root, this.#head.root)) return "tile";
      return equalBytes(
          rootOf([cut(stored), ...levels.slice(1)]),
          this.#head.root,
        )
        ? "entries"
        : "tile";
    }
    try {
      await this.#reader.readTile({ ...tile, level: 0 });
      return "entries";
    } catch (error) {
      if (error instanceof LogMismatch) return "tile";
      throw error;
    }
  }

  /** Adds hashes to a level's tile; a complete one gives a hash of the level above. */
  async #push(hashes: Uint8Array, level: number): Promise<void> {
    if (!this.#derived) return;
    const at = this.#levels[level] ??= { hashes: [], complete: 0n };
    at.hashes.push(...cut(hashes));
    if (at.hashes.length < TILE_WIDTH) return;
    const bytes = concat(...at.hashes);
    if (level > 0) await this.#compare(level, at.complete, bytes);
    at.hashes = [];
    at.complete++;
    await this.#push(perfectRoot(bytes), level + 1);
  }

  /** Compares a derived tile above level 0 with the stored one. */
  async #compare(
    level: number,
    index: bigint,
    derived: Uint8Array,
  ): Promise<void> {
    const tile = { level, index, width: derived.length / HASH_SIZE };
    const stored = this.#hashesOf(tile, await this.#fetchTile(tile));
    if (!stored) return;
    const differs = firstDifference(derived, stored);
    if (differs < 0) return;
    this.#observer.onProblem(
      `${tilePath(tile)}: hash ${differs} is not the one that the level below gives`,
    );
  }

  async #finish(): Promise<void> {
    if (!this.#derived) return;
    for (const [level, { hashes, complete }] of this.#levels.entries()) {
      if (level === 0 || hashes.length === 0) continue;
      await this.#compare(level, complete, concat(...hashes));
    }
    const { size, root } = this.#head;
    const derived = rootOf(this.#levels.map(({ hashes }) => hashes));
    if (equalBytes(derived, root)) return;
    this.#observer.onProblem(
      `checkpoint: its root hash of size ${size} is ${encodeHex(root)}, the entries give ${
        encodeHex(derived)
      }`,
    );
  }

  #entriesOf(tile: Tile, { bytes, width }: Fetched): Uint8Array[] | null {
    if (!bytes) {
      this.#observer.onProblem(`${tilePath(tile)}: the log has no such object`);
      return null;
    }
    try {
      return parseEntryBundle(bytes, width).slice(0, tile.width);
    } catch (error) {
      this.#observer.onProblem(
        `${tilePath(tile)}: ${(error as Error).message}`,
      );
      return null;
    }
  }

  #hashesOf(tile: Tile, { bytes, width }: Fetched): Uint8Array | null {
    this.#hashTiles++;
    if (!bytes) {
      this.#observer.onProblem(`${tilePath(tile)}: the log has no such object`);
      return null;
    }
    if (bytes.length !== width * HASH_SIZE) {
      this.#observer.onProblem(
        `${tilePath(tile)}: it has ${bytes.length} bytes, not ${width * HASH_SIZE}`,
      );
      return null;
    }
    return bytes.subarray(0, tile.width * HASH_SIZE);
  }

  /** Fetches a tile, or the full one in place of a partial one that is gone. */
  async #fetchTile(tile: Tile): Promise<Fetched> {
    const bytes = await this.#fetch(tilePath(tile));
    if (bytes || tile.width === TILE_WIDTH) return { bytes, width: tile.width };
    const full = await this.#fetch(tilePath({ ...tile, width: TILE_WIDTH }));
    return full ? { bytes: full, width: TILE_WIDTH } : { bytes: null, width: tile.width };
  }
}

/** An object's bytes, if there are any, and the width of the tile they are of. */
interface Fetched {
  readonly bytes: Uint8Array | null;
  readonly width: number;
}

function cut(hashes: Uint8Array): Uint8Array[] {
  return Array.from(
    { length: hashes.length / HASH_SIZE },
    (_, i) => hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE),
  );
}

/** The place of the first hash that differs, or -1. */
function firstDifference(a: Uint8Array, b: Uint8Array): number {
  if (equalBytes(a, b)) return -1;
  return Math.floor(a.findIndex((byte, i) => byte !== b[i]) / HASH_SIZE);
}

/** The root over the incomplete tiles of all levels, lowest level first. */
function rootOf(levels: readonly (readonly Uint8Array[])[]): Hash {
  let root: Hash | null = null;
  for (const hashes of levels) {
    // The binary digits of the width are its perfect subtrees, smallest rightmost.
    let end = hashes.length;
    for (let span = 1; span <= end; span *= 2) {
      if ((end & span) === 0) continue;
      const left = perfectRoot(concat(...hashes.slice(end - span, end)));
      root = root === null ? left : nodeHash(left, root);
      end -= span;
    }
  }
  return root ?? EMPTY_ROOT;
}
