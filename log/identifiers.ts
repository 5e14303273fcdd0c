/**
 * Which files are logged: from (ecosystem, file) to the entry that published it and
 * the newest entry about it. It is derived from the log's own entries, and they have
 * the last word: the table says which entries may be about a file, by fingerprints,
 * and each of those is read and compared before anything is believed.
 *
 * One table for the log's life. `load_identifiers.ts` fills it at start; afterwards the
 * sequencer adds what it has committed, exactly once and at once, so that the table is
 * the committed tree's at every moment. Reads ask it for any size below that.
 *
 * @module
 */

import {
  type Entry,
  FingerprintTable,
  type Hash,
  type Identifier,
  parseEntry,
} from "@indelible/core";
import type { Batch } from "./batch.ts";
import { LATER_EVENT, putEntryFingerprint, putFileFingerprint } from "./entry_fingerprint.ts";
import { likeness } from "./entry_likeness.ts";
import { BLOCK_HEIGHT, type IdentifierBlocks } from "./identifier_blocks.ts";
import { Damaged } from "./storage/failure.ts";
import type { StoredLog } from "./stored_log.ts";
import type { Decided, Known } from "./unique.ts";

/** Entries that are read side by side, and after how many others get their turn. */
const READS_AT_ONCE = 16;
const READS_PER_TURN = 512;

/** What a look-up for a batch found, and the fingerprints for {@linkcode Identifiers.add}. */
export interface LookedUp {
  /** What is known, in the order of the submissions. */
  readonly known: readonly Known[];
  /** Two uint32 for each submission, see `entry_fingerprint.ts`. */
  readonly fingerprints: Uint32Array;
}

/** An entry that published a file. */
export interface FoundEntry {
  /** Its leaf index. */
  readonly leafIndex: number;
  /** Its bytes. */
  readonly bytes: Uint8Array;
}

/** The identifiers of a log. */
export class Identifiers {
  readonly #stored: StoredLog;
  readonly #blocks: IdentifierBlocks;
  readonly #table: FingerprintTable;
  /** By the leaf index of a publication: the newest entry about its file, if that is another. */
  readonly #newest = new Map<number, number>();
  /** While loading: later events, in the order of the log. */
  #events: { readonly leafIndex: number; readonly low: number; readonly high: number }[] = [];

  /**
   * Starts with none.
   *
   * @param stored The log's entries.
   * @param blocks Keeps the fingerprints for the next start.
   * @param expected How many will be loaded.
   */
  constructor(stored: StoredLog, blocks: IdentifierBlocks, expected: number) {
    this.#stored = stored;
    this.#blocks = blocks;
    this.#table = new FingerprintTable(expected);
  }

  /** How many bytes the table takes. */
  get bytes(): number {
    return this.#table.bytes;
  }

  /**
   * Finds the entries that published files, in the tree of a size.
   *
   * @param asked Which files.
   * @param size The tree size.
   * @returns Their leaf indices, in the order of the files; `undefined` where there is none.
   * @throws {Damaged} If an entry that must be read is not the one in the tree.
   */
  async find(asked: readonly Identifier[], size: number): Promise<(number | undefined)[]> {
    return (await this.findEntries(asked, size)).map((found) => found?.leafIndex);
  }

  /** As {@linkcode find}, with the entries' bytes, which were read anyway and checked. */
  async findEntries(
    asked: readonly Identifier[],
    size: number,
  ): Promise<(FoundEntry | undefined)[]> {
    const fingerprints = new Uint32Array(2 * asked.length);
    asked.forEach((file, i) => putFileFingerprint(file, this.#blocks.seed, fingerprints, 2 * i));
    const found: (FoundEntry | undefined)[] = asked.map(() => undefined);
    await this.#readCandidates(fingerprints, size, (position, leafIndex, bytes) => {
      const { ecosystem, file } = parseEntry(bytes);
      const wanted = asked[position]!;
      if (file === wanted.file && ecosystem === wanted.ecosystem) {
        found[position] = { leafIndex, bytes };
      }
    });
    return found;
  }

  /**
   * Looks up a batch: what `decide()` has to know.
   *
   * @param batch The batch.
   * @param size The size of the committed tree.
   * @throws {Damaged} If an entry that must be read is not the one in the tree.
   */
  async lookUp(batch: Batch, size: number): Promise<LookedUp> {
    const { bytes } = batch.slab;
    const fingerprints = new Uint32Array(2 * batch.count);
    for (let i = 0; i < batch.count; i++) {
      const [start, end] = [batch.start(i), batch.end(i)];
      putEntryFingerprint(bytes, start, end, this.#blocks.seed, fingerprints, 2 * i);
    }
    const known: Known[] = [];
    await this.#readCandidates(fingerprints, size, (position, firstIndex, entry) => {
      const alike = likeness(entry, batch.bytes(position));
      if (alike === "other-file") return;
      const otherDigest = alike === "same-digest" ? null : parseEntry(entry).digest;
      const newestIndex = this.#newest.get(firstIndex) ?? firstIndex;
      known.push({ position, firstIndex, otherDigest, newestIndex, newestHash: null });
    });
    for (const [i, { position, firstIndex, newestIndex }] of known.entries()) {
      // Only another event can repeat the newest entry; a publication is compared by its digest.
      if (isPublication(fingerprints[2 * position]!) || newestIndex === firstIndex) continue;
      const newestHash = await this.#stored.node({ height: 0, index: BigInt(newestIndex) }, size);
      known[i] = { ...known[i]!, newestHash };
    }
    known.sort((a, b) => a.position - b.position);
    return { known, fingerprints };
  }

  /**
   * Takes in what a batch has added to the tree: called once for each batch, when it is
   * committed, before anything else is awaited.
   *
   * @param fingerprints As {@linkcode lookUp} gave them.
   * @param decided What became of the submissions.
   * @param size The tree size before the batch.
   */
  add(fingerprints: Uint32Array, { fresh, laterEvents }: Decided, size: number): void {
    const logged = new Uint32Array(2 * fresh.length);
    fresh.forEach((position, i) => {
      logged[2 * i] = fingerprints[2 * position]!;
      logged[2 * i + 1] = fingerprints[2 * position + 1]!;
    });
    this.#table.insertAll(logged, size, isPublication);
    for (const { firstIndex, newestIndex } of laterEvents) {
      this.#newest.set(firstIndex, newestIndex);
    }
    this.#blocks.append(logged);
  }

  /**
   * Keeps what was added for the next start, as far as blocks are full. To be called when
   * all that is committed is applied. What cannot be written is derived at the next start.
   *
   * @param size The tree size.
   * @throws {Damaged} If the tiles above a block are not there.
   */
  async keep(size: number): Promise<void> {
    await this.#blocks.writeFull((block) => blockRoot(this.#stored, block, size));
  }

  /**
   * At start: takes in consecutive leaves, one stretch after the other.
   *
   * @param fingerprints As they are in blocks.
   * @param firstLeaf The leaf index of the first.
   */
  load(fingerprints: Uint32Array, firstLeaf: number): void {
    this.#table.insertAll(fingerprints, firstLeaf, isPublication);
    for (let i = 0; i < fingerprints.length; i += 2) {
      const [low, high] = [fingerprints[i]!, fingerprints[i + 1]!];
      if (low >= LATER_EVENT) this.#events.push({ leafIndex: firstLeaf + i / 2, low, high });
    }
  }

  /**
   * At start, when all leaves are loaded: finds out which files the later events are about.
   *
   * @param size The tree size.
   */
  async loadEvents(size: number): Promise<void> {
    for (const { leafIndex, low, high } of this.#events) {
      const candidates = this.#table.candidates(low & ~LATER_EVENT, high);
      // Every event is about a file that was published: where only one is possible, it is that.
      const first = candidates.length === 1
        ? candidates[0]!
        : (await this.find([await this.#entry(leafIndex, size)], size))[0];
      if (first === undefined || first > leafIndex) {
        throw new Damaged(
          `entry ${leafIndex}`,
          "it is about a file that no entry before it published",
        );
      }
      this.#newest.set(first, leafIndex);
    }
    this.#events = [];
  }

  /** Reads all entries that may be about what is asked, each checked against the tree. */
  async #readCandidates(
    fingerprints: Uint32Array,
    size: number,
    onEntry: (position: number, leafIndex: number, bytes: Uint8Array) => void,
  ): Promise<void> {
    const candidates: { readonly position: number; readonly leafIndex: number }[] = [];
    for (let i = 0; i < fingerprints.length; i += 2) {
      const low = fingerprints[i]! & ~LATER_EVENT;
      for (const leafIndex of this.#table.candidates(low, fingerprints[i + 1]!)) {
        if (leafIndex < size) candidates.push({ position: i / 2, leafIndex });
      }
    }
    // In the order of the log, so that each entry bundle is read once.
    candidates.sort((a, b) => a.leafIndex - b.leafIndex);
    for (let at = 0; at < candidates.length; at += READS_AT_ONCE) {
      if (at % READS_PER_TURN === 0 && at > 0) await new Promise((turn) => setTimeout(turn));
      await Promise.all(
        candidates.slice(at, at + READS_AT_ONCE).map(async ({ position, leafIndex }) => {
          const bytes = await this.#stored.entry(leafIndex, size);
          try {
            onEntry(position, leafIndex, bytes);
          } catch (error) {
            throw new Damaged(`entry ${leafIndex}`, (error as Error).message);
          }
        }),
      );
    }
  }

  async #entry(leafIndex: number, size: number): Promise<Entry> {
    const bytes = await this.#stored.entry(leafIndex, size);
    try {
      return parseEntry(bytes);
    } catch (error) {
      throw new Damaged(`entry ${leafIndex}`, (error as Error).message);
    }
  }
}

/** The root of the leaves that a block is about. */
export function blockRoot(stored: StoredLog, block: number, size: number): Promise<Hash> {
  return stored.node({ height: BLOCK_HEIGHT, index: BigInt(block) }, size);
}

function isPublication(low: number): boolean {
  return low < LATER_EVENT;
}
