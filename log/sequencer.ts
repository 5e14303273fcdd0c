/**
 * The sequencer: the one writer of the log, and the story of a batch.
 *
 * 1. **decide** (`unique.ts`): one question to the ledger; repeats and conflicts
 *    are told apart from new entries, which get their leaf indices;
 * 2. **hash** (`hash_pool.ts`): leaf hashes;
 * 3. **integrate** (`integrate.ts`): next tree, changed objects;
 * 4. **publish** (`publish.ts`): second opinion, sign, commit, apply, cosign, publish;
 * 5. **settle** the promises of the pool with receipts.
 *
 * A batch closes at most once per interval while the log is busy, and at once
 * when it has been idle that long. What storage refuses ({@linkcode NotStored})
 * fails the batch and the loop goes on; every other error ends the loop, and the
 * process: the next start reads the truth.
 *
 * @module
 */

import { type Entry, equalBytes, formatChecksum, parseEntry } from "@indelible/core";
import { type BatchReport, reportBatch } from "./batch_report.ts";
import { type Hasher, integrate } from "./integrate.ts";
import type { Group, Outcome, Pool, Receipt, Submission } from "./pool.ts";
import type { Publication, SignedTree } from "./publish.ts";
import { BatchProofs } from "./receipts.ts";
import { standingReceipt } from "./standing_receipt.ts";
import type { Standing } from "./startup.ts";
import { Damaged, NotStored } from "./storage/failure.ts";
import type { Ledger, NewIdentifiers, Refusal } from "./storage/ledger.ts";
import type { Objects, StoredObject } from "./storage/objects.ts";
import type { StoredLog } from "./stored_log.ts";
import { hashAt, packHashes } from "./tree.ts";
import { decide, type Decided, type Verdict } from "./unique.ts";

/** What the sequencer works with. */
export interface SequencerParts {
  /** Where submissions wait. */
  readonly pool: Pool;
  /** The transactional store. */
  readonly ledger: Ledger;
  /** The public store, asked for its free space. */
  readonly objects: Objects;
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
}

/** The most submissions in a batch; a bulk request brings up to 50,000. */
const MAX_BATCH = 65_536;

/** Writes the log, batch by batch; owns the head. */
export class Sequencer {
  readonly #parts: SequencerParts;
  /** The committed tree. */
  #head: SignedTree;
  /** Objects of the head that are committed but not yet applied. */
  #unapplied: readonly StoredObject[];
  /** Whether they are from before the start: what is there of them cannot be believed. */
  #inherited = true;
  /** Why the last batch was not published, if it was not. */
  #unpublished: string | null = null;
  /** The groups of the batch under way. */
  #underWay: readonly Group[] = [];

  /**
   * @param parts What it works with.
   * @param standing Where the log stands.
   */
  constructor(parts: SequencerParts, { head, unapplied }: Omit<Standing, "published">) {
    this.#parts = parts;
    this.#head = head;
    this.#unapplied = unapplied;
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
      if (wait > 0 && !pool.closed) await this.#pause(wait);
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
    return this.#unapplied.length === 0 &&
      this.#parts.publication.published?.size === this.#head.tree.size;
  }

  /** Lets a batch fill, but no longer than it takes to stop. */
  async #pause(milliseconds: number): Promise<void> {
    const { pool, monotonic } = this.#parts;
    const until = monotonic() + milliseconds;
    while (!pool.closed && pool.pending < MAX_BATCH) {
      const left = until - monotonic();
      if (left <= 0) return;
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, 50)));
    }
  }

  /**
   * Turns away those whose batch is still under way, because the process cannot
   * wait for it: it may yet be committed, so that a retry gets its index.
   */
  turnAway(why: string): void {
    for (const { submissions, resolve } of this.#underWay) {
      resolve(submissions.map(() => ({ kind: "unavailable", why })));
    }
  }

  async #batch(groups: readonly Group[], publishAgain = false): Promise<void> {
    this.#underWay = groups;
    const started = this.#parts.monotonic();
    const submissions = groups.flatMap(({ submissions }) => submissions);
    let outcomes: readonly Outcome[];
    let decided: Decided | undefined;
    let unpublished: string | null = null;
    try {
      // 1. Decide.
      decided = await this.#decide(submissions);
      // 2–4. Hash, integrate, publish.
      let proofs: BatchProofs | null = null;
      try {
        await this.#finishApplying();
        proofs = await this.#extend(decided);
        if (!this.#covered() || publishAgain) {
          unpublished = await this.#parts.publication.publish(this.#head);
        }
      } catch (error) {
        // What stands is still answered for: repeats get receipts, conflicts are kept.
        if (!(error instanceof NotStored)) throw error;
        unpublished = error.message;
      }
      await this.#keepRefusals(submissions, decided.verdicts);
      outcomes = await this.#outcomes(groups, decided.verdicts, proofs, unpublished);
    } catch (error) {
      const fatal = !(error instanceof NotStored);
      unpublished = fatal ? "the log has stopped" : (error as Error).message;
      outcomes = submissions.map((_, i) => this.#unavailable(decided?.verdicts[i], unpublished!));
      if (fatal) {
        settle(groups, outcomes);
        throw error;
      }
    }
    // 5. Settle.
    settle(groups, outcomes);
    this.#underWay = [];
    const { monotonic, onBatch } = this.#parts;
    const recovered = this.#unpublished !== null && unpublished === null;
    this.#unpublished = unpublished;
    if (submissions.length > 0 || unpublished !== null || recovered) {
      onBatch(
        reportBatch(
          this.size,
          submissions,
          decided?.verdicts ?? [],
          outcomes,
          unpublished,
          monotonic() - started,
        ),
      );
    }
  }

  /**
   * A batch that was committed before a crash, or when the disk was full, is
   * applied before anything else. After a crash the page cache may show bytes
   * that a failed fsync never wrote: all of them are written again.
   */
  async #finishApplying(): Promise<void> {
    if (this.#unapplied.length > 0) {
      await this.#parts.publication.apply(this.#unapplied, { fresh: this.#inherited });
    }
    this.#unapplied = [];
    this.#inherited = false;
  }

  async #decide(submissions: readonly Submission[]): Promise<Decided> {
    if (submissions.length === 0) return decide([], [], this.size);
    const keys = packHashes(submissions.map(({ key }) => key));
    return decide(
      submissions,
      await this.#parts.ledger.lookup(keys),
      this.size,
    );
  }

  /** Puts the new entries into the tree, committed and applied. */
  async #extend(
    { fresh, introduced, laterEvents }: Decided,
  ): Promise<BatchProofs | null> {
    if (fresh.length === 0) return null;
    const { hasher, publication } = this.#parts;
    await this.#checkFreeSpace();
    const before = this.#head.tree;
    const entries = fresh.map(({ bytes }) => bytes);
    const leaves = await hasher.leafHashes(entries);
    const integrated = await integrate(before, entries, leaves, hasher);
    const identifiers = newIdentifiers(introduced, leaves, before.size);
    this.#head = await publication.commit(before, integrated, {
      identifiers,
      laterEvents,
    });
    this.#unapplied = integrated.objects;
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
  async #keepRefusals(
    submissions: readonly Submission[],
    verdicts: readonly Verdict[],
  ): Promise<void> {
    const { ledger, timestamp } = this.#parts;
    const refusals = verdicts.flatMap((verdict, i): Refusal[] => {
      if (verdict.kind !== "conflict") return [];
      const { entry, writer } = submissions[i]!;
      return [{
        time: timestamp(),
        ecosystem: entry.ecosystem,
        filename: entry.file,
        checksum: formatChecksum(entry.digest),
        existing: {
          index: verdict.index,
          checksum: formatChecksum(verdict.digest),
        },
        publisher: writer,
      }];
    });
    if (refusals.length === 0) return;
    try {
      await ledger.refuse(refusals);
    } catch (error) {
      if (!(error instanceof NotStored)) throw error;
    }
  }

  async #outcomes(
    groups: readonly Group[],
    verdicts: readonly Verdict[],
    proofs: BatchProofs | null,
    unpublished: string | null,
  ): Promise<Outcome[]> {
    const { published } = this.#parts.publication;
    const outcomes: Outcome[] = [];
    for (const { submissions } of groups) {
      for (const { bytes, entry } of submissions) {
        const verdict = verdicts[outcomes.length]!;
        if (verdict.kind === "not-published-yet") {
          outcomes.push(verdict);
        } else if (!published || verdict.index >= published.size) {
          outcomes.push(this.#unavailable(verdict, unpublished ?? "not published in time"));
        } else if (verdict.kind === "new") {
          const { index } = verdict;
          const prove = () => ({ bytes, hashes: proofs!.inclusion(index) });
          outcomes.push({ kind: "logged", receipt: { index, published, prove } });
        } else {
          const receipt = standingReceipt(this.#parts.stored, verdict.index, published);
          // A bulk request may bring 50,000 repeats: those are read as they are answered.
          if (submissions.length === 1) await this.#checkStanding(verdict, entry, receipt);
          outcomes.push(
            verdict.kind === "repeat"
              ? { kind: "logged", receipt }
              : { kind: "conflict", digest: verdict.digest, existing: receipt },
          );
        }
      }
    }
    return outcomes;
  }

  /**
   * The ledger said which entry stands. The log itself has the last word, and a
   * ledger that disagrees is damaged.
   */
  async #checkStanding(
    verdict: Verdict & { readonly index: number },
    { file, digest }: Entry,
    { index, published }: Receipt,
  ): Promise<void> {
    const entry = parseEntry(await this.#parts.stored.entry(index, published.size));
    const expected = verdict.kind === "conflict" ? verdict.digest : digest;
    if (entry.file === file && equalBytes(entry.digest, expected)) return;
    throw new Damaged("ledger", `what it says of ${file} is not what entry ${index} says`);
  }

  /** 503; with the index only if it is certain that the entry has one. */
  #unavailable(verdict: Verdict | undefined, why: string): Outcome {
    const logged = verdict &&
      (verdict.kind === "new" || verdict.kind === "repeat") &&
      verdict.index < this.size;
    return {
      kind: "unavailable",
      why,
      ...(logged && { index: verdict.index }),
    };
  }
}

function newIdentifiers(
  introduced: Decided["introduced"],
  leaves: Uint8Array,
  size: number,
): NewIdentifiers {
  return {
    keys: packHashes(introduced.map(({ submission }) => submission.key)),
    digests: packHashes(
      introduced.map(({ submission }) => submission.entry.digest),
    ),
    leafHashes: packHashes(
      introduced.map(({ index }) => hashAt(leaves, index - size)),
    ),
    firstIndices: Float64Array.from(introduced, ({ index }) => index),
  };
}

/** Answers each group with its share of the outcomes. */
function settle(groups: readonly Group[], outcomes: readonly Outcome[]): void {
  let at = 0;
  for (const { submissions, resolve } of groups) {
    resolve(outcomes.slice(at, at += submissions.length));
  }
}
