/**
 * The fingerprints of all entries' identifiers, on disk, so that a start need not
 * read all entries. They are derived data: what is missing, torn or wrong is derived
 * again from the entry bundles (`load_identifiers.ts`), so nothing here is fsynced.
 *
 * A header, then blocks of {@linkcode BLOCK_LEAVES} consecutive leaves; the place of a
 * fingerprint is its leaf index. A block is written once its leaves are committed and
 * applied:
 *
 * ```text
 * header    magic (16) | seed (8) | SHA-256(magic | seed | origin) (32)
 * block n   subtree root (32) | fingerprints (8 × 4,096) | checksum (32)
 * checksum  SHA-256(header's hash | n as uint64 | subtree root | fingerprints)
 * ```
 *
 * The checksum finds what decayed. The subtree root, that of the block's leaves in the
 * tree, finds what is whole and of another tree: another log's file, or a later state
 * of this log from before it was restored. Numbers are little-endian.
 *
 * @module
 */

import {
  concat,
  equalBytes,
  type FingerprintSeed,
  type Hash,
  HASH_SIZE,
  utf8,
} from "@indelible/core";
import { createHash } from "node:crypto";
import type { BlockFile } from "./storage/block_file.ts";
import { Damaged } from "./storage/failure.ts";

/** The leaves of a block: those below one node of height 12. */
export const BLOCK_LEAVES = 4096;
/** The height of that node. */
export const BLOCK_HEIGHT = 12;

const MAGIC = utf8("identifiers v1\n\0");
const SEED_BYTES = 8;
const HEADER_BYTES = MAGIC.length + SEED_BYTES + HASH_SIZE;
/** A fingerprint is two uint32. */
const BLOCK_WORDS = 2 * BLOCK_LEAVES;
const PAYLOAD_BYTES = 4 * BLOCK_WORDS;
const BLOCK_BYTES = HASH_SIZE + PAYLOAD_BYTES + HASH_SIZE;

/** Told of what went wrong with the file: only the next start is slower. */
export type OnBlockFault = (error: unknown) => void;

/** The blocks of one log. */
export class IdentifierBlocks {
  /** The key of the fingerprints: random for each log. */
  readonly seed: FingerprintSeed;
  readonly #file: BlockFile | null;
  readonly #header: Uint8Array;
  readonly #onFault: OnBlockFault;
  /** Whether the header is on the disk. */
  #begun: boolean;
  /** Whether the last write failed: that is told once. */
  #failing = false;
  /** The first block that is not written yet, and the fingerprints from there on. */
  #next = 0;
  #pending: Uint32Array = new Uint32Array(0);

  private constructor(
    file: BlockFile | null,
    header: Uint8Array,
    begun: boolean,
    onFault: OnBlockFault,
  ) {
    this.#file = file;
    this.#header = header;
    this.#begun = begun;
    this.#onFault = onFault;
    this.seed = new Uint32Array(header.slice(MAGIC.length, MAGIC.length + SEED_BYTES).buffer);
  }

  /**
   * Opens the blocks of a log. A file that is not its own counts as none.
   *
   * @param file Where they are; `null` for a log that keeps none.
   * @param origin The log's origin.
   * @param onFault See there.
   * @throws {Damaged} If something other than a file is in its place.
   */
  static async open(
    file: BlockFile | null,
    origin: string,
    onFault: OnBlockFault,
  ): Promise<IdentifierBlocks> {
    const header = new Uint8Array(HEADER_BYTES);
    if (file) await unlessDamaged(() => file.read(0, header), onFault);
    const seed = header.subarray(MAGIC.length, MAGIC.length + SEED_BYTES);
    const begun = equalBytes(header, headerOf(seed, origin));
    const own = begun ? header : headerOf(crypto.getRandomValues(seed), origin);
    return new IdentifierBlocks(file, own, begun, onFault);
  }

  /**
   * Reads consecutive blocks.
   *
   * @param first The number of the first.
   * @param roots The subtree root of each, from the tree.
   * @param into Where their fingerprints go, block after block.
   * @returns Those that are missing or wrong, counted from 0.
   */
  async read(first: number, roots: readonly Hash[], into: Uint32Array): Promise<number[]> {
    const bytes = new Uint8Array(this.#begun ? roots.length * BLOCK_BYTES : 0);
    const read = () => this.#file!.read(offsetOf(first), bytes);
    const length = this.#begun ? await unlessDamaged(read, this.#onFault) ?? 0 : 0;
    return roots.flatMap((root, i) => {
      if ((i + 1) * BLOCK_BYTES > length) return [i];
      const block = bytes.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES);
      const content = block.subarray(0, HASH_SIZE + PAYLOAD_BYTES);
      if (!equalBytes(block.subarray(0, HASH_SIZE), root)) return [i];
      if (!equalBytes(block.subarray(content.length), this.#checksum(first + i, content))) {
        return [i];
      }
      const payload = new Uint32Array(block.buffer, block.byteOffset + HASH_SIZE, BLOCK_WORDS);
      into.set(payload, i * BLOCK_WORDS);
      return [];
    });
  }

  /**
   * Writes a block. A failure is told and changes nothing else.
   *
   * @param number Which.
   * @param root The root of its leaves' subtree.
   * @param fingerprints Its fingerprints.
   */
  async write(number: number, root: Hash, fingerprints: Uint32Array): Promise<void> {
    const payload = new Uint8Array(fingerprints.buffer, fingerprints.byteOffset, PAYLOAD_BYTES);
    const content = concat(root, payload);
    await this.#change(async (file) => {
      if (!this.#begun) await file.write(0, this.#header);
      this.#begun = true;
      await file.write(offsetOf(number), concat(content, this.#checksum(number, content)));
    });
  }

  /**
   * The next fingerprints to be appended are those of this block. What the file has from
   * there on is cut off: its leaves are not in the tree. So is a file not its own.
   */
  async startAt(count: number): Promise<void> {
    this.#next = count;
    await this.#change((file) => file.cut(this.#begun ? offsetOf(count) : 0));
  }

  /** Appends the fingerprints of the next leaves; they wait for their block to be full. */
  append(fingerprints: Uint32Array): void {
    const pending = new Uint32Array(this.#pending.length + fingerprints.length);
    pending.set(this.#pending);
    pending.set(fingerprints, this.#pending.length);
    this.#pending = pending;
  }

  /**
   * Writes the blocks that are full.
   *
   * @param rootOf Reads the root of a block's subtree.
   */
  async writeFull(rootOf: (number: number) => Promise<Hash>): Promise<void> {
    while (this.#pending.length >= BLOCK_WORDS) {
      const full = this.#pending.subarray(0, BLOCK_WORDS);
      this.#pending = this.#pending.subarray(BLOCK_WORDS);
      const number = this.#next++;
      const root = await unlessDamaged(() => rootOf(number), this.#onFault);
      if (root) await this.write(number, root, full);
    }
  }

  #checksum(number: number, content: Uint8Array): Uint8Array {
    const place = new Uint8Array(8);
    new DataView(place.buffer).setBigUint64(0, BigInt(number), true);
    const log = this.#header.subarray(HEADER_BYTES - HASH_SIZE);
    return createHash("sha256").update(log).update(place).update(content).digest();
  }

  async #change(change: (file: BlockFile) => Promise<void>): Promise<void> {
    const file = this.#file;
    if (!file || file.readOnly) return;
    const told = this.#failing;
    this.#failing = false;
    await unlessDamaged(() => change(file), (error) => {
      this.#failing = true;
      if (!told) this.#onFault(error);
    });
  }
}

function headerOf(seed: Uint8Array, origin: string): Uint8Array<ArrayBuffer> {
  const bound = createHash("sha256").update(MAGIC).update(seed).update(origin).digest();
  return concat(MAGIC, seed, bound);
}

function offsetOf(block: number): number {
  return HEADER_BYTES + block * BLOCK_BYTES;
}

/** Blocks can be done without; what lies in their place is for the operator to see. */
async function unlessDamaged<T>(act: () => Promise<T>, onFault: OnBlockFault): Promise<T | null> {
  try {
    return await act();
  } catch (error) {
    if (error instanceof Damaged) throw error;
    onFault(error);
    return null;
  }
}
