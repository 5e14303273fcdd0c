/**
 * Look-ups of many callers, one request at a time: names that come while the log
 * is asked go together into the next request. A client that asks for fifty pages
 * at once costs a few requests, and no answer overtakes another.
 *
 * @module
 */

import {
  lookUp,
  type LookupAnswer,
  type LookupOptions,
  MAX_NAMES,
  type Vouched,
} from "./lookup.ts";
import type { TrustedHead } from "./trusted_head.ts";

/** One caller's names and what is known of them so far. */
interface Waiting {
  readonly names: readonly string[];
  /** How many of them have been asked. */
  asked: number;
  readonly found: Map<string, Vouched>;
  readonly missing: Set<string>;
  readonly promise: PromiseWithResolvers<LookupAnswer>;
}

/** The part of a caller's names that goes into a request. */
interface Part {
  readonly waiting: Waiting;
  readonly names: readonly string[];
}

/** Asks one log. */
export class LookupQueue {
  readonly #log: URL;
  readonly #trusted: TrustedHead;
  readonly #options: LookupOptions;
  #waiting: Waiting[] = [];
  #running = false;

  /**
   * @param log The log's URL.
   * @param trusted Judges its checkpoints.
   * @param options As of {@linkcode lookUp}.
   */
  constructor(log: URL, trusted: TrustedHead, options: LookupOptions = {}) {
    this.#log = log;
    this.#trusted = trusted;
    this.#options = options;
  }

  /**
   * Looks files up, any number of them; without any it asks for the checkpoint alone.
   *
   * @param names The files, each once.
   * @returns What is known of them, and the newest checkpoint; older answers of the same
   * call are under checkpoints that it was proven to extend.
   * @throws As {@linkcode lookUp}.
   */
  ask(names: readonly string[]): Promise<LookupAnswer> {
    const promise = Promise.withResolvers<LookupAnswer>();
    const waiting = { names, asked: 0, found: new Map(), missing: new Set<string>(), promise };
    this.#waiting.push(waiting);
    if (!this.#running) this.#run();
    return promise.promise;
  }

  async #run(): Promise<void> {
    this.#running = true;
    // Callers of this very moment go into the first request together.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const parts = this.#nextRequest();
      try {
        const names = new Set(parts.flatMap(({ names }) => names));
        const answer = await lookUp(this.#log, [...names], this.#trusted, this.#options);
        for (const part of parts) this.#settle(part, answer);
      } catch (error) {
        for (const { waiting } of parts) {
          this.#waiting = this.#waiting.filter((other) => other !== waiting);
          waiting.promise.reject(error);
        }
      }
    }
    this.#running = false;
  }

  /** The oldest names that fit into a request. */
  #nextRequest(): Part[] {
    const parts: Part[] = [];
    let room = MAX_NAMES;
    for (const waiting of this.#waiting) {
      const names = waiting.names.slice(waiting.asked, waiting.asked + room);
      if (names.length === 0 && waiting.names.length > waiting.asked) break;
      waiting.asked += names.length;
      room -= names.length;
      parts.push({ waiting, names });
    }
    return parts;
  }

  #settle({ waiting, names }: Part, { head, found, missing }: LookupAnswer): void {
    for (const name of names) {
      const vouched = found.get(name);
      if (vouched) waiting.found.set(name, vouched);
      else if (missing.has(name)) waiting.missing.add(name);
    }
    if (waiting.asked < waiting.names.length) return;
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    waiting.promise.resolve({ head, found: waiting.found, missing: waiting.missing });
  }
}
