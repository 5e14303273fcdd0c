/**
 * Couriers: each delivers for one channel, one alert at a time, the longest waiting
 * first. What fails is tried again, later and later, and for ever; an alert that a
 * channel never takes does not hold up the others.
 *
 * @module
 */

import type { Logger } from "@logtape/logtape";
import type { Channel, Delivery } from "./channel.ts";
import type { OutboxDatabase, Outstanding } from "./outbox_database.ts";

const FIRST_WAIT = 1_000;
/** The longest wait before an alert is tried again. */
const LONGEST_WAIT = 15 * 60_000;
/** The longest rest of a channel after failures: then other alerts have their turn. */
const LONGEST_REST = 60_000;
/** How long one attempt may take. */
const DEADLINE = 120_000;
/** How many failures in a row end a {@linkcode Courier.settle}. */
const ENOUGH_FAILURES = 3;

/** Delivers for one channel. */
export class Courier {
  readonly #channel: Channel;
  readonly #database: OutboxDatabase;
  readonly #logger: Logger;
  readonly #now: () => number;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;
  /** Resolved when there may be something to deliver. */
  #wake = Promise.withResolvers<void>();
  /** Resolved when a rest has to end. */
  #hurry = Promise.withResolvers<void>();
  /** Resolved and replaced after each attempt. */
  #attempted = Promise.withResolvers<void>();
  #failuresInARow = 0;
  #settling = 0;
  /** Failed attempts since the start. */
  failures = 0;

  /** Begins to deliver. */
  constructor(channel: Channel, database: OutboxDatabase, logger: Logger, now: () => number) {
    this.#channel = channel;
    this.#database = database;
    this.#logger = logger;
    this.#now = now;
    this.#running = this.#run();
  }

  /** The channel's name. */
  get name(): string {
    return this.#channel.name;
  }

  /** Tells it that there may be something to deliver. */
  wake(): void {
    this.#wake.resolve();
  }

  /** Tries everything outstanding once, unless the channel does not take anything now. */
  async settle(): Promise<void> {
    const before = this.#database.makeDue(this.name);
    this.#failuresInARow = 0;
    this.#settling++;
    this.#hurryUp();
    try {
      for (;;) {
        if (this.#stop.signal.aborted || this.#failuresInARow >= ENOUGH_FAILURES) return;
        const left = this.#database.attempts(this.name);
        if (![...left].some(([seq, attempts]) => attempts <= (before.get(seq) ?? -1))) return;
        await this.#attempted.promise;
      }
    } finally {
      this.#settling--;
    }
  }

  /** Ends it; what is outstanding stays so. */
  async stop(): Promise<void> {
    this.#stop.abort();
    this.#hurryUp();
    await this.#running;
    this.#attempted.resolve();
    this.#channel.close?.();
  }

  #hurryUp(): void {
    this.#hurry.resolve();
    this.wake();
  }

  async #run(): Promise<void> {
    for (;;) {
      this.#wake = Promise.withResolvers();
      this.#hurry = Promise.withResolvers();
      if (this.#stop.signal.aborted) return;
      const next = this.#database.next(this.name, this.#now(), LONGEST_WAIT);
      if (!next) {
        await this.#sleep(this.#untilNext(), this.#wake.promise);
        continue;
      }
      try {
        await this.#channel.deliver(next.notice, this.#delivery());
        this.#database.delivered(this.name, next.seq);
        this.#failuresInARow = 0;
      } catch (error) {
        if (this.#stop.signal.aborted) return;
        this.#failed(next, error);
      }
      this.#attempted.resolve();
      this.#attempted = Promise.withResolvers();
      if (this.#failuresInARow > 0 && this.#settling === 0) {
        // Alerts that are raised meanwhile must not wake it: the other side may be overwhelmed.
        const rest = backOff(this.#failuresInARow - 1, LONGEST_REST);
        await this.#sleep(rest, this.#hurry.promise);
      }
    }
  }

  #failed({ seq, attempts, notice: { id } }: Outstanding, error: unknown): void {
    const wait = backOff(attempts, LONGEST_WAIT);
    const told = { channel: this.name, alert: id, attempts: attempts + 1 };
    this.failures++;
    this.#failuresInARow++;
    this.#logger.warn("alert not delivered by {channel}: {why}", {
      ...told,
      why: reason(error),
      againInSeconds: wait / 1000,
    });
    try {
      this.#database.failed(this.name, seq, this.#now() + wait);
    } catch (error) {
      // A full disk, say: then it is as due as before, and the channel's rest has to do.
      this.#logger.error("failure not recorded: {why}", { ...told, why: reason(error) });
    }
  }

  #delivery(): Delivery {
    return {
      signal: AbortSignal.any([this.#stop.signal, AbortSignal.timeout(DEADLINE)]),
      recent: (count) => this.#database.recent(count),
    };
  }

  #untilNext(): number {
    const next = this.#database.nextTime(this.name);
    return next === null ? LONGEST_REST : Math.min(Math.max(next - this.#now(), 10), LONGEST_REST);
  }

  /** Waits, or until one of these. */
  async #sleep(milliseconds: number, ...until: Promise<void>[]): Promise<void> {
    const over = Promise.withResolvers<void>();
    const timer = setTimeout(over.resolve, milliseconds);
    await Promise.race([over.promise, ...until]);
    clearTimeout(timer);
  }
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function backOff(failures: number, longest: number): number {
  return Math.min(FIRST_WAIT * 2 ** Math.min(failures, 20), longest);
}
