/**
 * What the search index is made of: postings, each a fingerprint of something that can be
 * searched for and the leaf index of an entry that has it. An entry gives two: its
 * project, if its file name tells, and its digest. A later event gives a third, its file;
 * which entry *published* a file, the table of identifiers knows already.
 *
 * A posting is one uint64, so that sorting them is sorting numbers:
 *
 * ```text
 * fingerprint (40 bits) | leaf index, from the first leaf of its segment (24 bits)
 * ```
 *
 * Fingerprints are keyed and may collide: what is found says "perhaps this entry", and
 * whoever asked reads the entry.
 *
 * @module
 */

import {
  encodeHex,
  type Entry,
  EntryScan,
  type FingerprintSeed,
  halfSipHash,
  parseEntry,
  projectOf,
  PYPI_V1,
} from "@indelible/core";

/** What can be searched for. */
export type SearchKind = "project" | "digest" | "file";
/** Something to be searched for. */
export interface SearchTerm {
  /** What it is. */
  readonly kind: SearchKind;
  /** A normalised project, 64 hexadecimal digits, or `ecosystem LF file`. */
  readonly text: string;
}

/** A segment has at most so many leaves. */
export const MAX_SEGMENT_LEAVES = 2 ** 24;
/** The most postings of one entry. */
export const MAX_POSTINGS = 3;

/** A fingerprint: the upper 32 bits of its postings, and the 8 below them. */
export interface Fingerprint {
  /** The upper 32 bits. */
  readonly high: number;
  /** The 8 below. */
  readonly low: number;
}

/** Sets what is of one kind apart from what is of another. */
const KIND_BYTES: Readonly<Record<SearchKind, number>> = { project: 1, digest: 2, file: 3 };
const DIGEST_DIGITS = 64;
/** An entry has at most 65,535 bytes, so nothing in it has more. */
const term = new Uint8Array(1 + 65_535 + 64);
const encoder = new TextEncoder();
const decoder = new TextDecoder("latin1");

/** Makes the postings of one log. */
export class Postings {
  readonly #seed: FingerprintSeed;
  readonly #scan = new EntryScan();
  readonly #hash = new Uint32Array(2);

  /** @param seed The key of the fingerprints. */
  constructor(seed: FingerprintSeed) {
    this.#seed = seed;
  }

  /** The fingerprint of something to be searched for. */
  fingerprint({ kind, text }: SearchTerm): Fingerprint {
    this.#hashText(kind, text);
    return { high: this.#hash[0]!, low: this.#hash[1]! & 0xff };
  }

  /**
   * Puts the postings of an entry.
   *
   * @param entry Its bytes.
   * @param leaf Its leaf index, from the first leaf of the segment.
   * @param into Where they go, the lower half of each first.
   * @param at The place of the first, counted in postings.
   * @returns The place after the last.
   */
  put(entry: Uint8Array, leaf: number, into: Uint32Array, at: number): number {
    const scan = this.#scan;
    // v1 as nearly all entries are: nothing of it is made an object.
    if (scan.scan(entry, 0, entry.length) && scan.ecosystemEnd === 0) {
      term[0] = KIND_BYTES.digest;
      for (let i = 0; i < DIGEST_DIGITS; i++) term[1 + i] = entry[scan.digestStart + i]!;
      halfSipHash(term, 1 + DIGEST_DIGITS, this.#seed, this.#hash);
      this.#put(leaf, into, at++);
      const file = decoder.decode(entry.subarray(scan.fileStart, scan.fileEnd));
      const project = projectOf(published(file));
      return project === null ? at : this.#putText("project", project, leaf, into, at);
    }
    const parsed = parseEntry(entry);
    const next = this.#putText("digest", encodeHex(parsed.digest), leaf, into, at);
    const project = projectOf(parsed);
    const after = project === null ? next : this.#putText("project", project, leaf, into, next);
    return parsed.event === "publish"
      ? after
      : this.#putText("file", fileTerm(parsed), leaf, into, after);
  }

  #putText(
    kind: SearchKind,
    text: string,
    leaf: number,
    into: Uint32Array,
    at: number,
  ): number {
    this.#hashText(kind, text);
    this.#put(leaf, into, at);
    return at + 1;
  }

  #put(leaf: number, into: Uint32Array, at: number): void {
    into[2 * at + 1] = this.#hash[0]!;
    into[2 * at] = (this.#hash[1]! & 0xff) << 24 | leaf;
  }

  #hashText(kind: SearchKind, text: string): void {
    term[0] = KIND_BYTES[kind];
    const { written } = encoder.encodeInto(text, term.subarray(1));
    halfSipHash(term, 1 + written, this.#seed, this.#hash);
  }
}

/** How a file is searched for. */
export function fileTerm({ ecosystem, file }: Pick<Entry, "ecosystem" | "file">): string {
  return `${ecosystem}\n${file}`;
}

const NO_DIGEST = new Uint8Array(0);

/** As much of a PyPI publication as tells its project. */
function published(file: string): Entry {
  return { format: PYPI_V1, ecosystem: "pypi", event: "publish", file, digest: NO_DIGEST };
}

/**
 * The place of the first of sorted postings that is greater than a value.
 *
 * @param words The postings, the lower half of each first.
 * @param count How many.
 * @param high The upper half of the value.
 * @param low The lower half.
 */
export function upperBound(words: Uint32Array, count: number, high: number, low: number): number {
  let [from, to] = [0, count];
  while (from < to) {
    const middle = from + to >>> 1;
    const own = words[2 * middle + 1]!;
    if (own < high || own === high && words[2 * middle]! <= low) from = middle + 1;
    else to = middle;
  }
  return from;
}

/** The lower half of the posting of a fingerprint and a leaf. */
export function lowerHalf({ low }: Fingerprint, leaf: number): number {
  return (low << 24 | leaf) >>> 0;
}

/**
 * Collects leaves backwards from a place, as long as the fingerprint is the same.
 *
 * @param words The postings.
 * @param place The place after the first to be looked at.
 * @param fingerprint The fingerprint.
 * @param limit How many leaves at most, with those that are collected already.
 * @param into Where the leaves go, counted from the segment's first.
 * @returns Whether there may be more before these postings.
 */
export function collectBackwards(
  words: Uint32Array,
  place: number,
  { high, low }: Fingerprint,
  limit: number,
  into: number[],
): boolean {
  for (let i = place - 1; i >= 0; i--) {
    if (into.length >= limit) return false;
    if (words[2 * i + 1] !== high || words[2 * i]! >>> 24 !== low) return false;
    into.push(words[2 * i]! & 0xff_ffff);
  }
  return into.length < limit;
}
