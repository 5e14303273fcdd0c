/**
 * What a batch came to, for the operator's log and the metrics: among others,
 * which publisher wrote which leaf indices.
 *
 * @module
 */

import type { Batch } from "./batch.ts";
import type { Verdict } from "./unique.ts";

/** What a batch came to, for logs and metrics. */
export interface BatchReport {
  /** The tree size after it. */
  readonly size: number;
  /** How many submissions it held. */
  readonly submissions: number;
  /** How many got a leaf. */
  readonly added: number;
  /** How many were refused for a second digest. */
  readonly conflicts: number;
  /** By publisher: the leaf indices it added, as ranges `from-to`. */
  readonly writers: Readonly<Record<string, readonly string[]>>;
  /** Milliseconds from closing the batch to settling it. */
  readonly milliseconds: number;
  /** Why the batch is not published, if it is not. */
  readonly unpublished: string | null;
}

/**
 * Reports a batch.
 *
 * @param size The tree size after it.
 * @param batch What it held.
 * @param verdicts What was decided; empty when it did not come to that.
 * @param unpublished Why it is not published, if it is not.
 * @param milliseconds How long it took.
 */
export function reportBatch(
  size: number,
  batch: Batch,
  verdicts: readonly Verdict[],
  unpublished: string | null,
  milliseconds: number,
): BatchReport {
  // By name in a Map: a publisher may be called `constructor`.
  const ranges = new Map<string, { from: number; to: number }[]>();
  let added = 0;
  verdicts.forEach((verdict, i) => {
    if (verdict.kind !== "new" || verdict.index >= size) return;
    added++;
    const writer = batch.writer(i) ?? "-";
    const own = ranges.get(writer) ?? [];
    ranges.set(writer, own);
    const last = own.at(-1);
    if (last?.to === verdict.index - 1) last.to = verdict.index;
    else own.push({ from: verdict.index, to: verdict.index });
  });
  const writers = Object.fromEntries(
    [...ranges].map(([writer, own]) => [writer, own.map(({ from, to }) => `${from}-${to}`)]),
  );
  return {
    size,
    submissions: batch.count,
    added,
    conflicts: verdicts.filter(({ kind }) => kind === "conflict").length,
    writers,
    milliseconds,
    unpublished,
  };
}
