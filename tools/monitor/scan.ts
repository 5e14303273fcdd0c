/**
 * What the monitor makes of each entry, by itself: a fingerprint of what it says, for the
 * one-digest rule, and whether a rule wants to see it. No object is made for an entry that
 * nobody watches. It runs in the workers (`scan_worker.ts`), and here for a few entries.
 *
 * A fingerprint has four words: 62 bits of the identifier and 64 of the digest, each keyed
 * by a random seed of the state that nobody else knows. So two entries that agree in all of
 * them say the same; where the identifier agrees and the digest does not, the entries
 * themselves decide (`statements.ts`).
 *
 * @module
 */

import {
  EntryScan,
  type FingerprintSeed,
  halfSipHash,
  identifierFingerprint,
  identifierFingerprintOf,
  parseEntry,
  PYPI_V1,
} from "@indelible/core";
import type { EntryLooker } from "../fsck_slice_check.ts";
import { type EntryView, type Rule, RuleMatcher } from "./rules.ts";

/** Words of an entry: lower and upper half of the identifier's fingerprint, then of the digest's. */
export const RECORD_WORDS = 4;
/** In the first word: an earlier entry is about the same identifier. */
export const REPEAT = 0x8000_0000;
/** In the second word: it is an entry. */
export const PRESENT = 1;

/** How to scan. */
export interface ScanOptions {
  /** Four random uint32: the keys of the identifiers' and of the digests' fingerprints. */
  readonly seed: Uint32Array;
  /** What to look for. */
  readonly rules: readonly Rule[];
}

/** What was found in consecutive entries. */
export interface EntriesScanned {
  /** The leaf index of the first. */
  readonly first: number;
  /** The fingerprints; four zeros where there is none. */
  readonly records: Uint32Array<ArrayBuffer>;
  /** Those that meet a rule, with their bytes. */
  readonly watched: readonly { readonly leafIndex: number; readonly bytes: Uint8Array }[];
  /** Those that are of no known form. */
  readonly unreadable: readonly { readonly leafIndex: number; readonly why: string }[];
}

const DIGEST_AT = `${PYPI_V1}\nsha256:`.length;
const DIGEST_DIGITS = 64;
const FILE_AT = DIGEST_AT + DIGEST_DIGITS + 1;
const PUBLISHER = "publisher ";
const LF = 0x0a;

/** Scans entries, in their order. */
export class StatementScan implements EntryLooker<EntriesScanned> {
  /** The key of the identifiers' fingerprints. */
  readonly seed: FingerprintSeed;
  readonly #digestSeed: FingerprintSeed;
  readonly #matcher: RuleMatcher;
  readonly #scan = new EntryScan();
  readonly #digest = new Uint8Array(DIGEST_DIGITS);
  #first = -1;
  #count = 0;
  #records = new Uint32Array(1024);
  #watched: { leafIndex: number; bytes: Uint8Array }[] = [];
  #unreadable: { leafIndex: number; why: string }[] = [];

  /** Prepares. */
  constructor({ seed, rules }: ScanOptions) {
    this.seed = seed.slice(0, 2);
    this.#digestSeed = seed.slice(2, 4);
    this.#matcher = new RuleMatcher(rules);
  }

  /** See {@linkcode EntryLooker.see}. */
  see(bytes: Uint8Array, start: number, end: number, leafIndex: number): void {
    const at = this.#place(leafIndex);
    const scan = this.#scan;
    if (scan.scan(bytes, start, end)) {
      identifierFingerprintOf(bytes, scan, this.seed, this.#records, at);
      this.#mark(at, bytes, scan.digestStart);
      if (this.#matcher.isEmpty) return;
    }
    this.#parse(bytes, start, end, leafIndex, at);
  }

  /** See {@linkcode EntryLooker.seen}. */
  seen(
    low: number,
    high: number,
    leafIndex: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): void {
    const at = this.#place(leafIndex);
    this.#records[at] = low;
    this.#records[at + 1] = high;
    this.#mark(at, bytes, start + DIGEST_AT);
    if (this.#matcher.isEmpty || !this.#matcher.matches(viewOf(bytes, start, end))) return;
    this.#watched.push({ leafIndex, bytes: bytes.slice(start, end) });
  }

  /** See {@linkcode EntryLooker.take}. */
  take(): EntriesScanned {
    const found = {
      first: this.#first,
      records: this.#records.slice(0, this.#count * RECORD_WORDS),
      watched: this.#watched,
      unreadable: this.#unreadable,
    };
    this.#records.fill(0, 0, this.#count * RECORD_WORDS);
    this.#first = -1;
    this.#count = 0;
    this.#watched = [];
    this.#unreadable = [];
    return found;
  }

  #parse(bytes: Uint8Array, start: number, end: number, leafIndex: number, at: number): void {
    const own = bytes.slice(start, end);
    try {
      const entry = parseEntry(own);
      const { ecosystem, file, digest } = entry;
      const sha256 = digest.toHex();
      identifierFingerprint(ecosystem, file, this.seed, this.#records, at);
      for (let i = 0; i < DIGEST_DIGITS; i++) this.#digest[i] = sha256.charCodeAt(i);
      this.#mark(at, this.#digest, 0);
      if (this.#matcher.matches({ ...entry, sha256 })) {
        this.#watched.push({ leafIndex, bytes: own });
      }
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      this.#unreadable.push({ leafIndex, why: error.message });
    }
  }

  /** The place of an entry's words. */
  #place(leafIndex: number): number {
    if (this.#first < 0) this.#first = leafIndex;
    const place = leafIndex - this.#first;
    this.#count = place + 1;
    const end = this.#count * RECORD_WORDS;
    if (end > this.#records.length) {
      const longer = new Uint32Array(2 * end);
      longer.set(this.#records);
      this.#records = longer;
    }
    return place * RECORD_WORDS;
  }

  /** Completes an entry's words with those of its digest, whose digits begin at a place. */
  #mark(at: number, bytes: Uint8Array, digestAt: number): void {
    const records = this.#records;
    records[at]! &= ~REPEAT;
    records[at + 1]! |= PRESENT;
    const digest = this.#digest;
    for (let i = 0; i < DIGEST_DIGITS; i++) digest[i] = bytes[digestAt + i]!;
    halfSipHash(digest, DIGEST_DIGITS, this.#digestSeed, records, at + 2);
  }
}

/** What rules see of a plain publication in PyPI's form. */
function viewOf(bytes: Uint8Array, start: number, end: number): EntryView {
  let fileEnd = start + FILE_AT;
  while (fileEnd < end && bytes[fileEnd] !== LF) fileEnd++;
  const view = {
    ecosystem: "pypi",
    file: ascii(bytes, start + FILE_AT, fileEnd),
    sha256: ascii(bytes, start + DIGEST_AT, start + DIGEST_AT + DIGEST_DIGITS),
  };
  if (fileEnd === end) return view;
  const [issuer = "", subject = ""] = ascii(bytes, fileEnd + 1 + PUBLISHER.length, end).split(" ");
  return { ...view, publisher: { issuer, subject } };
}

function ascii(bytes: Uint8Array, start: number, end: number): string {
  let text = "";
  for (let i = start; i < end; i++) text += String.fromCharCode(bytes[i]!);
  return text;
}
