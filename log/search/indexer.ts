/**
 * Brings a search index to the published size and answers from it. It runs in a worker
 * (`search_worker.ts`) and reads the log's objects itself, checked against the tree's own
 * hashes, so that the log's thread has nothing to do with it.
 *
 * It works in short turns; while the log is busy it works a fraction of the time and lags.
 * What is on disk survives any end; the newest leaves, fewer than a segment, are read
 * again at each start.
 *
 * @module
 */

import { TILE_WIDTH } from "@indelible/core";
import type { StoredLog } from "../stored_log.ts";
import { Postings } from "./postings.ts";
import type { IndexAnswer, IndexQuestion } from "./search.ts";
import type { LeafRange } from "./segment.ts";
import { SegmentFolder } from "./segment_folder.ts";
import { Tail } from "./tail.ts";

/** What an indexer works with. */
export interface IndexerParts {
  /** The folder of the index. */
  readonly path: string;
  /** The log's origin. */
  readonly origin: string;
  /** The log's entries. */
  readonly stored: StoredLog;
  /** The leaves of the shortest segments, if not the usual. */
  readonly base?: number;
  /** Told how far the index is. */
  readonly onProgress: (indexedTo: number) => void;
  /** Told of what fails; it is tried again. */
  readonly onFault: (error: unknown) => void;
}

/** Milliseconds of work without a look at what was asked meanwhile. */
const TURN = 5;
/** While the log is busy: milliseconds of rest for each of work. */
const REST = 29;
/** For so many milliseconds after it said so a log counts as busy. */
const BUSY_FOR = 3000;
/** Milliseconds until what failed is tried again. */
const TRY_AGAIN = 30_000;
/** Milliseconds that a question waits for the index to come to the published size. */
const PATIENCE = 500;

/** Makes and asks an index. */
export class Indexer {
  readonly #parts: IndexerParts;
  #folder: SegmentFolder | null = null;
  #postings: Postings | null = null;
  #tail = new Tail(0);
  #size = 0;
  #busyUntil = -Infinity;
  #closed = false;
  #turnEnds = 0;
  /** Ends a rest, or the wait for something to do. */
  #wake: () => void = () => {};
  /** Told when the index has come to the published size. */
  #waiting: (() => void)[] = [];

  /** @param parts What it works with. */
  constructor(parts: IndexerParts) {
    this.#parts = parts;
  }

  /** All leaves below this one are in the index. */
  get indexedTo(): number {
    return this.#folder?.gapFrom(this.#tail.to) ?? 0;
  }

  /** The log has published a tree of this size. */
  published(size: number, busy: boolean): void {
    // The index never has what is not published.
    this.#size = Math.max(size, this.#size);
    this.#busyUntil = busy ? performance.now() + BUSY_FOR : -Infinity;
    this.#wake();
  }

  /** Works until it is closed. */
  async run(): Promise<void> {
    while (!this.#closed) {
      try {
        await this.#catchUp();
        this.#waiting.splice(0).forEach((resolve) => resolve());
        if (this.indexedTo >= this.#size) await this.#rest(Infinity);
      } catch (error) {
        if (this.#closed) break;
        this.#parts.onFault(error);
        await this.#rest(TRY_AGAIN);
      }
    }
    this.#folder?.close();
  }

  /** The newest leaves below one that may have what is searched for. */
  async find({ term, before, limit }: IndexQuestion): Promise<IndexAnswer> {
    if (this.indexedTo < this.#size) await this.#caughtUp();
    const [folder, postings] = [this.#folder, this.#postings];
    if (!folder || !postings) return { indices: [], indexedTo: 0 };
    const fingerprint = postings.fingerprint(term);
    const found: number[] = [];
    // A gap that is being filled is older than segments behind it: all are merged by leaf.
    const sources = [this.#tail, ...folder.newestFirst].sort((a, b) => b.from - a.from);
    for (const source of sources) {
      if (found.length < limit) {
        found.push(...source.find(fingerprint, before, limit - found.length));
      }
    }
    return { indices: found, indexedTo: this.indexedTo };
  }

  /** Ends its work. */
  close(): void {
    this.#closed = true;
    this.#wake();
  }

  async #catchUp(): Promise<void> {
    this.#turnEnds = performance.now() + TURN;
    const folder = this.#folder ??= await this.#open();
    this.#postings ??= new Postings(folder.seed);
    while (this.indexedTo < this.#size && !this.#closed) {
      await this.#fill(folder);
      await this.#pace();
    }
    this.#parts.onProgress(this.indexedTo);
  }

  async #open(): Promise<SegmentFolder> {
    const { path, origin, stored, base } = this.#parts;
    const size = this.#size;
    const rootOf = ({ from, to }: LeafRange) =>
      stored.node(
        { height: Math.log2(to - from), index: BigInt(from / (to - from)) },
        Math.max(to, this.#size),
      );
    const pace = () => this.#pace();
    const folder = await SegmentFolder.open(
      { path, origin, rootOf, pace, ...(base !== undefined && { base }) },
      size,
    );
    await folder.merge();
    this.#tail = new Tail(folder.gapFrom(0));
    return folder;
  }

  /** Takes one more bundle into the tail; a tail that is full becomes a segment. */
  async #fill(folder: SegmentFolder): Promise<void> {
    const tail = this.#tail;
    const end = tail.from + folder.base;
    if (tail.to < end) {
      const bundle = Math.floor(tail.to / TILE_WIDTH);
      const entries = await this.#parts.stored.bundle(bundle, this.#size);
      for (let i = tail.to - bundle * TILE_WIDTH; i < entries.length; i++) {
        tail.append(this.#postings!, entries[i]!);
      }
    }
    if (tail.to < end) return;
    await folder.add(tail.from, tail.sorted());
    this.#tail = new Tail(folder.gapFrom(end));
    this.#parts.onProgress(this.indexedTo);
  }

  /** Ends a turn when its time is over. */
  async #pace(): Promise<void> {
    const late = performance.now() - this.#turnEnds;
    if (late < 0) return;
    await this.#rest(this.#busy ? REST * (TURN + late) : 0);
    this.#turnEnds = performance.now() + TURN;
  }

  /** Rests so many milliseconds, or until there is news of what is published. */
  #rest(milliseconds: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = milliseconds === Infinity ? undefined : setTimeout(resolve, milliseconds);
      this.#wake = () => {
        // News do not shorten the rest of one that stands back, but its end does.
        if (this.#busy && timer !== undefined && !this.#closed) return;
        clearTimeout(timer);
        resolve();
      };
    });
  }

  get #busy(): boolean {
    return performance.now() < this.#busyUntil;
  }

  #caughtUp(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, PATIENCE);
      this.#waiting.push(() => {
        clearTimeout(timer);
        resolve();
      });
    });
  }
}
