/**
 * The sequencer: the one writer of the log, and the story of a batch.
 *
 * 1. **decide** (`identifiers.ts`, `unique.ts`): what the log's entries say; repeats
 *    and conflicts are told apart from new entries, which get their leaf indices;
 * 2. **hash** (`hash_pool.ts`): leaf hashes and the nodes above them;
 * 3. **integrate** (`integrate.ts`): next tree, changed objects;
 * 4. **publish** (`publish.ts`): second opinion, sign, commit, apply, cosign, publish;
 * 5. **settle** the promises of the pool with receipts.
 *
 * A batch closes at most once per interval while the log is busy, and at once when it
 * has been idle that long, or when a batch is full. What storage refuses ({@linkcode NotStored})
 * fails the batch and the loop goes on; every other error ends the loop, and the
 * process: the next start reads the truth.
 *
 * @module
 */

import { formatChecksum, MAX_LEAVES } from "@indelible/core";
import { Batch } from "./batch.ts";
import { type BatchReport, reportBatch } from "./batch_report.ts";
import type { CommittedObjects } from "./committed_objects.ts";
import type { Identifiers } from "./identifiers.ts";
import { type Hasher, integrate } from "./integrate.ts";
import type { Group, Outcome, OutcomeOf, Pool } from "./pool.ts";
import type { Publication, SignedTree } from "./publish.ts";
import { BatchProofs, FreshReceipt } from "./receipts.ts";
import { standingReceipt } from "./standing_receipt.ts";
import { NotStored } from "./storage/failure.ts";
import type { Ledger, Refusal } from "./storage/ledger.ts";
import type { Objects } from "./storage/objects.ts";
import type { StoredLog } from "./stored_log.ts";
import { decide, type Decided, type Verdict } from "./unique.ts";

/** What the sequencer works with. */
export interface SequencerParts {
  /** Where submissions wait. */
  readonly pool: Pool;
  /** The transactional store. */
  readonly ledger: Ledger;
  /** The public store, asked for its free space. */
  readonly objects: Objects;
  /** What is committed, applied or not. */
  readonly committed: CommittedObjects;
  /** Which files are logged. */
  readonly identifiers: Identifiers;
  /** Hashes in bulk. */
  readonly hasher: Hasher;
  /** Commits and publishes. */
  readonly publication: Publication;
  /** Reads entries and proofs back. */
  readonly stored: StoredLog;
  /** Milliseconds between batches while busy. */
  readonly interval: number;
  /** Refuse new entries when fewer bytes are free. */
  readonly freeSpaceFloor: number;
  /** Milliseconds that only go forward. */
  readonly monotonic: () => number;
  /** The time in RFC 3339, for refusals. */
  readonly timestamp: () => string;
  /** Told of every batch. */
  readonly onBatch: (report: BatchReport) => void;
  /** Told of second digests that were refused. */
  readonly onRefusals?: (refusals: readonly Refusal[]) => void;
}

/** The most submissions in a batch; a bulk request brings up to 50,000. */
const MAX_BATCH = 65_536;
/** So many are worth a checkpoint of their own before the interval is over. */
const FULL_BATCH = 4096;

/** Writes the log, batch by batch; owns the head. */
export class Sequencer {
  readonly #parts: SequencerParts;
  /** The committed tree. */
  #head: SignedTree;
  /** Whether what is unapplied is from before the start: what is there of it cannot be believed. */
  #inherited = true;
  /** Why the last batch was not published, if it was not. */
  #unpublished: string | null = null;
  /** The groups of the batch under way. */
  #underWay: readonly Group[] = [];

  /**
   * @param parts What it works with.
   * @param head The committed tree.
   */
  constructor(parts: SequencerParts, head: SignedTree) {
    this.#parts = parts;
    this.#head = head;
  }

  /** The committed tree size. */
  get size(): number {
    return this.#head.tree.size;
  }

  /**
   * Runs until the pool is closed and empty.
   *
   * @throws {Error} If an invariant is broken or an outcome unknown: stop the process.
   */
  async run(): Promise<void> {
    const { pool, interval, monotonic } = this.#parts;
    let closedAt = -Infinity;
    while (!pool.closed || pool.pending > 0) {
      await pool.arrival(this.#covered() ? null : interval);
      const wait = closedAt + interval - monotonic();
      // Lets a batch fill, but no longer than it takes to stop.
      if (wait > 0) await pool.arrival(wait, FULL_BATCH);
      closedAt = monotonic();
      const groups = pool.take(MAX_BATCH);
      if (groups.length > 0 || !this.#covered()) await this.#batch(groups);
    }
  }

  /**
   * At start: signs the committed tree with today's keys, if it is not yet, and
   * publishes it, if that is still to be done. Without a quorum it is not an
   * error: the next batch covers it.
   *
   * @param again Publish it even if it was: the witnesses are asked what they know.
   * @throws {LogBehindWitness} If a witness holds a larger tree.
   */
  async publishHead(again = false): Promise<void> {
    const { note } = this.#head;
    try {
      this.#head = await this.#parts.publication.resign(this.#head);
    } catch (error) {
      // A full disk must not stop the start; the next batch is signed by all keys anyway.
      if (!(error instanceof NotStored)) throw error;
    }
    const resigned = this.#head.note !== note;
    if (again || resigned || !this.#covered()) await this.#batch([], again || resigned);
  }

  /** Whether all that is committed is published. */
  #covered(): boolean {
    return this.#parts.committed.unapplied.length === 0 &&
      this.#parts.publication.published?.size === this.#head.tree.size;
  }

  /**
   * Turns away those whose batch is still under way, because the process cannot
   * wait for it: it may yet be committed, so that a retry gets its index.
   */
  turnAway(why: string): void {
    for (const group of this.#underWay) group.resolve(() => ({ kind: "unavailable", why }));
  }

  async #batch(groups: readonly Group[], publishAgain = false): Promise<void> {
    this.#underWay = groups;
    const started = this.#parts.monotonic();
    const batch = new Batch(groups);
    let decided: Decided | undefined;
    let proofs: BatchProofs | null = null;
    let unpublished: string | null = null;
    try {
      // 1. Decide.
      const { known, fingerprints } = await this.#parts.identifiers.lookUp(batch, this.size);
      decided = decide(batch, fingerprints, known, this.size);
      // 2–4. Hash, integrate, publish.
      try {
        await this.#finishApplying();
        proofs = await this.#extend(batch, fingerprints, decided);
        if (!this.#covered() || publishAgain) {
          unpublished = await this.#parts.publication.publish(this.#head);
        }
      } catch (error) {
        // What stands is still answered for: repeats get receipts, conflicts are kept.
        if (!(error instanceof NotStored)) throw error;
        unpublished = error.message;
      }
      await this.#keepRefusals(batch, decided.verdicts);
      // 5. Settle.
      batch.resolve(this.#outcomesOf(batch, decided.verdicts, proofs, unpublished));
      await this.#parts.publication.recorded();
    } catch (error) {
      const fatal = !(error instanceof NotStored);
      unpublished = fatal ? "the log has stopped" : (error as Error).message;
      const { size } = this;
      batch.resolve((i) => unavailable(decided?.verdicts[i], size, unpublished!));
      if (fatal) throw error;
    }
    this.#underWay = [];
    this.#report(batch, decided, unpublished, this.#parts.monotonic() - started);
    // Nobody waits for it, and the next batch is yet to come.
    if (this.#parts.committed.unapplied.length === 0) await this.#parts.identifiers.keep(this.size);
  }

  #report(
    batch: Batch,
    decided: Decided | undefined,
    unpublished: string | null,
    milliseconds: number,
  ): void {
    const recovered = this.#unpublished !== null && unpublished === null;
    this.#unpublished = unpublished;
    if (batch.count === 0 && unpublished === null && !recovered) return;
    const verdicts = decided?.verdicts ?? [];
    this.#parts.onBatch(reportBatch(this.size, batch, verdicts, unpublished, milliseconds));
  }

  /**
   * A batch that was committed before a crash, or when the disk was full, is
   * applied before anything else. After a crash the page cache may show bytes
   * that a failed fsync never wrote: all of them are written again.
   */
  async #finishApplying(): Promise<void> {
    const { committed, publication } = this.#parts;
    if (committed.unapplied.length > 0) {
      await publication.apply(committed.unapplied, { fresh: this.#inherited });
    }
    committed.applied();
    this.#inherited = false;
  }

  /** Puts the new entries into the tree, committed and applied. */
  async #extend(
    batch: Batch,
    fingerprints: Uint32Array,
    decided: Decided,
  ): Promise<BatchProofs | null> {
    const { fresh } = decided;
    if (fresh.length === 0) return null;
    const { hasher, publication, committed, identifiers } = this.#parts;
    const before = this.#head.tree;
    checkRoom(before.size + fresh.length);
    await this.#checkFreeSpace();
    const entries = batch.slabOf(fresh);
    const rows = await hasher.growRows(before, entries);
    const integrated = integrate(before, entries, rows);
    this.#head = await publication.commit(before, integrated);
    // Committed: from here on the files are logged, whatever becomes of the rest.
    identifiers.add(fingerprints, decided, before.size);
    committed.committed(integrated.objects);
    await this.#finishApplying();
    return new BatchProofs(integrated);
  }

  async #checkFreeSpace(): Promise<void> {
    const { objects, freeSpaceFloor } = this.#parts;
    const free = await objects.freeBytes();
    if (free === null || free >= freeSpaceFloor) return;
    throw new NotStored("full", `the log's disk has only ${free} bytes free`);
  }

  /** Conflicts are evidence; losing one to a full disk must not fail the batch. */
  async #keepRefusals(batch: Batch, verdicts: readonly Verdict[]): Promise<void> {
    const { ledger, timestamp } = this.#parts;
    const refusals = verdicts.flatMap((verdict, i): Refusal[] => {
      if (verdict.kind !== "conflict") return [];
      const { ecosystem, file, digest } = batch.entry(i);
      return [{
        time: timestamp(),
        ecosystem,
        filename: file,
        checksum: formatChecksum(digest),
        existing: {
          index: verdict.index,
          checksum: formatChecksum(verdict.digest),
        },
        publisher: batch.writer(i),
      }];
    });
    if (refusals.length === 0) return;
    this.#parts.onRefusals?.(refusals);
    try {
      await ledger.refuse(refusals);
    } catch (error) {
      if (!(error instanceof NotStored)) throw error;
    }
  }

  #outcomesOf(
    batch: Batch,
    verdicts: readonly Verdict[],
    proofs: BatchProofs | null,
    unpublished: string | null,
  ): OutcomeOf {
    const { stored, publication: { published } } = this.#parts;
    const { size } = this; // Answers may be made when it is another.
    return (i) => {
      const verdict = verdicts[i]!;
      if (verdict.kind === "not-published-yet") return { ...verdict, file: batch.entry(i).file };
      const { index } = verdict;
      if (!published || index >= published.size) {
        return unavailable(verdict, size, unpublished ?? "not published in time");
      }
      switch (verdict.kind) {
        case "new": {
          const receipt = new FreshReceipt(index, published, proofs!, () => batch.bytes(i));
          return { kind: "logged", receipt };
        }
        case "repeat":
          return { kind: "logged", receipt: standingReceipt(stored, index, published) };
        case "conflict": {
          const existing = standingReceipt(stored, index, published);
          return { kind: "conflict", digest: verdict.digest, existing };
        }
      }
    };
  }
}

/** 503; with the index only if it is certain that the entry has one. */
function unavailable(verdict: Verdict | undefined, size: number, why: string): Outcome {
  const logged = (verdict?.kind === "new" || verdict?.kind === "repeat") && verdict.index < size;
  return { kind: "unavailable", why, ...(logged && { index: verdict.index }) };
}

/** An index beyond the table would be one that no later digest is compared with. */
function checkRoom(size: number): void {
  if (size <= MAX_LEAVES) return;
  throw new NotStored("full", `the log is full: it takes ${MAX_LEAVES} entries`);
}
