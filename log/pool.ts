/**
 * The pool: submissions that wait for the sequencer, each request with its promise.
 * A request waits here and nowhere else.
 *
 * @module
 */

import type { Hash } from "@indelible/core";
import type { ByteWriter } from "./byte_writer.ts";
import type { Published } from "./publish.ts";
import { Submissions } from "./submissions.ts";

/** Under which checkpoint an entry is proven, and how. */
export interface Receipt {
  /** The leaf index. */
  readonly index: number;
  /** The published checkpoint. */
  readonly published: Published;
  /** Reads or makes the proof, when it is wanted. */
  prove(): Proof | Promise<Proof>;
}

/** That an entry is under the published checkpoint. */
export interface Proof {
  /** The entry's bytes, as they are in the log. */
  readonly bytes: Uint8Array;
  /** Writes the inclusion proof as a JSON array: hashes in base64, the leaf's sibling first. */
  writeInclusion(into: ByteWriter): void;
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
  /** It is about a file, this one, that no entry has published. */
  | { readonly kind: "not-published-yet"; readonly file: string }
  /** Not published in time; with an index it is in the tree and a retry gets the same one. */
  | {
    readonly kind: "unavailable";
    readonly why: string;
    readonly index?: number;
  };

/** What became of the i-th of some submissions; made when it is asked for. */
export type OutcomeOf = (i: number) => Outcome;

/** Submissions that are answered together: those of one bulk request, or of some adds. */
export interface Group {
  /** In the order they came. */
  readonly submissions: Submissions;
  /** How many requests brought them. */
  readonly requests: number;
  /** The publisher whose token came with the i-th; `null` on a loopback log without publishers. */
  writerOf(i: number): string | null;
  /** Answers them. */
  resolve(outcomeOf: OutcomeOf): void;
}

/** Told how many milliseconds an add waited for its answer. */
export type OnAnswer = (milliseconds: number) => void;

/** Adds that are grouped: a batch takes whole groups. */
const MAX_GROUPED_ADDS = 4096;

/** Waiting submissions, oldest first. */
export class Pool {
  readonly #maxPending: number;
  #groups: Group[] = [];
  #pending = 0;
  #requests = 0;
  /** The newest group, while further adds may join it. */
  #adds: AddGroup | null = null;
  /** Why further submissions are turned away. */
  #closed: string | null = null;
  #wake: (() => void) | undefined;
  /** With so many submissions. */
  #wakeAt = 1;
  readonly #onAnswer: OnAnswer | null;

  /**
   * Makes an empty pool.
   *
   * @param maxPending How many requests may wait before more adds are turned away.
   * @param onAnswer Told of every add how long it waited for its answer.
   */
  constructor(maxPending: number, onAnswer: OnAnswer | null = null) {
    this.#maxPending = maxPending;
    this.#onAnswer = onAnswer;
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
   *
   * @param submission The one, which is copied.
   * @param writer The publisher whose token came with it.
   */
  add(submission: Submissions, writer: string | null): Promise<Outcome> {
    // By requests: a bulk one must not shut the door on all others.
    const why = this.#closed ??
      (this.#requests >= this.#maxPending ? "too many submissions are waiting" : null);
    if (why !== null) return Promise.resolve({ kind: "unavailable", why });
    if (this.#adds === null || this.#adds.requests >= MAX_GROUPED_ADDS) {
      this.#adds = new AddGroup(this.#onAnswer);
      this.#groups.push(this.#adds);
    }
    const added = this.#adds.add(submission, writer);
    this.#count(1, 1);
    return added;
  }

  /**
   * Adds submissions of one request, which are sequenced together, and waits for
   * their outcomes.
   */
  addAll(submissions: Submissions, writer: string | null): Promise<OutcomeOf> {
    const why = this.#closed ?? "";
    if (why !== "" || submissions.count === 0) {
      return Promise.resolve(() => ({ kind: "unavailable", why }));
    }
    return new Promise((resolve) => {
      this.#adds = null; // Those that come later are later in the log.
      this.#groups.push({ submissions, requests: 1, writerOf: () => writer, resolve });
      this.#count(submissions.count, 1);
    });
  }

  #count(submissions: number, requests: number): void {
    this.#pending += submissions;
    this.#requests += requests;
    if (this.#pending >= this.#wakeAt) this.#wake?.();
  }

  /** Takes the oldest groups, as many as fit into a batch but at least one. */
  take(maxBatch: number): Group[] {
    let taken = 0;
    let count = 0;
    for (const { submissions, requests } of this.#groups) {
      if (taken > 0 && count + submissions.count > maxBatch) break;
      taken++;
      count += submissions.count;
      this.#requests -= requests;
    }
    this.#pending -= count;
    if (taken === this.#groups.length) this.#adds = null;
    return this.#groups.splice(0, taken);
  }

  /**
   * Resolves when something waits, or so much, when the pool is closed, or when so many
   * milliseconds have passed.
   */
  async arrival(timeout: number | null, submissions = 1): Promise<void> {
    if (this.#pending >= submissions || this.closed) return;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      this.#wakeAt = submissions;
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
    for (const group of this.take(Infinity)) {
      group.resolve(() => ({ kind: "unavailable", why }));
    }
  }
}

/** Adds that no bulk request came between. */
class AddGroup implements Group {
  readonly submissions = new Submissions();
  readonly #writers: (string | null)[] = [];
  readonly #waiting: ((outcome: Outcome) => void)[] = [];
  readonly #onAnswer: OnAnswer | null;
  /** When each came; empty when nobody wants to know. */
  readonly #arrivals: number[] = [];

  constructor(onAnswer: OnAnswer | null) {
    this.#onAnswer = onAnswer;
  }

  get requests(): number {
    return this.#waiting.length;
  }

  add(submission: Submissions, writer: string | null): Promise<Outcome> {
    this.submissions.append(submission.bytes, submission.start(0), submission.end(0));
    this.#writers.push(writer);
    if (this.#onAnswer) this.#arrivals.push(performance.now());
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  writerOf(i: number): string | null {
    return this.#writers[i] ?? null;
  }

  resolve(outcomeOf: OutcomeOf): void {
    this.#waiting.forEach((resolve, i) => resolve(outcomeOf(i)));
    const answered = performance.now();
    for (const arrival of this.#arrivals) this.#onAnswer!(answered - arrival);
  }
}
