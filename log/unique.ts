/**
 * The promise of the log, decided: at most one digest per identifier, for ever.
 * Pure: what the log's entries say of a batch's identifiers comes in, a verdict on
 * each submission comes out, in order, as if they had come one by one. Step 1 of
 * `sequencer.ts`, the only place that gives out leaf indices.
 *
 * A `publish` of the logged digest is a repeat, whoever sends it. Every other
 * event must name the logged digest and gets a leaf of its own, unless it is
 * already the newest entry about its file.
 *
 * Submissions that are new and alone in their batch, nearly all of an import, cost
 * no object: two of one identifier are found by their fingerprints, and only those
 * are taken apart and compared.
 *
 * @module
 */

import { type Entry, equalBytes, type Hash, leafHash } from "@indelible/core";
import { LATER_EVENT } from "./entry_fingerprint.ts";

/** What the log's entries say of one submission's identifier. */
export interface Known {
  /** The submission's place in the batch. */
  readonly position: number;
  /** Leaf index of the entry that published the file. */
  readonly firstIndex: number;
  /** The one digest of this identifier, if the submission names another one. */
  readonly otherDigest: Hash | null;
  /** Leaf index of the newest entry about it. */
  readonly newestIndex: number;
  /** That entry's leaf hash; `null` when it is the publication, or the submission is one. */
  readonly newestHash: Hash | null;
}

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
  /** The places of the submissions that get a leaf, in the order of their indices. */
  readonly fresh: readonly number[];
  /** For each identifier that got a later entry: its first leaf index and its newest. */
  readonly laterEvents: readonly { readonly firstIndex: number; readonly newestIndex: number }[];
}

/** A batch as far as it matters here. */
export interface Undecided {
  /** How many submissions it has. */
  readonly count: number;
  /** What the i-th says. */
  entry(i: number): Entry;
  /** Its canonical bytes. */
  bytes(i: number): Uint8Array;
}

interface Standing {
  readonly firstIndex: number;
  /** The one digest, of a file that is new with this batch; `Known` has compared the others. */
  readonly digest: Hash | null;
  newestIndex: number;
  newestHash: Hash | null;
}

/**
 * Decides a batch.
 *
 * @param batch The submissions, oldest first.
 * @param fingerprints Two uint32 for each, see `entry_fingerprint.ts`.
 * @param known What the log's entries say, in the order of the submissions.
 * @param size The tree size: the next leaf index.
 */
export function decide(
  batch: Undecided,
  fingerprints: Uint32Array,
  known: readonly Known[],
  size: number,
): Decided {
  const namesakes = firstOfEach(batch, fingerprints);
  /** By the place of the first submission about an identifier. */
  const standings = new Map<number, Standing>();
  const verdicts: Verdict[] = [];
  const fresh: number[] = [];
  const later = new Set<Standing>();
  let nextKnown = 0;

  for (let i = 0; i < batch.count; i++) {
    const index = size + fresh.length;
    const publishes = fingerprints[2 * i]! < LATER_EVENT;
    const first = namesakes.get(i) ?? i;
    const logged = known[nextKnown]?.position === i ? known[nextKnown++]! : null;
    let standing = standings.get(first);
    if (logged && !standing) {
      const { firstIndex, newestIndex, newestHash } = logged;
      // A publication does not ask for the newest entry's hash, and does not need it.
      standing = { firstIndex, digest: null, newestIndex, newestHash };
      if (!publishes) standings.set(first, standing);
    }
    if (!standing) {
      if (!publishes) {
        verdicts.push({ kind: "not-published-yet" });
        continue;
      }
      // Only where others about it follow does it matter what it says.
      if (namesakes.has(i)) {
        const { digest } = batch.entry(i);
        standings.set(first, { firstIndex: index, digest, newestIndex: index, newestHash: null });
      }
      fresh.push(i);
      verdicts.push({ kind: "new", index });
      continue;
    }
    const { firstIndex } = standing;
    const otherDigest = logged ? logged.otherDigest : otherThan(standing.digest!, batch.entry(i));
    if (otherDigest) {
      verdicts.push({ kind: "conflict", index: firstIndex, digest: otherDigest });
      continue;
    }
    if (publishes) {
      verdicts.push({ kind: "repeat", index: firstIndex });
      continue;
    }
    const hash = leafHash(batch.bytes(i));
    if (standing.newestHash && equalBytes(standing.newestHash, hash)) {
      verdicts.push({ kind: "repeat", index: standing.newestIndex });
      continue;
    }
    standing.newestIndex = index;
    standing.newestHash = hash;
    later.add(standing);
    fresh.push(i);
    verdicts.push({ kind: "new", index });
  }
  return { verdicts, fresh, laterEvents: [...later] };
}

/** The one digest of a file, if an entry names another one. */
function otherThan(digest: Hash, entry: Entry): Hash | null {
  return equalBytes(digest, entry.digest) ? null : digest;
}

/** The first submission about the same identifier, for those that have another beside them. */
function firstOfEach(batch: Undecided, fingerprints: Uint32Array): Map<number, number> {
  const firsts = new Map<number, number>();
  /** By 53 bits of the fingerprint: the places of submissions, the first of each identifier. */
  const seen = new Map<number, number | number[]>();
  for (let i = 0; i < batch.count; i++) {
    const key = (fingerprints[2 * i]! & 0x1f_ffff) * 2 ** 32 + fingerprints[2 * i + 1]!;
    const before = seen.get(key);
    if (before === undefined) {
      seen.set(key, i);
      continue;
    }
    const places = typeof before === "number" ? [before] : before;
    const { ecosystem, file } = batch.entry(i);
    const first = places.find((place) => {
      const entry = batch.entry(place);
      return entry.file === file && entry.ecosystem === ecosystem;
    });
    if (first === undefined) seen.set(key, [...places, i]);
    else firsts.set(i, first).set(first, first);
  }
  return firsts;
}
