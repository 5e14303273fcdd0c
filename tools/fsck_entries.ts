/**
 * What `fsck` finds out about each entry by itself: whether it can be read, whether it
 * publishes a file or is a later event, and the fingerprint of its identifier, by which
 * `fsck_identifiers.ts` finds the entries that are about one file. No object is made for
 * an entry that is in order.
 *
 * @module
 */

import {
  EntryScan,
  EVENTS,
  type FingerprintSeed,
  identifierFingerprint,
  identifierFingerprintOf,
  parseEntry,
} from "@indelible/core";

/** The fingerprints of a log's identifiers, in memory that threads share. */
export interface EntryFingerprints {
  /**
   * By leaf index, two words an entry. The lowest bit of the first says that it is a
   * later event, that of the second that there is an entry; 62 bits are the fingerprint.
   */
  readonly words: Uint32Array<SharedArrayBuffer>;
  /** Their key: random, so that nobody can prepare a log whose fingerprints collide. */
  readonly seed: FingerprintSeed;
}

/** Words of an entry. */
export const WORDS = 2;
/** Lowest bit of the first word: it is a later event. */
export const LATER_EVENT = 1;
/** Lowest bit of the second word: there is an entry. */
export const PRESENT = 1;

/** What was found in some entries. */
export interface EntriesSeen {
  /** How many are later events: yanks, reviews and so on. */
  readonly events: number;
  /** Those that cannot be read. */
  readonly unreadable: readonly { readonly leafIndex: number; readonly why: string }[];
}

const PUBLISH = EVENTS.indexOf("publish");

/** Looks at entries one after the other. */
export class EntryCheck {
  /** The key of the fingerprints. */
  readonly seed: FingerprintSeed;
  readonly #words: Uint32Array;
  readonly #scan = new EntryScan();
  #events = 0;
  #unreadable: { leafIndex: number; why: string }[] = [];

  /** @param fingerprints Where the entries' fingerprints go. */
  constructor({ words, seed }: EntryFingerprints) {
    this.#words = words;
    this.seed = seed;
  }

  /**
   * Looks at one entry.
   *
   * @param bytes Where it stands.
   * @param start Its first byte.
   * @param end The one after its last.
   * @param leafIndex Its leaf index.
   */
  see(bytes: Uint8Array, start: number, end: number, leafIndex: number): void {
    const scan = this.#scan;
    const at = leafIndex * WORDS;
    if (scan.scan(bytes, start, end)) {
      identifierFingerprintOf(bytes, scan, this.seed, this.#words, at);
      this.#mark(at, scan.event === PUBLISH);
    } else {
      this.#parse(bytes.subarray(start, end), leafIndex);
    }
  }

  /**
   * Takes what an `EntryScanner` found of an entry.
   *
   * @param low Lower half of the fingerprint of a plain publication's identifier.
   * @param high The upper half.
   * @param leafIndex Its leaf index.
   */
  seen(low: number, high: number, leafIndex: number): void {
    const at = leafIndex * WORDS;
    this.#words[at] = low & ~LATER_EVENT;
    this.#words[at + 1] = high | PRESENT;
  }

  /** What was found since this was last asked. */
  take(): EntriesSeen {
    const seen = { events: this.#events, unreadable: this.#unreadable };
    this.#events = 0;
    this.#unreadable = [];
    return seen;
  }

  #parse(bytes: Uint8Array, leafIndex: number): void {
    const at = leafIndex * WORDS;
    try {
      const { ecosystem, file, event } = parseEntry(bytes);
      identifierFingerprint(ecosystem, file, this.seed, this.#words, at);
      this.#mark(at, event === "publish");
    } catch (error) {
      this.#unreadable.push({ leafIndex, why: (error as Error).message });
    }
  }

  #mark(at: number, isPublication: boolean): void {
    const words = this.#words;
    words[at] = isPublication ? words[at]! & ~LATER_EVENT : words[at]! | LATER_EVENT;
    words[at + 1]! |= PRESENT;
    if (!isPublication) this.#events++;
  }
}
