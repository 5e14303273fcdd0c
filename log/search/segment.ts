/**
 * A segment of the search index: the postings of consecutive leaves in one file, sorted,
 * written once and never changed. It is bound to its log by the index's key and to the
 * tree by the root of its leaves' subtree, so that the file of another log, of a later
 * state than the one restored, torn or decayed, is noticed when it is opened:
 *
 * ```text
 * header    magic (16) | first leaf (8) | leaf after the last (8) | postings (8)
 *           | subtree root (32) | SHA-256 of the body (32) | SHA-256(key's hash | header so far) (32)
 * body      postings, 8 bytes each, in ascending order
 * ```
 *
 * Numbers are little-endian. Of each block of the body the first posting is held in
 * memory, two bytes for a hundred entries, so that a look-up reads one block.
 *
 * @module
 */

import { concat, equalBytes, type Hash, HASH_SIZE, utf8 } from "@indelible/core";
import { createHash } from "node:crypto";
import { collectBackwards, type Fingerprint, lowerHalf, upperBound } from "./postings.ts";

const MAGIC = utf8("search segm. v1\n");
const HEADER_BYTES = MAGIC.length + 3 * 8 + 3 * HASH_SIZE;
const POSTING_BYTES = 8;
/** Postings that are read at once to find one. */
const BLOCK = 512;
/** Postings that are read and written at once: half a megabyte. */
export const CHUNK = 65_536;

/** Which leaves a segment has. */
export interface LeafRange {
  /** The first. */
  readonly from: number;
  /** The one after the last. */
  readonly to: number;
}

/** What binds a segment to its log and its tree. */
export interface SegmentBinding {
  /** The hash of the index's key. */
  readonly key: Uint8Array;
  /** The root of its leaves' subtree. */
  readonly root: Hash;
}

/** An open segment. Its reads are synchronous: it is a worker's. */
export class Segment implements LeafRange {
  /** The first leaf. */
  readonly from: number;
  /** The leaf after the last. */
  readonly to: number;
  /** How many postings it has. */
  readonly count: number;
  readonly #file: Deno.FsFile;
  /** The first posting of each block. */
  readonly #firsts: Uint32Array;

  private constructor(file: Deno.FsFile, range: LeafRange, firsts: Uint32Array, count: number) {
    this.from = range.from;
    this.to = range.to;
    this.count = count;
    this.#file = file;
    this.#firsts = firsts;
  }

  /**
   * Opens a segment and checks all of it, letting others have their turn in between.
   *
   * @param path Its file.
   * @param range The leaves that it has by its name.
   * @param binding What it must be bound to.
   * @param pace Waited for between two chunks.
   * @returns `null` when the file is not what it should be.
   */
  static async open(
    path: string,
    range: LeafRange,
    binding: SegmentBinding,
    pace: () => Promise<void>,
  ): Promise<Segment | null> {
    if (!Deno.lstatSync(path).isFile) return null;
    const file = Deno.openSync(path, { read: true });
    try {
      const header = new Uint8Array(HEADER_BYTES);
      if (readAt(file, 0, header) === HEADER_BYTES) {
        const view = new DataView(header.buffer);
        const count = Number(view.getBigUint64(MAGIC.length + 16, true));
        const bodyHash = header.subarray(HEADER_BYTES - 2 * HASH_SIZE, HEADER_BYTES - HASH_SIZE);
        const expected = headerOf(range, count, binding, bodyHash);
        const size = HEADER_BYTES + count * POSTING_BYTES;
        if (equalBytes(header, expected) && file.statSync().size === size) {
          const firsts = await readFirsts(file, count, bodyHash, pace);
          if (firsts) return new Segment(file, range, firsts, count);
        }
      }
    } catch (error) {
      file.close();
      throw error;
    }
    file.close();
    return null;
  }

  /**
   * Writes a segment.
   *
   * @param path A file that does not exist; it is not fsynced, since it can be made anew.
   * @param chunks The postings in ascending order; each chunk is used before the next is made.
   */
  static async write(
    path: string,
    range: LeafRange,
    binding: SegmentBinding,
    chunks: AsyncIterable<Uint8Array>,
  ): Promise<void> {
    using file = Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
    file.seekSync(HEADER_BYTES, Deno.SeekMode.Start);
    const hash = createHash("sha256");
    let bytes = 0;
    for await (const chunk of chunks) {
      hash.update(chunk);
      writeAll(file, chunk);
      bytes += chunk.length;
    }
    file.seekSync(0, Deno.SeekMode.Start);
    writeAll(file, headerOf(range, bytes / POSTING_BYTES, binding, hash.digest()));
  }

  /** The newest leaves below a leaf that have a fingerprint, newest first. */
  find(fingerprint: Fingerprint, before: number, limit: number): number[] {
    const below = Math.min(before, this.to) - this.from;
    if (below <= 0) return [];
    const last = lowerHalf(fingerprint, below - 1);
    const { high } = fingerprint;
    const blocks = this.#firsts.length / 2;
    const found: number[] = [];
    // The block before the first that begins beyond the last posting that may be found.
    let block = upperBound(this.#firsts, blocks, high, last) - 1;
    for (let more = true; more && block >= 0; block--) {
      const count = Math.min(BLOCK, this.count - block * BLOCK);
      const words = new Uint32Array(2 * count);
      this.read(block * BLOCK, words);
      const place = upperBound(words, count, high, last);
      more = collectBackwards(words, place, fingerprint, limit, found);
    }
    return found.map((leaf) => this.from + leaf);
  }

  /** Reads postings from a place on: as many as there is room for, which must be there. */
  read(place: number, into: Uint32Array): void {
    const bytes = new Uint8Array(into.buffer, into.byteOffset, into.byteLength);
    const read = readAt(this.#file, HEADER_BYTES + place * POSTING_BYTES, bytes);
    if (read < bytes.length) throw new Error("Cannot read a segment: it has become shorter");
  }

  /** Lets go of the file. */
  close(): void {
    this.#file.close();
  }
}

/** Reads and checks the whole body; `null` when it is not the one that was written. */
async function readFirsts(
  file: Deno.FsFile,
  count: number,
  bodyHash: Uint8Array,
  pace: () => Promise<void>,
): Promise<Uint32Array | null> {
  const firsts = new Uint32Array(2 * Math.ceil(count / BLOCK));
  const hash = createHash("sha256");
  const chunk = new Uint32Array(2 * Math.min(CHUNK, count));
  for (let done = 0; done < count; done += CHUNK) {
    const words = chunk.subarray(0, 2 * Math.min(CHUNK, count - done));
    const bytes = new Uint8Array(words.buffer, 0, words.byteLength);
    if (readAt(file, HEADER_BYTES + done * POSTING_BYTES, bytes) < bytes.length) return null;
    hash.update(bytes);
    for (let i = 0; i < words.length; i += 2 * BLOCK) {
      const at = 2 * (done / BLOCK) + i / BLOCK;
      firsts[at] = words[i]!;
      firsts[at + 1] = words[i + 1]!;
    }
    await pace();
  }
  return equalBytes(hash.digest(), bodyHash) ? firsts : null;
}

function headerOf(
  { from, to }: LeafRange,
  count: number,
  { key, root }: SegmentBinding,
  bodyHash: Uint8Array,
): Uint8Array {
  const numbers = new Uint8Array(3 * 8);
  const view = new DataView(numbers.buffer);
  [from, to, count].forEach((number, i) => view.setBigUint64(8 * i, BigInt(number), true));
  const content = concat(MAGIC, numbers, root, bodyHash);
  return concat(content, createHash("sha256").update(key).update(content).digest());
}

/** Reads bytes from an offset on; returns how many there were. */
function readAt(file: Deno.FsFile, at: number, into: Uint8Array): number {
  file.seekSync(at, Deno.SeekMode.Start);
  let done = 0;
  while (done < into.length) {
    const count = file.readSync(into.subarray(done));
    if (count === null) break;
    done += count;
  }
  return done;
}

function writeAll(file: Deno.FsFile, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) done += file.writeSync(bytes.subarray(done));
}
