/**
 * The promise of the log, decided: at most one digest per identifier, for ever.
 * Pure: what the ledger knows of a batch's identifiers comes in, a verdict on
 * each submission comes out, in order, as if they had come one by one. Step 1 of
 * `sequencer.ts`, the only place that gives out leaf indices.
 *
 * A `publish` of the logged digest is a repeat, whoever sends it. Every other
 * event must name the logged digest and gets a leaf of its own, unless it is
 * already the newest entry about its file.
 *
 * @module
 */

import { equalBytes, type Hash, leafHash } from "@indelible/core";
import type { Submission } from "./pool.ts";
import type { Known } from "./storage/ledger.ts";

/** What is decided about one submission. */
export type Verdict =
  | { readonly kind: "new"; readonly index: number }
  | { readonly kind: "repeat"; readonly index: number }
  | { readonly kind: "conflict"; readonly index: number; readonly digest: Hash }
  | { readonly kind: "not-published-yet" };

/** The verdicts on a batch and what they change. */
export interface Decided {
  /** One for each submission, in order. */
  readonly verdicts: readonly Verdict[];
  /** The submissions that get a leaf, in the order of their indices. */
  readonly fresh: readonly Submission[];
  /** Those of `fresh` that introduce an identifier. */
  readonly introduced: readonly {
    readonly submission: Submission;
    readonly index: number;
  }[];
  /** The newest entry of each identifier that got a later one. */
  readonly laterEvents: readonly {
    readonly key: Hash;
    readonly newestIndex: number;
    readonly newestHash: Hash;
  }[];
}

interface Standing {
  readonly firstIndex: number;
  readonly digest: Hash;
  newestIndex: number;
  newestHash: Hash | null;
}

/**
 * Decides a batch.
 *
 * @param submissions The batch, oldest first.
 * @param known What the ledger knows; `position` counts within `submissions`.
 * @param size The tree size: the next leaf index.
 */
export function decide(
  submissions: readonly Submission[],
  known: readonly Known[],
  size: number,
): Decided {
  const standings = new Map<string, Standing>();
  const nameOf = ({ entry }: Submission) => `${entry.ecosystem}\n${entry.file}`;
  for (const { position, ...standing } of known) {
    standings.set(nameOf(submissions[position]!), standing);
  }
  const verdicts: Verdict[] = [];
  const fresh: Submission[] = [];
  const introduced: { submission: Submission; index: number }[] = [];
  const later = new Map<
    string,
    { key: Hash; newestIndex: number; newestHash: Hash }
  >();

  for (const submission of submissions) {
    const { entry, bytes, key } = submission;
    const name = nameOf(submission);
    const standing = standings.get(name);
    const index = size + fresh.length;
    if (!standing) {
      if (entry.event !== "publish") {
        verdicts.push({ kind: "not-published-yet" });
        continue;
      }
      standings.set(name, {
        firstIndex: index,
        digest: entry.digest,
        newestIndex: index,
        newestHash: null,
      });
      introduced.push({ submission, index });
    } else if (!equalBytes(standing.digest, entry.digest)) {
      verdicts.push({
        kind: "conflict",
        index: standing.firstIndex,
        digest: standing.digest,
      });
      continue;
    } else if (entry.event === "publish") {
      verdicts.push({ kind: "repeat", index: standing.firstIndex });
      continue;
    } else {
      const hash = leafHash(bytes);
      if (standing.newestHash && equalBytes(standing.newestHash, hash)) {
        verdicts.push({ kind: "repeat", index: standing.newestIndex });
        continue;
      }
      standing.newestIndex = index;
      standing.newestHash = hash;
      later.set(name, { key, newestIndex: index, newestHash: hash });
    }
    fresh.push(submission);
    verdicts.push({ kind: "new", index });
  }
  return { verdicts, fresh, introduced, laterEvents: [...later.values()] };
}
