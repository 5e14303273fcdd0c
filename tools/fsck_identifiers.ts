/**
 * What `fsck` checks of identifiers: each has one digest, and a later event is about a
 * file that was published. Fingerprints tell which entries to compare, and the entries
 * themselves decide: those are read again, once more from the left, and must be what they
 * were when they were checked.
 *
 * @module
 */

import { parseEntry, TILE_WIDTH } from "@indelible/core";
import { LATER_EVENT, WORDS } from "./fsck_entries.ts";
import {
  ByteList,
  digestIn,
  fileIn,
  isSameDigest,
  isSameIdentifier,
  StatementReader,
} from "./fsck_statements.ts";
import type { Repeats } from "./identifier_table.ts";
import { inOrder } from "./parallel.ts";

/** Counts of a log's identifiers. */
export interface IdentifierCounts {
  /** Different identifiers. */
  readonly files: number;
  /** Publications of an identifier that was published before, same digest. */
  readonly repeats: number;
}

/** How to read and whom to tell. */
export interface IdentifierObserver {
  /** Reads the entries of a bundle again; `null` when they are others now. */
  readonly readEntries: (bundle: number) => Promise<readonly Uint8Array[] | null>;
  /** Told what is wrong. */
  readonly onProblem: (problem: string) => void;
  /** Told how many bundles have been read again, and how many there are to read. */
  readonly onProgress: (done: number, total: number) => void;
}

/** First publications that are remembered at once: 100 MiB or so. */
const FIRSTS_AT_ONCE = 2 ** 20;
/** Bundles that are read ahead. */
const BUNDLES_AHEAD = 16;

/**
 * Compares the entries that may be about one file.
 *
 * @param parts What the fingerprints say, all parts of it.
 * @param words The fingerprints.
 * @param observer How to read and whom to tell.
 * @param atOnce How many first publications to remember at once, at most 2^20.
 */
export async function checkIdentifiers(
  parts: readonly Repeats[],
  words: Uint32Array,
  observer: IdentifierObserver,
  atOnce = FIRSTS_AT_ONCE,
): Promise<IdentifierCounts> {
  const firsts = firstsOf(parts);
  let files = parts.reduce((sum, part) => sum + part.firsts, 0);
  let repeats = 0;
  // At least once: the orphans have no first.
  for (let start = 0; start === 0 || start < firsts.length; start += atOnce) {
    const some = firsts.subarray(start, start + atOnce);
    const round = new Round(some, latersOf(parts, some, start === 0), words, observer);
    await round.run();
    files += round.moreFiles;
    repeats += round.repeats;
  }
  return { files, repeats };
}

/** The first publications that later entries are to be compared with: each once, ascending. */
function firstsOf(parts: readonly Repeats[]): Uint32Array {
  const all = new Uint32Array(parts.reduce((sum, { pairs }) => sum + pairs.length / 2, 0));
  let next = 0;
  for (const { pairs } of parts) {
    for (let i = 0; i < pairs.length; i += 2) all[next++] = pairs[i]!;
  }
  return all.sort().filter((first, i) => first !== all[i - 1]);
}

/** A later entry in one number: its leaf index, then the place of its first, counted from 1, or 0. */
const PLACES = 2 ** 21;

/** The entries to compare with some of the first ones, in the log's order. */
function latersOf(
  parts: readonly Repeats[],
  firsts: Uint32Array,
  withOrphans: boolean,
): Float64Array {
  const laters: Float64Array[] = [];
  for (const { pairs, orphans } of parts) {
    const some = new Float64Array(pairs.length / 2);
    let count = 0;
    for (let i = 0; i < pairs.length; i += 2) {
      const place = placeOf(firsts, pairs[i]!);
      if (place >= 0) some[count++] = pairs[i + 1]! * PLACES + place + 1;
    }
    laters.push(some.subarray(0, count));
    if (withOrphans) laters.push(Float64Array.from(orphans, (leafIndex) => leafIndex * PLACES));
  }
  const all = new Float64Array(laters.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const some of laters) {
    all.set(some, at);
    at += some.length;
  }
  return all.sort();
}

/** Where a value is among ascending ones, or -1. */
function placeOf(values: Uint32Array, value: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = low + high >>> 1;
    if (values[middle]! < value) low = middle + 1;
    else high = middle;
  }
  return values[low] === value ? low : -1;
}

/** What an entry says of which file, and where it stands. */
interface Statement {
  readonly leafIndex: number;
  readonly bytes: Uint8Array;
}

/** One reading of the log, for some of the first publications. */
class Round {
  /** Identifiers whose fingerprint another one had before. */
  moreFiles = 0;
  repeats = 0;
  readonly #firsts: Uint32Array;
  readonly #laters: Float64Array;
  readonly #words: Uint32Array;
  readonly #observer: IdentifierObserver;
  /** What the first publications say, as far as they have been read. */
  readonly #statements = new ByteList();
  /** By the place of a first: publications of other identifiers with its fingerprint. */
  readonly #others = new Map<number, Statement[]>();
  readonly #reader = new StatementReader();

  constructor(
    firsts: Uint32Array,
    laters: Float64Array,
    words: Uint32Array,
    observer: IdentifierObserver,
  ) {
    this.#firsts = firsts;
    this.#laters = laters;
    this.#words = words;
    this.#observer = observer;
  }

  async run(): Promise<void> {
    const firsts = this.#firsts;
    const laters = this.#laters;
    const bundles = this.#bundles();
    let [done, nextFirst, nextLater] = [0, 0, 0];
    const reads = inOrder(bundles, BUNDLES_AHEAD, async (bundle) => {
      return { start: bundle * TILE_WIDTH, entries: await this.#observer.readEntries(bundle) };
    });
    for await (const { start, entries } of reads) {
      if (!entries) {
        this.#observer.onProblem(
          `the entries from ${start} on have changed since they were checked`,
        );
      }
      const end = start + TILE_WIDTH;
      // All firsts before any later: a first is never after what it is the first of.
      for (; nextFirst < firsts.length && firsts[nextFirst]! < end; nextFirst++) {
        const entry = entries?.[firsts[nextFirst]! - start];
        this.#statements.push(entry ? this.#reader.read(entry) : new Uint8Array(0));
      }
      for (; nextLater < laters.length && laters[nextLater]! < end * PLACES; nextLater++) {
        const leafIndex = Math.floor(laters[nextLater]! / PLACES);
        const entry = entries?.[leafIndex - start];
        if (entry) this.#compare(leafIndex, laters[nextLater]! % PLACES - 1, entry);
      }
      this.#observer.onProgress(++done, bundles.length);
    }
  }

  /** The bundles that hold the entries, ascending. */
  #bundles(): number[] {
    const bundles = new Set<number>();
    for (const first of this.#firsts) bundles.add(Math.floor(first / TILE_WIDTH));
    for (const later of this.#laters) bundles.add(Math.floor(later / PLACES / TILE_WIDTH));
    return [...bundles].sort((a, b) => a - b);
  }

  /** Compares an entry with the first of its fingerprint, which has a place, or -1. */
  #compare(leafIndex: number, place: number, entry: Uint8Array): void {
    const bytes = this.#reader.read(entry);
    const isPublication = (this.#words[leafIndex * WORDS]! & LATER_EVENT) === 0;
    const earlier = this.#earlier(place, bytes);
    if (earlier === "unread") return;
    if (earlier) {
      if (isSameDigest(earlier.bytes, bytes)) this.repeats += isPublication ? 1 : 0;
      else this.#tellTwoDigests(earlier, { leafIndex, bytes });
    } else if (isPublication) {
      // Two identifiers with one fingerprint: all but impossible, and yet.
      this.#others.set(place, [...this.#others.get(place) ?? [], { leafIndex, bytes }]);
      this.moreFiles++;
    } else {
      const { event, file } = parseEntry(entry);
      this.#observer.onProblem(
        `entry ${leafIndex} (${event}) is about ${file}, which no earlier entry published`,
      );
    }
  }

  /** The first publication of an identifier, among those of its fingerprint. */
  #earlier(place: number, bytes: Uint8Array): Statement | null | "unread" {
    if (place < 0) return null;
    const first = this.#statements.at(place);
    if (first.length === 0) return "unread"; // That its bundle has changed was told.
    if (isSameIdentifier(first, bytes)) return { leafIndex: this.#firsts[place]!, bytes: first };
    return this.#others.get(place)?.find((other) => isSameIdentifier(other.bytes, bytes)) ?? null;
  }

  #tellTwoDigests(earlier: Statement, later: Statement): void {
    this.#observer.onProblem(
      `entry ${earlier.leafIndex} and entry ${later.leafIndex} give ${
        fileIn(later.bytes)
      } two digests: ${digestIn(earlier.bytes)} and ${digestIn(later.bytes)}`,
    );
  }
}
