/**
 * A log, put together: storage, start-up, sequencer, HTTP. The programs
 * (`main.ts`, `deploy/start.ts`) and the tests open one with the parts they want.
 *
 * @module
 */

import { type Policy, quorumHolds } from "@indelible/core";
import { DEFAULT_PACE } from "@indelible/core/request_body";
import type { BatchReport } from "./batch_report.ts";
import { EvidenceFolder } from "./evidence_folder.ts";
import { Growth } from "./growth.ts";
import { HashPool } from "./hash_pool.ts";
import { httpHandler } from "./http.ts";
import { PageHandler } from "./http_page.ts";
import { ReadHandler } from "./http_read.ts";
import { WriteHandler } from "./http_write.ts";
import type { Hasher } from "./integrate.ts";
import { LiveFeed } from "./live_feed.ts";
import { loadIdentifiers } from "./load_identifiers.ts";
import type { LogKeys } from "./log_keys.ts";
import { Metrics } from "./metrics.ts";
import { PageFiles } from "./page_files.ts";
import { Pool } from "./pool.ts";
import { Publication } from "./publish.ts";
import type { Publishers } from "./publishers.ts";
import { ANY_ORIGIN, json } from "./respond.ts";
import { openSearch } from "./search/open_search.ts";
import { type Opinion, startSecondOpinion } from "./second_opinion_face.ts";
import { Sequencer } from "./sequencer.ts";
import { standingOf } from "./startup.ts";
import { StatusHandler } from "./status.ts";
import type { BlockFile } from "./storage/block_file.ts";
import type { Ledger } from "./storage/ledger.ts";
import type { Objects } from "./storage/objects.ts";
import { StoredLog } from "./stored_log.ts";
import { Witnesses } from "./witnesses.ts";

/** What happens inside, for the operator's log. */
export interface LogEvents {
  /** A batch was sequenced. */
  batch(report: BatchReport): void;
  /** Witnesses did not cosign; `quorum` says whether the others were enough. */
  witnessFailure(failures: readonly string[], quorum: boolean): void;
  /** At start entries are read to find out which files are logged: so many of them are. */
  identifiersDerived(leaves: number, size: number): void;
  /** Something failed and was recovered from, or one request failed. */
  fault(error: unknown, where: string): void;
}

/** What a log is made of. */
export interface LogOptions {
  /** Its keys. */
  readonly keys: LogKeys;
  /** The transactional store. */
  readonly ledger: Ledger;
  /** The public store. */
  readonly objects: Objects;
  /** Where fingerprints are kept for a quick start; without one every start reads all entries. */
  readonly identifierFile?: BlockFile;
  /** The data folder, for what the page needs besides: the search index and the growth; without one both are in memory. */
  readonly folder?: string;
  /** A monitor's folder of evidence that the log shows; none by default. */
  readonly evidenceFolder?: string;
  /** The witnesses and their quorum; without one nothing is cosigned. */
  readonly policy?: Policy;
  /** Milliseconds that each witness has to answer; 5,000 by default. */
  readonly witnessTimeout?: number;
  /** Publish without a quorum; off by default. */
  readonly witnessFailOpen?: boolean;
  /** Who may write now; by default nobody but this machine itself. */
  readonly publishers?: () => Publishers | null;
  /** Milliseconds between batches while busy; 1,000 by default. */
  readonly batchInterval?: number;
  /** How many adds may wait; 16,384 by default. */
  readonly maxPending?: number;
  /** Refuse new entries when fewer bytes are free; 64 MiB by default. */
  readonly freeSpaceFloor?: number;
  /** Milliseconds in which a request's body must have come; 30,000 by default. */
  readonly bodyTimeout?: number;
  /** The disk cannot be written: answer reads, refuse writes. */
  readonly readOnly?: boolean;
  /** Told of what happens. */
  readonly events?: Partial<LogEvents>;
  /** Hashes in bulk; by default a pool of workers. */
  readonly hasher?: Hasher & { close(): void };
  /** Starts the second opinion; by default a worker. */
  readonly startOpinion?: typeof startSecondOpinion;
  /** Milliseconds that only go forward. */
  readonly monotonic?: () => number;
  /** The time in RFC 3339, for refusals. */
  readonly timestamp?: () => string;
}

/** An open log. */
export interface Log {
  /** Answers a request. */
  readonly handler: (request: Request) => Promise<Response>;
  /** Resolves when the log is stopped; rejects when an invariant broke: exit at once. */
  readonly finished: Promise<void>;
  /** The committed tree size. */
  readonly size: () => number;
  /**
   * Turns new writes away, finishes those that wait, and releases the workers.
   *
   * @param deadline After so many milliseconds those that still wait are turned
   *   away too, and a batch that is under way is left behind: exit then.
   */
  stop(deadline?: number): Promise<void>;
}

const MEBIBYTE = 1024 * 1024;

/**
 * Opens a log: checks that all it has fits together, finishes what a crash left
 * half done, publishes what is committed, and starts sequencing. The stores
 * remain the caller's to close.
 *
 * @throws {Error} If anything does not fit together: nothing is signed then.
 */
export async function openLog(options: LogOptions): Promise<Log> {
  const { keys, ledger, objects, policy, readOnly = false, witnessFailOpen = false } = options;
  const events: LogEvents = {
    batch: () => {},
    witnessFailure: () => {},
    identifiersDerived: () => {},
    fault: () => {},
    ...options.events,
  };
  const { head, committed, published: publishedBefore } = await standingOf(ledger, objects, keys);
  const stored = new StoredLog(committed);
  const files = await PageFiles.built();
  const identifiers = await loadIdentifiers({
    origin: keys.origin,
    size: head.tree.size,
    stored,
    file: options.identifierFile ?? null,
    onDerived: events.identifiersDerived,
    onFault: (error) => events.fault(error, "the file of identifiers"),
  });
  const metrics = new Metrics();
  const hasher = options.hasher ?? new HashPool({
    onFailure(error) {
      metrics.countHashFailure();
      events.fault(error, "hash pool");
    },
  });
  const opinion: Opinion = (options.startOpinion ?? startSecondOpinion)(head.tree);
  const monotonic = options.monotonic ?? (() => performance.now());
  const witnesses = policy && needsWitnesses(policy)
    ? new Witnesses(policy, {
      timeout: options.witnessTimeout ?? 5000,
      expectedSize: publishedBefore?.size ?? 0,
      monotonic,
      onAnswer: (name, milliseconds) => metrics.witnessed(name, milliseconds),
    })
    : null;
  if (publishedBefore) witnesses?.remember(publishedBefore.note, publishedBefore.size);
  const search = openSearch({
    origin: keys.origin,
    stored,
    folder: options.folder ?? null,
    onFault: (error) => events.fault(error, "the search index"),
  });
  const feed = new LiveFeed({
    search,
    growth: await Growth.open({
      origin: keys.origin,
      size: publishedBefore?.size ?? 0,
      file: options.folder === undefined || readOnly ? null : `${options.folder}/growth`,
      now: () => Math.floor(Date.now() / 1000),
      onFault: (error) => events.fault(error, "the file of growth"),
    }),
    evidence: new EvidenceFolder(options.evidenceFolder ?? null),
    onFault: (error) => events.fault(error, "what the page is told"),
  });
  const publication = new Publication({
    keys,
    ledger,
    objects,
    stored,
    opinion,
    witnesses,
    failOpen: witnessFailOpen,
    onWitnessFailure: events.witnessFailure,
    onLateFailure: (error) => events.fault(error, "a late cosignature"),
    onPublished: (published) => feed.published(published),
    onTime: (act, milliseconds) => metrics[act].observe(milliseconds),
  }, publishedBefore);
  if (publication.published) feed.opened(publication.published);

  const pool = new Pool(
    options.maxPending ?? 16_384,
    (milliseconds) => metrics.add.observe(milliseconds),
  );
  const sequencer = new Sequencer({
    pool,
    ledger,
    objects,
    committed,
    identifiers,
    hasher,
    publication,
    stored,
    interval: options.batchInterval ?? 1000,
    freeSpaceFloor: options.freeSpaceFloor ?? 64 * MEBIBYTE,
    monotonic,
    timestamp: options.timestamp ?? (() => new Date().toISOString()),
    onBatch(report) {
      metrics.count(report);
      feed.batch(report.added);
      events.batch(report);
    },
    onRefusals: (refusals) => feed.refused(refusals),
  }, head);

  const release = () => {
    hasher.close();
    opinion.close();
    feed.end();
  };
  let finished: Promise<void>;
  if (readOnly) {
    pool.close("the log's disk is read-only");
    finished = Promise.resolve();
  } else {
    try {
      await sequencer.publishHead(witnesses !== null);
    } catch (error) {
      release();
      throw error;
    }
    finished = sequencer.run();
  }
  let failed = false;
  finished.catch(() => {
    failed = true;
    pool.clear("the log has stopped");
    feed.endStreams();
  });

  const ok = () => !failed && !readOnly;
  const { publishers = () => null, bodyTimeout = DEFAULT_PACE.timeout } = options;
  const currentHead = () => feed.headOf(publication.published);
  const status = new StatusHandler({
    keys,
    policy: policy ?? null,
    readOnly,
    witnessFailOpen,
    size: () => sequencer.size,
    head: currentHead,
    pending: () => pool.pending,
    witnesses: () => witnesses?.health ?? [],
    freeBytes: () => objects.freeBytes(),
    workers: () => hasher instanceof HashPool ? hasher.workers : null,
    metrics,
    feed,
  });
  const handler = httpHandler({
    write: new WriteHandler({ pool, publishers, bodyTimeout }),
    read: new ReadHandler({
      publication,
      objects,
      stored,
      identifiers,
      ledger,
      vkey: keys.vkey,
      bodyTimeout,
    }),
    page: new PageHandler({
      origin: keys.origin,
      vkey: keys.vkey,
      witnessFailOpen,
      head: currentHead,
      files,
      identifiers,
      feed,
    }),
    health: () =>
      json(
        { status: ok() ? "ok" : readOnly ? "read-only" : "stopped" },
        ok() ? 200 : 503,
        ANY_ORIGIN,
      ),
    status: () => status.status(),
    metrics: () => status.metrics(),
    onFault: (error, path) => events.fault(error, path),
  });
  return {
    handler,
    finished,
    size: () => sequencer.size,
    async stop(deadline = 4000) {
      pool.close("the log is stopping");
      feed.endStreams(); // Else the server would wait for them.
      const late = Promise.withResolvers<void>();
      const timer = setTimeout(() => {
        pool.clear("the log is stopping");
        sequencer.turnAway("the log is stopping");
        late.resolve();
      }, deadline);
      try {
        // A batch that hangs is left to its fate: a crash would be as good.
        await Promise.race([finished.then(() => feed.write()), late.promise]);
      } finally {
        clearTimeout(timer);
        release();
      }
    },
  };
}

/** Whether a policy asks for any cosignature, or at least names someone to ask. */
function needsWitnesses(policy: Policy): boolean {
  return !quorumHolds(policy, new Set()) || policy.witnesses.some(({ url }) => url !== null);
}
