/**
 * Bulk requests, one after the other: each may hold 64 MiB. While one is sequenced the
 * next is read, and no third.
 *
 * @module
 */

/** Gives bulk requests their turns. */
export class BulkTurns {
  readonly #maxWaiting: number;
  #waiting = 0;
  #read: Promise<unknown> = Promise.resolve();
  #sequenced: Promise<unknown> = Promise.resolve();
  #sequencedBefore: Promise<unknown> = Promise.resolve();

  /** @param maxWaiting How many may wait or be under way. */
  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  /** Whether one more would be too many. */
  get full(): boolean {
    return this.#waiting >= this.#maxWaiting;
  }

  /**
   * Handles a request when it has its turn.
   *
   * @param read Reads it.
   * @param sequence Has it sequenced; requests come to it in the order of the calls.
   */
  async take<T, R>(read: () => Promise<T>, sequence: (lines: T) => Promise<R>): Promise<R> {
    this.#waiting++;
    const lines = Promise.all([this.#read, this.#sequencedBefore]).then(read);
    const done = lines.then(sequence);
    this.#read = lines.catch(() => {});
    this.#sequencedBefore = this.#sequenced;
    this.#sequenced = done.catch(() => {});
    try {
      return await done;
    } finally {
      this.#waiting--;
    }
  }
}
