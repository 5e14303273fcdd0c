/**
 * The contract for the private, transactional side of storage: the head, what is
 * staged, what is published, and the refusals kept as evidence. Drivers:
 * `ledger_sqlite.ts`, `ledger_memory.ts`; one suite for all in
 * `ledger_conformance.ts`.
 *
 * Place in the flow: {@linkcode Ledger.commit} is the commit point. The sequencer
 * is the only writer; calls take effect in the order they were made. Which files
 * are logged is not kept here: the entries say it (`log/identifiers.ts`).
 *
 * No method detaches or keeps a buffer it was given; buffers handed out are the
 * caller's.
 *
 * @module
 */

import type { StoredObject } from "./objects.ts";

/** How many refusals a ledger keeps; beyond it the oldest are dropped. */
export const MAX_REFUSALS = 100_000;

/** The log's latest committed state. */
export interface Head {
  /** Tree size. */
  readonly size: number;
  /** The checkpoint signed by the log, not yet cosigned. */
  readonly checkpoint: Uint8Array;
}

/** An attempt to log a second digest for an identifier. */
export interface Refusal {
  /** When, in RFC 3339. */
  readonly time: string;
  /** The identifier's ecosystem. */
  readonly ecosystem: string;
  /** The identifier's file. */
  readonly filename: string;
  /** The digest that was refused. */
  readonly checksum: string;
  /** The entry that stands. */
  readonly existing: { readonly index: number; readonly checksum: string };
  /** Who tried, if that was known. */
  readonly publisher: string | null;
}

/** All that a batch changes, committed together or not at all. */
export interface Batch {
  /** Size of the head that the batch was built on. */
  readonly oldSize: number;
  /** The head after the batch. */
  readonly next: Head;
  /** The objects that the batch changes, to be applied after the commit. */
  readonly staged: readonly StoredObject[];
}

/** What start-up reads. */
export interface Loaded {
  /** The log's origin; null before {@linkcode Ledger.initialize}. */
  readonly origin: string | null;
  /** The committed head; null before {@linkcode Ledger.initialize}. */
  readonly head: Head | null;
  /** The latest published (cosigned) checkpoint. */
  readonly published: Uint8Array | null;
  /** Objects staged by commits that are not yet published, oldest commit first. */
  readonly staged: readonly StoredObject[];
}

/**
 * A transactional store with one writer. Besides what each method names, every
 * method may throw {@linkcode NotStored} (nothing changed, go on),
 * {@linkcode Damaged} (stop), or any other error (outcome unknown, stop). After
 * an unknown outcome a driver refuses all further calls.
 */
export interface Ledger {
  /** Reads the state that a start needs. */
  load(): Promise<Loaded>;
  /**
   * First use: binds the ledger to an origin and to its signed head of size 0.
   *
   * @param origin The log's origin.
   * @param head The signed head; its size is 0.
   * @throws {Error} If the ledger is bound already.
   */
  initialize(origin: string, head: Head): Promise<void>;
  /**
   * The commit point: staged objects and the signed head, all or nothing, if the
   * head is still the one with `oldSize`.
   *
   * @param batch What to commit.
   * @throws {HeadMoved} If the head has another size.
   */
  commit(batch: Batch): Promise<void>;
  /**
   * Drops what was staged for sizes up to this one: it is applied, and not yet
   * published. Without this, staged objects would pile up while there is no
   * quorum of witnesses.
   *
   * @param size A tree size whose objects are all durable.
   */
  applied(size: number): Promise<void>;
  /**
   * Records the published checkpoint and drops what was staged for sizes up to
   * its own.
   *
   * @param checkpoint The cosigned checkpoint.
   * @param size Its tree size: at most the head's, at least the last published.
   * @throws {RangeError} If the size is outside these bounds.
   */
  publish(checkpoint: Uint8Array, size: number): Promise<void>;
  /**
   * Keeps refusals as evidence. A repeat of the same ecosystem, file and
   * checksum by the same publisher replaces the earlier one, and nobody else's;
   * beyond {@linkcode MAX_REFUSALS} the oldest are dropped, so that an attacker
   * cannot fill the disk.
   *
   * @param refusals What was refused, oldest first.
   */
  refuse(refusals: readonly Refusal[]): Promise<void>;
  /**
   * Reads refusals, the newest first (by order of arrival, not by clock).
   *
   * @param limit How many at most.
   */
  refusals(limit: number): Promise<Refusal[]>;
  /** Releases the ledger after the calls under way. */
  close(): Promise<void>;
}

/**
 * Checks the shape of a batch before it reaches a driver: a wrong one is a
 * fault of this program, so it throws rather than being refused.
 *
 * @param batch The batch.
 * @throws {RangeError} If its sizes are none, or shrink.
 */
export function checkBatch({ oldSize, next }: Batch): void {
  if (isSize(oldSize) && isSize(next.size) && next.size >= oldSize) return;
  throw new RangeError(`Cannot commit batch: size ${oldSize} to ${next.size}`);
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
