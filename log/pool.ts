/**
 * The pool: submissions that wait for the sequencer, each group with its promise.
 * A request waits here and nowhere else.
 *
 * @module
 */

import type { Entry, Hash } from "@indelible/core";
import type { Published } from "./publish.ts";

/** An admitted entry on its way into the log. */
export interface Submission {
  /** The statement. */
  readonly entry: Entry;
  /** Its canonical bytes: what is logged. */
  readonly bytes: Uint8Array;
  /** The key of its identifier. */
  readonly key: Hash;
  /** The publisher whose token came with it; `null` on a loopback log without publishers. */
  readonly writer: string | null;
}

/** Under which checkpoint an entry is proven, and how. */
export interface Receipt {
  /** The leaf index. */
  readonly index: number;
  /** The published checkpoint. */
  readonly published: Published;
  /** Reads or makes the proof, when it is wanted. */
  readonly prove: () => Proof | Promise<Proof>;
}

/** That an entry is under the published checkpoint. */
export interface Proof {
  /** The entry's bytes, as they are in the log. */
  readonly bytes: Uint8Array;
  /** The inclusion proof in base64, the leaf's sibling first. */
  readonly hashes: readonly string[];
}

/** What became of a submission. */
export type Outcome =
  /** It is in the log, now or since its first submission. */
  | { readonly kind: "logged"; readonly receipt: Receipt }
  /** Its identifier has another digest, for ever: `existing` is the entry that stands. */
  | {
    readonly kind: "conflict";
    readonly digest: Hash;
    readonly existing: Receipt;
  }
  /** It is about a file that no entry has published. */
  | { readonly kind: "not-published-yet" }
  /** Not published in time; with an index it is in the tree and a retry gets the same one. */
  | {
    readonly kind: "unavailable";
    readonly why: string;
    readonly index?: number;
  };

/** Submissions that came together and are answered together. */
export interface Group {
  /** In the order they came. */
  readonly submissions: readonly Submission[];
  /** Answers them, in the same order. */
  resolve(outcomes: readonly Outcome[]): void;
}

/** Waiting submissions, oldest first. */
export class Pool {
  readonly #maxPending: number;
  #groups: Group[] = [];
  #pending = 0;
  /** Why further submissions are turned away. */
  #closed: string | null = null;
  #wake: (() => void) | undefined;

  /**
   * Makes an empty pool.
   *
   * @param maxPending How many requests may wait before more adds are turned away.
   */
  constructor(maxPending: number) {
    this.#maxPending = maxPending;
  }

  /** How many submissions wait. */
  get pending(): number {
    return this.#pending;
  }

  /** Whether more submissions are turned away for ever. */
  get closed(): boolean {
    return this.#closed !== null;
  }

  /**
   * Adds one submission and waits for its outcome. Past the limit it is turned
   * away at once.
   */
  async add(submission: Submission): Promise<Outcome> {
    // By requests: a bulk one must not shut the door on all others.
    if (this.#groups.length >= this.#maxPending) {
      return { kind: "unavailable", why: "too many submissions are waiting" };
    }
    return (await this.addAll([submission]))[0]!;
  }

  /** Adds submissions that are sequenced together, and waits for their outcomes. */
  addAll(submissions: readonly Submission[]): Promise<readonly Outcome[]> {
    if (submissions.length === 0) return Promise.resolve([]);
    const why = this.#closed;
    if (why !== null) {
      return Promise.resolve(submissions.map(() => ({ kind: "unavailable", why })));
    }
    return new Promise((resolve) => {
      this.#groups.push({ submissions, resolve });
      this.#pending += submissions.length;
      this.#wake?.();
    });
  }

  /** Takes the oldest groups, as many as fit into a batch but at least one. */
  take(maxBatch: number): Group[] {
    let taken = 0;
    let count = 0;
    for (const { submissions } of this.#groups) {
      if (taken > 0 && count + submissions.length > maxBatch) break;
      taken++;
      count += submissions.length;
    }
    this.#pending -= count;
    return this.#groups.splice(0, taken);
  }

  /** Resolves when something waits, the pool is closed, or so many milliseconds have passed. */
  async arrival(timeout: number | null): Promise<void> {
    if (this.#groups.length > 0 || this.closed) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (timeout !== null) timer = setTimeout(resolve, timeout);
    });
    clearTimeout(timer);
    this.#wake = undefined;
  }

  /** Turns every further submission away, saying why; those that wait are still to be taken. */
  close(why: string): void {
    this.#closed ??= why;
    this.#wake?.();
  }

  /** Closes the pool and turns those that wait away too. */
  clear(why: string): void {
    this.close(why);
    for (const { submissions, resolve } of this.take(Infinity)) {
      resolve(submissions.map(() => ({ kind: "unavailable", why })));
    }
  }
}
