/**
 * A batch: all submissions that the sequencer took from the pool at once, in order, and
 * whose they are.
 *
 * @module
 */

import { type Entry, type EntrySlab, packEntries } from "@indelible/core";
import type { Group, OutcomeOf } from "./pool.ts";
import { Submissions } from "./submissions.ts";

/** The submissions of some groups, counted from 0 over all of them. */
export class Batch {
  readonly #groups: readonly Group[];
  readonly #submissions: Submissions;
  /** Where each group ends. */
  readonly #ends: readonly number[];

  /** @param groups What was taken, oldest first; none for a batch that only publishes. */
  constructor(groups: readonly Group[]) {
    this.#groups = groups;
    this.#submissions = groups.length === 1 ? groups[0]!.submissions : joined(groups);
    let end = 0;
    this.#ends = groups.map(({ submissions }) => end += submissions.count);
  }

  /** How many submissions there are. */
  get count(): number {
    return this.#submissions.count;
  }

  /** The canonical bytes of all of them, not copied. */
  get slab(): EntrySlab {
    return this.#submissions.slab;
  }

  /** The canonical bytes of those at some places, copied only when they are not all. */
  slabOf(places: readonly number[]): EntrySlab {
    return places.length === this.count ? this.slab : packEntries(places.map((i) => this.bytes(i)));
  }

  /** Where the i-th starts in the slab's bytes. */
  start(i: number): number {
    return this.#submissions.start(i);
  }

  /** Where the i-th ends there. */
  end(i: number): number {
    return this.#submissions.end(i);
  }

  /** The canonical bytes of the i-th, not copied. */
  bytes(i: number): Uint8Array {
    return this.#submissions.entryBytes(i);
  }

  /** What the i-th says. */
  entry(i: number): Entry {
    return this.#submissions.entry(i);
  }

  /** The publisher that sent the i-th; `null` on a log without publishers. */
  writer(i: number): string | null {
    let [low, high] = [0, this.#ends.length - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (i < this.#ends[middle]!) high = middle;
      else low = middle + 1;
    }
    return this.#groups[low]!.writerOf(i - (this.#ends[low - 1] ?? 0));
  }

  /** Answers all of them. */
  resolve(outcomeOf: OutcomeOf): void {
    let first = 0;
    for (const group of this.#groups) {
      const from = first;
      group.resolve((i) => outcomeOf(from + i));
      first += group.submissions.count;
    }
  }
}

function joined(groups: readonly Group[]): Submissions {
  const all = new Submissions();
  for (const { submissions } of groups) all.appendAll(submissions);
  return all;
}
