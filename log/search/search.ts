/**
 * The search index as the log sees it: it is told what is published, and asked. Who
 * answers is a worker with files (`search_worker.ts`), or for a log without a folder
 * {@linkcode LocalSearch}, in memory.
 *
 * The index is derived from the published entries, may lag behind them, and is on no
 * add's way.
 *
 * @module
 */

import type { StoredLog } from "../stored_log.ts";
import { Postings, type SearchTerm } from "./postings.ts";
import { Tail } from "./tail.ts";
import { TILE_WIDTH } from "@indelible/core";

/** What is asked of the index. */
export interface IndexQuestion {
  /** What is searched for. */
  readonly term: SearchTerm;
  /** Only leaves below this one. */
  readonly before: number;
  /** How many at most. */
  readonly limit: number;
}

/** What the index answers. */
export interface IndexAnswer {
  /** The leaves that may have it, newest first. */
  readonly indices: readonly number[];
  /** All leaves below this one are in the index. */
  readonly indexedTo: number;
}

/** A search index. */
export interface Search {
  /** All leaves below this one are in the index; `null` before it is needed. */
  readonly indexedTo: number | null;
  /**
   * The log has published a tree.
   *
   * @param size Its size.
   * @param busy Whether the log has much to do: the index is to stand back.
   */
  published(size: number, busy: boolean): void;
  /**
   * Asks the index, which is given a moment to come to the published size.
   *
   * @throws {SearchUnavailable} If it cannot answer now.
   */
  find(question: IndexQuestion): Promise<IndexAnswer>;
  /** Ends it. */
  close(): void;
}

/** The index cannot answer now; it may in a moment. */
export class SearchUnavailable extends Error {
  /** Tells it from other errors. */
  override readonly name = "SearchUnavailable";
}

/** The index of a small log, in memory; it is made when it is asked. */
export class LocalSearch implements Search {
  readonly #stored: StoredLog;
  readonly #postings = new Postings(crypto.getRandomValues(new Uint32Array(2)));
  readonly #tail = new Tail(0);
  #size = 0;
  /** One question after the other. */
  #turn: Promise<unknown> = Promise.resolve();

  /** @param stored The log's entries. */
  constructor(stored: StoredLog) {
    this.#stored = stored;
  }

  /** See {@linkcode Search.indexedTo}. */
  get indexedTo(): number {
    return this.#tail.to;
  }

  /** See {@linkcode Search.published}. */
  published(size: number): void {
    this.#size = size;
  }

  /** See {@linkcode Search.find}. */
  find(question: IndexQuestion): Promise<IndexAnswer> {
    const answer = this.#turn.then(() => this.#find(question));
    this.#turn = answer.catch(() => {});
    return answer;
  }

  /** See {@linkcode Search.close}. */
  close(): void {}

  async #find({ term, before, limit }: IndexQuestion): Promise<IndexAnswer> {
    const tail = this.#tail;
    for (const size = this.#size; tail.to < size;) {
      const bundle = Math.floor(tail.to / TILE_WIDTH);
      const entries = await this.#stored.bundle(bundle, size);
      for (const entry of entries.slice(tail.to - bundle * TILE_WIDTH)) {
        tail.append(this.#postings, entry);
      }
    }
    const indices = tail.find(this.#postings.fingerprint(term), before, limit);
    return { indices, indexedTo: tail.to };
  }
}
