/**
 * The store's contract: one checkpoint per log, replaced by compare-and-swap;
 * the logs with their trusted keys; the evidence. A log is found by its ID, the
 * SHA-256 of its origin in hexadecimal, which is also its name in the monitoring
 * read. `conformance.ts` holds every driver to it.
 *
 * Several witnesses may share one store (two regions, a restart that overlaps):
 * `swap` alone decides between them. Every method rejects when the store cannot
 * answer; then nothing is promised, and the caller releases no signature.
 *
 * @module
 */

import { encodeHex, sha256, utf8 } from "@indelible/core";
import type { EvidenceKind, KnownHead } from "./judge.ts";

/** The latest checkpoint cosigned of a log. */
export interface Cosigned extends KnownHead {
  /** The signed note: the log's verified signatures, and our cosignatures. */
  readonly note: Uint8Array;
}

/** What the store knows of a log. */
export interface LogRecord {
  /** The log's origin. */
  readonly origin: string;
  /** The keys registered for it, as vkeys, in the order they came. */
  readonly vkeys: readonly string[];
  /** Where it is served; `null` where that is not known. */
  readonly url: string | null;
  /** Whether the operator stopped it; what was cosigned is kept. */
  readonly disabled: boolean;
  /** The latest cosigned checkpoint, `null` before the first. */
  readonly cosigned: Cosigned | null;
}

/** A head that the log signed and the witness refused. */
export interface Evidence {
  /** The log's origin. */
  readonly origin: string;
  /** What it shows. */
  readonly kind: EvidenceKind;
  /** The refused tree's size. */
  readonly size: bigint;
  /** The refused tree's root hash. */
  readonly root: Uint8Array;
  /** The refused checkpoint, with the log's verified signatures. */
  readonly note: Uint8Array;
  /** The cosigned checkpoint that it was held against. */
  readonly held: Uint8Array;
  /** When it first came, POSIX seconds. */
  readonly time: bigint;
}

/** Evidence as it is kept. */
export interface KeptEvidence extends Evidence {
  /** How often it came. */
  readonly count: bigint;
}

/** What became of a piece of evidence. */
export type Kept = "kept" | "repeated" | "full";

/**
 * The most pieces of evidence of each kind that are kept for a log; the first
 * ones stay for ever. A log's key signs each, so nobody else can fill this.
 */
export const MAX_EVIDENCE = 100;

/**
 * The version of what the stores hold. Each knows how to go on from version 1,
 * which had no URLs; any other is refused.
 */
export const SCHEMA_VERSION = 2;

/** Where a witness keeps its state. */
export interface WitnessStore {
  /** What is known of a log, read with full consistency; `null` if nothing. */
  read(id: string): Promise<LogRecord | null>;
  /**
   * Replaces the cosigned checkpoint of a log, durably, if it still is the
   * expected one.
   *
   * @param origin The log.
   * @param expected The head it must have, `null` for none.
   * @param next What to put in its place.
   * @returns Whether it was replaced. `false` also when the stored time is later
   *   than the new one; then nothing was changed.
   */
  swap(
    origin: string,
    expected: KnownHead | null,
    next: Cosigned,
  ): Promise<boolean>;
  /**
   * Adds keys to those trusted for a log, and enables it.
   *
   * @param origin The log.
   * @param vkeys The keys.
   * @param url Where it is served, in place of what was known; `null` leaves that.
   * @returns Whether anything was changed.
   */
  register(origin: string, vkeys: readonly string[], url?: string | null): Promise<boolean>;
  /**
   * Stops cosigning a log that the store knows, or starts again.
   *
   * @returns Whether anything was changed.
   */
  disable(origin: string, disabled: boolean): Promise<boolean>;
  /** Every log, by origin. */
  list(): Promise<LogRecord[]>;
  /** Keeps a piece of evidence, or counts it when the same head came before. */
  keepEvidence(evidence: Evidence): Promise<Kept>;
  /** What evidence is kept, newest first. */
  evidence(limit: number): Promise<KeptEvidence[]>;
  /**
   * Remembers the witness's name, so that commands which have no key know it.
   *
   * @returns The name remembered before, `null` for none.
   */
  bindName(name: string | null): Promise<string | null>;
  /** Gives the store up. */
  close(): Promise<void>;
}

/** How a log is configured, whatever was cosigned of it. */
export type LogSettings = Pick<LogRecord, "vkeys" | "url" | "disabled">;

/**
 * What `register` makes of a log: the same for every driver.
 *
 * @param before What is known of it.
 * @param vkeys The keys to add.
 * @param url Where it is served; `null` leaves what was known.
 * @returns What to write; `null` if that is there already.
 */
export function registered(
  before: LogSettings | null,
  vkeys: readonly string[],
  url: string | null,
): LogSettings | null {
  const known = before?.vkeys ?? [];
  const all = [...new Set([...known, ...vkeys])];
  const next = { vkeys: all, url: url ?? before?.url ?? null, disabled: false };
  const same = before !== null && !before.disabled && all.length === known.length &&
    next.url === before.url;
  return same ? null : next;
}

/**
 * After this error the store's state is unknown: the process must end, and the
 * next start reads what is there.
 */
export class StoreLost extends Error {
  /** Tells it from other errors. */
  override readonly name = "StoreLost";
}

/** The last answer of `logId`: a request asks for its log's several times. */
let last = { origin: "", id: encodeHex(sha256(utf8(""))) };

/** A log's ID: the SHA-256 of its origin, in lowercase hexadecimal. */
export function logId(origin: string): string {
  if (last.origin !== origin) last = { origin, id: encodeHex(sha256(utf8(origin))) };
  return last.id;
}
