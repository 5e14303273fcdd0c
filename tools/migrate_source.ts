/**
 * The log that a migration takes over: its signed checkpoint, and its entries, whose
 * own bytes must give the root hash that the checkpoint signs.
 *
 * It is read more than once. The first reading keeps one hash for each entry bundle,
 * 32 bytes for 256 entries, and ends well only if they give the signed root; what is
 * read later is held against those hashes. So what is written is what was checked.
 *
 * @module
 */

import {
  appendLeafHash,
  bundleCount,
  checkPolicy,
  EMPTY_EDGE,
  encodeHex,
  equalBytes,
  type FetchResource,
  type Hash,
  leafHash,
  LogMismatch,
  LogReader,
  nodeHash,
  parseEntryBundle,
  type Policy,
  type PolicyVerdict,
  rootHash,
  TILE_WIDTH,
  tileAt,
  tilePath,
} from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import { inOrder } from "./parallel.ts";

/** An entry bundle's entries. */
export interface SourceBundle {
  /** The leaf index of the first of them. */
  readonly first: number;
  /** Their bytes. */
  readonly entries: readonly Uint8Array[];
}

type Accepted = Extract<PolicyVerdict, { kind: "accepted" }>;

/** Entry bundles that are fetched ahead. */
const AHEAD = 32;

/** Reads a log, at one signed checkpoint. */
export class SourceLog {
  /** What the policy says of its checkpoint. */
  readonly verdict: Accepted;
  /** How many entries it has. */
  readonly size: number;
  readonly #fetch: FetchResource;
  /** The root of each entry bundle as a tree of its own, by the first reading. */
  readonly #roots: Hash[] = [];

  private constructor(verdict: Accepted, fetch: FetchResource) {
    this.verdict = verdict;
    this.size = Number(verdict.checkpoint.size);
    this.#fetch = fetch;
  }

  /**
   * Opens a log by its checkpoint.
   *
   * @param policy Whom to trust.
   * @param fetch Reads the log's objects.
   * @throws {Error} If the checkpoint is missing, or the policy refuses it.
   */
  static async open(policy: Policy, fetch: FetchResource): Promise<SourceLog> {
    const note = await fetch("checkpoint");
    if (!note) throw new Error("checkpoint: the log has no such object");
    let verdict: PolicyVerdict;
    try {
      verdict = checkPolicy(policy, note, nativeEd25519);
    } catch (error) {
      throw new Error(`checkpoint: ${(error as Error).message}`);
    }
    if (verdict.kind === "refused") throw new Error(`checkpoint: ${verdict.why}`);
    const { size } = verdict.checkpoint;
    if (size > BigInt(Number.MAX_SAFE_INTEGER)) {
      throw new RangeError(`checkpoint: a tree of ${size} entries is too large to take over`);
    }
    return new SourceLog(verdict, fetch);
  }

  /**
   * Reads all entries, for the first time. None of them is to be relied on before the
   * end, where the generator throws unless they give the signed root hash.
   *
   * @throws {LogMismatch} If an entry is not the one that was logged, naming it.
   */
  async *readAll(): AsyncGenerator<SourceBundle> {
    this.#roots.length = 0;
    for await (const bundle of this.#read(this.#bundlesFrom(0))) {
      this.#roots.push(rootOf(bundle.entries));
      yield bundle;
    }
    const { root } = this.verdict.checkpoint;
    const derived = await this.#derive(this.size);
    if (equalBytes(derived, root)) return;
    const where = await this.#findMismatch() ??
      `they give ${encodeHex(derived)}, it signs ${encodeHex(root)}`;
    throw new LogMismatch(
      `the entries do not give the root hash of the checkpoint, of size ${this.size}: ${where}`,
    );
  }

  /**
   * Reads entries again, from a leaf index on.
   *
   * @throws {LogMismatch} If they are not those of the first reading, before they are given.
   */
  readFrom(leafIndex: number): AsyncGenerator<SourceBundle> {
    return this.readBundles(this.#bundlesFrom(leafIndex));
  }

  /**
   * Reads entry bundles again.
   *
   * @param bundles Their indices.
   * @throws {LogMismatch} As above.
   */
  async *readBundles(bundles: Iterable<number>): AsyncGenerator<SourceBundle> {
    for await (const bundle of this.#read(bundles)) {
      const index = bundle.first / TILE_WIDTH;
      if (!equalBytes(rootOf(bundle.entries), this.#roots[index]!)) {
        throw new LogMismatch(
          `${this.#pathOf(index)} is another one than when the log was read and checked`,
        );
      }
      yield bundle;
    }
  }

  /** The root hash of the first entries: of all of them as signed, else by the first reading. */
  async rootAt(size: number): Promise<Hash> {
    return size === this.size ? this.verdict.checkpoint.root : await this.#derive(size);
  }

  async #derive(size: number): Promise<Hash> {
    const full = Math.floor(size / TILE_WIDTH);
    if (this.#roots.length * TILE_WIDTH < size) {
      throw new RangeError(`Cannot compute the root of size ${size}: its entries are not read yet`);
    }
    let edge = EMPTY_EDGE;
    for (const root of this.#roots.slice(0, full)) edge = appendLeafHash(edge, root);
    if (size % TILE_WIDTH === 0) return rootHash(edge);
    // What is left is the start of a bundle: a tree of its own at the right of the others.
    const rest = await this.#rootOfStart(full, size % TILE_WIDTH);
    return edge.hashes.reduceRight((right, left) => nodeHash(left, right), rest);
  }

  /** The root of a bundle's first entries, which the tree may end with. */
  async #rootOfStart(bundle: number, count: number): Promise<Hash> {
    if (bundle * TILE_WIDTH + count === this.size) return this.#roots[bundle]!;
    const { value } = await this.readBundles([bundle]).next();
    return rootOf(value!.entries.slice(0, count));
  }

  /**
   * Which object or entry does not fit, by way of the source's own hash tiles: where those
   * lead to the signed root, they say which entries belong under it.
   */
  async #findMismatch(): Promise<string | null> {
    const reader = new LogReader(this.verdict.checkpoint, this.#fetch);
    try {
      for (const [bundle, root] of this.#roots.entries()) {
        const index = BigInt(bundle);
        const full = (bundle + 1) * TILE_WIDTH <= this.size;
        const [expected] = full ? await reader.readHashes([{ height: 8, index }]) : [];
        if (expected === undefined || !equalBytes(expected, root)) await reader.readEntries(index);
      }
    } catch (error) {
      if (error instanceof LogMismatch) return error.message;
      throw error;
    }
    return null;
  }

  *#bundlesFrom(leafIndex: number): Generator<number> {
    const count = Number(bundleCount(BigInt(this.size)));
    for (let i = Math.floor(leafIndex / TILE_WIDTH); i < count; i++) yield i;
  }

  #read(bundles: Iterable<number>): AsyncGenerator<SourceBundle> {
    return inOrder(bundles, AHEAD, (bundle) => this.#readBundle(bundle));
  }

  async #readBundle(bundle: number): Promise<SourceBundle> {
    const { width } = tileAt("entries", BigInt(bundle), BigInt(this.size))!;
    const path = this.#pathOf(bundle);
    let [bytes, found] = [await this.#fetch(path), width];
    if (!bytes && width < TILE_WIDTH) {
      // A partial bundle may be gone once the full one is there.
      [bytes, found] = [await this.#fetch(this.#pathOf(bundle, TILE_WIDTH)), TILE_WIDTH];
    }
    if (!bytes) throw new LogMismatch(`the log does not serve ${path}`);
    try {
      const entries = parseEntryBundle(bytes, found).slice(0, width);
      return { first: bundle * TILE_WIDTH, entries };
    } catch (error) {
      throw new LogMismatch(`${path}: ${(error as Error).message}`);
    }
  }

  #pathOf(bundle: number, width?: number): string {
    const tile = tileAt("entries", BigInt(bundle), BigInt(this.size))!;
    return tilePath({ ...tile, width: width ?? tile.width });
  }
}

/** The root hash of a tree of these entries alone. */
function rootOf(entries: readonly Uint8Array[]): Hash {
  return rootHash(entries.map(leafHash).reduce(appendLeafHash, EMPTY_EDGE));
}
