/**
 * Trying again what may succeed a moment later: waits double from half a second
 * to half a minute, or are what the other side asked for.
 *
 * @module
 */

import { Unreachable } from "./http_client.ts";

/** The other side is there but cannot now (HTTP 429, 503). */
export class TryLater extends Error {
  /** Tells it from other errors. */
  override readonly name = "TryLater";
  /** What it asked for, in seconds; `null` when it did not say. */
  readonly after: number | null;

  /**
   * Makes the error.
   *
   * @param message What it said.
   * @param after In how many seconds it asked to be tried again.
   */
  constructor(message: string, after: number | null) {
    super(message);
    this.after = after;
  }
}

/** The seconds of a `Retry-After` header; dates and nonsense count as none. */
export function retryAfter(headers: Headers): number | null {
  const value = headers.get("retry-after");
  return value !== null && /^[0-9]{1,6}$/.test(value) ? Number(value) : null;
}

/** How long and how to try again. */
export interface RetryOptions {
  /** Gives up after so many milliseconds without success. */
  readonly patience: number;
  /** Which failures are worth another try. */
  readonly worthwhile?: (error: unknown) => boolean;
  /** Told before each wait. */
  readonly onWait?: (error: Error, seconds: number) => void;
  /** Ends the waiting. */
  readonly signal?: AbortSignal;
}

const FIRST_WAIT = 0.5;
const LONGEST_WAIT = 30;

/** Whether a failure may be gone a moment later. */
export function isPassing(error: unknown): boolean {
  return error instanceof TryLater || error instanceof Unreachable;
}

/**
 * Does something until it succeeds, or fails for good.
 *
 * @param attempt What to do.
 * @param options How long to go on.
 * @throws The last failure.
 */
export async function retrying<T>(
  attempt: () => Promise<T>,
  options: RetryOptions,
): Promise<T> {
  const { patience, worthwhile = isPassing, onWait, signal } = options;
  const deadline = performance.now() + patience;
  for (let wait = FIRST_WAIT;; wait = Math.min(wait * 2, LONGEST_WAIT)) {
    try {
      return await attempt();
    } catch (error) {
      const asked = error instanceof TryLater ? error.after : null;
      const seconds = Math.min(asked ?? wait, LONGEST_WAIT);
      const late = performance.now() + seconds * 1000 > deadline;
      if (!worthwhile(error) || late) throw error;
      onWait?.(error as Error, seconds);
      await sleep(seconds * 1000, signal);
    }
  }
}

/** Waits, unless the signal aborts first. */
async function sleep(
  milliseconds: number,
  signal?: AbortSignal,
): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const aborted = (): void => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}
