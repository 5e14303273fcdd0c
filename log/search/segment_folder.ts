/**
 * The segments of a search index in their folder. Each begins at a multiple of its own
 * length; four neighbours of one length become one of four times the length, so that
 * there are few of them however long the log is, and each posting is written a few times
 * in all. A file has its name only when it is whole; when a crash came between the merged
 * segment and the removal of its parts, the next start removes them.
 *
 * @module
 */

import {
  concat,
  equalBytes,
  type FingerprintSeed,
  type Hash,
  PROJECT_DERIVATION,
  utf8,
} from "@indelible/core";
import { createHash } from "node:crypto";
import { mergedPostings } from "./merge.ts";
import { MAX_SEGMENT_LEAVES } from "./postings.ts";
import { type LeafRange, Segment } from "./segment.ts";

/** Its place in the data folder. */
export const SEARCH_FOLDER = "search";
/** The leaves of the shortest segments. */
export const BASE_LEAVES = 65_536;
/** How many neighbours are merged into one. */
const FAN_IN = 4;
const KEY_MAGIC = utf8("search key v1 \n\0");
const SEED_BYTES = 8;
const NAME = /^(0|[1-9][0-9]{0,14})-([1-9][0-9]{0,14})$/;
const KEY = "key";
const NEW = "new";

/** What a folder needs. */
export interface SegmentFolderParts {
  /** Where it is; made if it is missing. */
  readonly path: string;
  /** The log's origin. */
  readonly origin: string;
  /** The leaves of the shortest segments; {@linkcode BASE_LEAVES} by default. */
  readonly base?: number;
  /** The root of a range of leaves that is a perfect subtree. */
  readonly rootOf: (range: LeafRange) => Promise<Hash>;
  /** Waited for between two pieces of work. */
  readonly pace: () => Promise<void>;
}

/** The segments of one log. */
export class SegmentFolder {
  /** The leaves of the shortest segments. */
  readonly base: number;
  /** The key of the fingerprints. */
  readonly seed: FingerprintSeed;
  readonly #parts: SegmentFolderParts;
  readonly #keyHash: Uint8Array;
  /** Sorted by their leaves; no two have one in common. */
  #segments: Segment[] = [];

  private constructor(parts: SegmentFolderParts, key: Uint8Array) {
    this.#parts = parts;
    this.base = parts.base ?? BASE_LEAVES;
    const seed = key.slice(KEY_MAGIC.length, KEY_MAGIC.length + SEED_BYTES);
    this.seed = new Uint32Array(seed.buffer);
    this.#keyHash = key.subarray(KEY_MAGIC.length + SEED_BYTES);
  }

  /**
   * Opens a folder: what is in it is not believed before it is checked.
   *
   * @param parts See there.
   * @param size The published size: no segment may go beyond it.
   */
  static async open(parts: SegmentFolderParts, size: number): Promise<SegmentFolder> {
    makeFolder(parts.path);
    const key = readKey(parts) ?? writeKey(parts);
    const folder = new SegmentFolder(parts, key);
    await folder.#load(size);
    return folder;
  }

  /** The first leaf from one on that is in no segment. */
  gapFrom(leaf: number): number {
    for (const { from, to } of this.#segments) if (from <= leaf && leaf < to) leaf = to;
    return leaf;
  }

  /** The segments, the newest leaves first. */
  get newestFirst(): readonly Segment[] {
    return this.#segments.toReversed();
  }

  /**
   * Adds a shortest segment, and merges what can be merged.
   *
   * @param from Its first leaf.
   * @param postings Its postings, sorted.
   */
  async add(from: number, postings: BigUint64Array<ArrayBuffer>): Promise<void> {
    const bytes = new Uint8Array(postings.buffer, postings.byteOffset, postings.byteLength);
    await this.#write({ from, to: from + this.base }, [], once(bytes));
    await this.merge();
  }

  /** Merges what can be merged. */
  async merge(): Promise<void> {
    for (let parts; (parts = mergeableOf(this.#segments));) {
      const range = { from: parts[0]!.from, to: parts.at(-1)!.to };
      await this.#write(range, parts, mergedPostings(parts, this.#parts.pace));
    }
  }

  /** Lets go of all files. */
  close(): void {
    for (const segment of this.#segments) segment.close();
    this.#segments = [];
  }

  async #load(size: number): Promise<void> {
    const ranges: LeafRange[] = [];
    for (const { name } of Deno.readDirSync(this.#parts.path)) {
      const range = rangeOf(name, this.base);
      if (range && range.to <= size) ranges.push(range);
      else if (name !== KEY) this.#remove(name);
    }
    // The longest first: what it has, shorter ones need not have again.
    ranges.sort((a, b) => (b.to - b.from) - (a.to - a.from));
    for (const range of ranges) {
      const covered = this.#segments.some(({ from, to }) => from <= range.from && range.to <= to);
      const segment = covered ? null : await this.#open(range);
      if (segment) this.#segments.push(segment);
      else this.#remove(nameOf(range));
    }
    this.#segments.sort((a, b) => a.from - b.from);
  }

  async #write(
    range: LeafRange,
    replaced: readonly Segment[],
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    const { path, rootOf } = this.#parts;
    const binding = { key: this.#keyHash, root: await rootOf(range) };
    this.#remove(NEW);
    await Segment.write(`${path}/${NEW}`, range, binding, chunks);
    Deno.renameSync(`${path}/${NEW}`, `${path}/${nameOf(range)}`);
    const segment = await this.#open(range);
    if (!segment) {
      throw new Error(`Cannot use ${path}/${nameOf(range)}: it is not what was written`);
    }
    this.#segments = this.#segments.filter((other) => !replaced.includes(other));
    this.#segments.push(segment);
    this.#segments.sort((a, b) => a.from - b.from);
    for (const part of replaced) {
      part.close();
      this.#remove(nameOf(part));
    }
  }

  async #open(range: LeafRange): Promise<Segment | null> {
    const { path, rootOf, pace } = this.#parts;
    const binding = { key: this.#keyHash, root: await rootOf(range) };
    return await Segment.open(`${path}/${nameOf(range)}`, range, binding, pace);
  }

  /** Removes a file that means nothing, or no more. */
  #remove(name: string): void {
    try {
      Deno.removeSync(`${this.#parts.path}/${name}`, { recursive: true });
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** The first neighbours that can be merged, if any. */
function mergeableOf(segments: readonly Segment[]): Segment[] | null {
  for (const [i, { from, to }] of segments.entries()) {
    const length = to - from;
    if (length * FAN_IN > MAX_SEGMENT_LEAVES || from % (length * FAN_IN) !== 0) continue;
    const parts = segments.slice(i, i + FAN_IN);
    const fit = parts.length === FAN_IN &&
      parts.every((part, n) => part.from === from + n * length && part.to - part.from === length);
    if (fit) return parts;
  }
  return null;
}

function nameOf({ from, to }: LeafRange): string {
  return `${from}-${to}`;
}

/** The leaves of a segment by its name; `null` when none has that name. */
function rangeOf(name: string, base: number): LeafRange | null {
  const [, first, end] = NAME.exec(name) ?? [];
  if (first === undefined || end === undefined) return null;
  const [from, to] = [Number(first), Number(end)];
  const length = to - from;
  for (let fit = base; fit <= MAX_SEGMENT_LEAVES; fit *= FAN_IN) {
    if (length === fit) return from % length === 0 ? { from, to } : null;
  }
  return null;
}

function makeFolder(path: string): void {
  try {
    Deno.mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
  }
  if (!Deno.lstatSync(path).isDirectory) throw new Error(`Cannot use ${path}: it is not a folder`);
}

/** The key of this log's index; `null` when there is none, or another's. */
function readKey({ path, origin }: SegmentFolderParts): Uint8Array | null {
  let key: Uint8Array;
  try {
    if (!Deno.lstatSync(`${path}/${KEY}`).isFile) return null;
    key = Deno.readFileSync(`${path}/${KEY}`);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
  const seed = key.subarray(KEY_MAGIC.length, KEY_MAGIC.length + SEED_BYTES);
  return equalBytes(key, keyOf(seed, origin)) ? key : null;
}

/** A new key; what was made with another is not found with it any more. */
function writeKey({ path, origin }: SegmentFolderParts): Uint8Array {
  const key = keyOf(crypto.getRandomValues(new Uint8Array(SEED_BYTES)), origin);
  for (const { name } of [...Deno.readDirSync(path)]) {
    Deno.removeSync(`${path}/${name}`, { recursive: true });
  }
  Deno.writeFileSync(`${path}/${KEY}`, key, { mode: 0o600 });
  return key;
}

/** The key and what binds it to the log and to how projects are derived. */
function keyOf(seed: Uint8Array, origin: string): Uint8Array {
  const bound = createHash("sha256").update(KEY_MAGIC).update(seed)
    .update(`${PROJECT_DERIVATION}\n${origin}`).digest();
  return concat(KEY_MAGIC, seed, bound);
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}
