/**
 * The budget of fetches: so many a minute, counted over runs, so that a program
 * that is killed and started again asks a registry no more than one that runs on.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";

const MINUTE = 60_000;

/** A token bucket; it holds at most one minute's worth. */
export interface Bucket {
  /** How many fetches may be made at once. */
  readonly tokens: number;
  /** When that was so, in milliseconds since 1970. */
  readonly at: number;
}

/**
 * Takes one token.
 *
 * @param bucket The bucket as it was left; `null` for a new one, which is full.
 * @param perMinute How many tokens a minute brings.
 * @param now What time it is; when the clock went back nothing is added.
 * @returns The bucket as it is now, and how long to wait before trying again; 0 when
 * the token was taken.
 */
export function takeToken(
  bucket: Bucket | null,
  perMinute: number,
  now: number,
): { readonly bucket: Bucket; readonly wait: number } {
  const passed = bucket ? Math.max(0, now - bucket.at) : 0;
  const tokens = bucket
    ? Math.min(perMinute, bucket.tokens + passed * perMinute / MINUTE)
    : perMinute;
  if (tokens >= 1) return { bucket: { tokens: tokens - 1, at: now }, wait: 0 };
  return { bucket: { tokens, at: now }, wait: Math.ceil((1 - tokens) * MINUTE / perMinute) };
}

/** Where a bucket is kept. */
export interface BucketStore {
  /** The bucket as it was left; `null` before the first time. */
  loadBucket(): Bucket | null;
  /** Keeps it. */
  saveBucket(bucket: Bucket): void;
}

/** Lets fetches go one after the other, as the budget allows. */
export class Pace {
  readonly #store: BucketStore;
  readonly #perMinute: number;
  readonly #now: () => number;

  /**
   * @param store Keeps the bucket.
   * @param perMinute How many fetches a minute.
   * @param now Milliseconds since 1970.
   */
  constructor(store: BucketStore, perMinute: number, now: () => number = Date.now) {
    this.#store = store;
    this.#perMinute = perMinute;
    this.#now = now;
  }

  /**
   * Waits for a turn.
   *
   * @param signal Ends the waiting.
   */
  async turn(signal: AbortSignal): Promise<void> {
    for (;;) {
      signal.throwIfAborted();
      const { bucket, wait } = takeToken(this.#store.loadBucket(), this.#perMinute, this.#now());
      this.#store.saveBucket(bucket);
      if (wait === 0) return;
      // Its own error says nothing; the signal's reason is thrown above.
      await delay(wait, undefined, { signal }).catch(() => {});
    }
  }
}
