/**
 * What every entry so far says, as fingerprints: on disk, in the order of the leaves, and
 * as a table in memory from identifiers to the entry that was first about them. About 16
 * bytes an entry on disk and 12 in memory, so the whole history of a registry fits.
 *
 * ```text
 * header   magic (16) | seed (16)
 * entry n  identifier (8) | digest (8)      see scan.ts; little-endian
 * ```
 *
 * The file is derived from the log and can be removed: the next run then reads the log
 * from its beginning. How much of it counts, and its sum, are in the state (`state.ts`);
 * what stands behind that was being written when a process died, and is written again.
 *
 * @module
 */

import { equalBytes, FingerprintTable, utf8 } from "@indelible/core";
import { PRESENT, RECORD_WORDS, REPEAT } from "./scan.ts";

const MAGIC = utf8("statements v1\n\0\0");
const SEED_WORDS = 4;
const HEADER_BYTES = MAGIC.length + 4 * SEED_WORDS;
const RECORD_BYTES = 4 * RECORD_WORDS;
/** Entries that are read at once. */
const READ_AT_ONCE = 1 << 18;

/** An entry that seems to give an identifier another digest than an earlier one does. */
export interface Suspicion {
  /** The leaf index of the first entry of the identifier. */
  readonly first: number;
  /** That of the entry. */
  readonly later: number;
}

/** How far the file counts. */
export interface StatementsMark {
  /** How many entries. */
  readonly size: number;
  /** The sum over their words, hexadecimal. */
  readonly sum: string;
}

/** Nothing yet. */
export const NO_STATEMENTS: StatementsMark = { size: 0, sum: "0000000000000000" };

/** The file and the table. */
export class Statements implements Disposable {
  /** The keys of the fingerprints. */
  readonly seed: Uint32Array;
  readonly #file: Deno.FsFile;
  readonly #table: FingerprintTable;
  readonly #sum: Sum;
  #size = 0;
  /** Whether an entry is in the table that is not in the file: a write has failed. */
  #torn = false;

  private constructor(file: Deno.FsFile, seed: Uint32Array, size: number) {
    this.#file = file;
    this.seed = seed;
    this.#table = new FingerprintTable(size);
    this.#sum = new Sum();
  }

  /**
   * Opens the file, and makes one that counts for nothing where there is none.
   *
   * @param path Where it is.
   * @param mark How far it is to count.
   * @returns The statements, or `null` if the file is not what the mark is about: then it is
   * to be opened again with {@linkcode NO_STATEMENTS}, and the log read from its beginning.
   */
  static open(path: string, mark: StatementsMark): Statements | null {
    const file = Deno.openSync(path, { read: true, write: true, create: true, mode: 0o600 });
    try {
      const header = new Uint8Array(HEADER_BYTES);
      const begun = readAt(file, 0, header) === HEADER_BYTES &&
        equalBytes(header.subarray(0, MAGIC.length), MAGIC);
      if (!begun || mark.size === 0) {
        if (mark.size > 0) throw new Unfit();
        header.set(MAGIC);
        crypto.getRandomValues(header.subarray(MAGIC.length));
        file.truncateSync(0);
        writeAt(file, 0, header);
      }
      const seed = new Uint32Array(header.slice(MAGIC.length).buffer);
      const statements = new Statements(file, seed, mark.size);
      statements.#load(mark);
      return statements;
    } catch (error) {
      file.close();
      if (error instanceof Unfit) return null;
      throw error;
    }
  }

  /** How many entries it has. */
  get size(): number {
    return this.#size;
  }

  /** Whether it is just so far, and the next entries can be appended. */
  isAt({ size, sum }: StatementsMark): boolean {
    return !this.#torn && this.#size === size && this.#sum.text === sum;
  }

  /** How far it is. */
  get mark(): StatementsMark {
    return { size: this.#size, sum: this.#sum.text };
  }

  #load({ size, sum }: StatementsMark): void {
    const records = new Uint32Array(Math.min(size, READ_AT_ONCE) * RECORD_WORDS);
    while (this.#size < size) {
      const count = Math.min(READ_AT_ONCE, size - this.#size);
      const some = records.subarray(0, count * RECORD_WORDS);
      const bytes = new Uint8Array(some.buffer, 0, some.byteLength);
      if (readAt(this.#file, offsetOf(this.#size), bytes) < bytes.length) throw new Unfit();
      this.#sum.add(some);
      const identifiers = new Uint32Array(2 * count);
      for (let i = 0; i < count; i++) {
        // What is no entry is put in no more than what is a repeat.
        const present = some[RECORD_WORDS * i + 1]! & PRESENT;
        identifiers[2 * i] = present ? some[RECORD_WORDS * i]! : REPEAT;
        identifiers[2 * i + 1] = some[RECORD_WORDS * i + 1]!;
      }
      this.#table.insertAll(identifiers, this.#size, (low) => (low & REPEAT) === 0);
      this.#size += count;
    }
    if (this.#sum.text !== sum) throw new Unfit();
  }

  /**
   * Takes the fingerprints of the next entries, and marks those that are repeats.
   *
   * @param records Their words.
   * @returns Those whose digest is not that of the first entry of their identifier, as far as
   * fingerprints tell: the entries decide. Should they be of two identifiers, all is to be
   * read again from the beginning with other keys.
   */
  append(records: Uint32Array): Suspicion[] {
    this.#torn = true;
    const suspicions: Suspicion[] = [];
    const start = this.#size;
    const count = records.length / RECORD_WORDS;
    const earlier = new Uint32Array(RECORD_WORDS);
    for (let i = 0; i < count; i++) {
      const at = RECORD_WORDS * i;
      const [low, high] = [records[at]!, records[at + 1]!];
      if ((high & PRESENT) === 0) continue;
      let first = -1;
      let same = false;
      for (const leafIndex of this.#table.candidates(low, high)) {
        if (leafIndex >= start) {
          const earlierAt = RECORD_WORDS * (leafIndex - start);
          earlier.set(records.subarray(earlierAt, earlierAt + RECORD_WORDS));
        } else this.#read(leafIndex, earlier);
        if (((earlier[0]! ^ low) & ~REPEAT) !== 0 || earlier[1] !== high) continue;
        first = leafIndex;
        same = earlier[2] === records[at + 2] && earlier[3] === records[at + 3];
        break; // There is one at most: what has the fingerprint later is a repeat.
      }
      if (first < 0) {
        this.#table.insert(low, high, start + i);
      } else {
        records[at] = low | REPEAT;
        if (!same) suspicions.push({ first, later: start + i });
      }
    }
    const bytes = new Uint8Array(records.buffer, records.byteOffset, records.byteLength);
    writeAt(this.#file, offsetOf(start), bytes);
    this.#sum.add(records);
    this.#size += count;
    this.#torn = false;
    return suspicions;
  }

  /** Has what was appended on the disk. */
  sync(): void {
    this.#file.syncDataSync();
  }

  /** Closes the file. */
  [Symbol.dispose](): void {
    this.#file.close();
  }

  #read(leafIndex: number, into: Uint32Array): void {
    readAt(this.#file, offsetOf(leafIndex), new Uint8Array(into.buffer));
  }
}

/** The file is not what it should be. */
class Unfit extends Error {}

/** Two sums in the manner of FNV-1a over words: they find what decayed, not what was forged. */
class Sum {
  #a = 0;
  #b = 0;

  add(words: Uint32Array): void {
    let [a, b] = [this.#a, this.#b];
    for (let i = 0; i < words.length; i++) {
      a = Math.imul(a ^ words[i]!, 0x01000193);
      b = Math.imul(b + words[i]! | 0, 0x85ebca6b) ^ (b >>> 15);
    }
    this.#a = a;
    this.#b = b;
  }

  get text(): string {
    return [this.#a, this.#b].map((sum) => (sum >>> 0).toString(16).padStart(8, "0")).join("");
  }
}

function offsetOf(leafIndex: number): number {
  return HEADER_BYTES + leafIndex * RECORD_BYTES;
}

function readAt(file: Deno.FsFile, offset: number, into: Uint8Array): number {
  file.seekSync(offset, Deno.SeekMode.Start);
  let length = 0;
  while (length < into.length) {
    const count = file.readSync(into.subarray(length));
    if (count === null) break;
    length += count;
  }
  return length;
}

function writeAt(file: Deno.FsFile, offset: number, bytes: Uint8Array): void {
  file.seekSync(offset, Deno.SeekMode.Start);
  for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
}
