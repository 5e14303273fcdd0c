/**
 * The contract for the private, transactional side of storage: the head, the
 * identifiers with their one digest each, what is staged, what is published,
 * and the refusals kept as evidence. Drivers: `ledger_sqlite.ts`,
 * `ledger_memory.ts`; one suite for all in `conformance.ts`.
 *
 * Place in the flow: the sequencer asks {@linkcode Ledger.lookup} once per
 * batch, and {@linkcode Ledger.commit} is the commit point. The sequencer is
 * the only writer; calls take effect in the order they were made.
 *
 * Hashes are 32 bytes. Lists of hashes are one array, hash i at offset 32 * i,
 * so that a batch crosses to a worker in a few copies. No method detaches or
 * keeps a buffer it was given; buffers handed out are the caller's.
 *
 * @module
 */

import type { StoredObject } from "./objects.ts";

/** An identifier key, a digest and a leaf hash are all this long. */
export const HASH_LENGTH = 32;

/** How many refusals a ledger keeps; beyond it the oldest are dropped. */
export const MAX_REFUSALS = 100_000;

/** What the ledger knows of one identifier that was asked for. */
export interface Known {
  /** Position in the asked keys. */
  readonly position: number;
  /** Leaf index of the identifier's first entry. */
  readonly firstIndex: number;
  /** The one digest of this identifier. */
  readonly digest: Uint8Array;
  /** Leaf index of the newest entry about this identifier. */
  readonly newestIndex: number;
  /** Leaf hash of the newest entry about this identifier. */
  readonly newestHash: Uint8Array;
}

/** The log's latest committed state. */
export interface Head {
  /** Tree size. */
  readonly size: number;
  /** The checkpoint signed by the log, not yet cosigned. */
  readonly checkpoint: Uint8Array;
}

/** Identifiers that are new with a batch: n of them, i counts from 0. */
export interface NewIdentifiers {
  /** n identifier keys of 32 bytes. */
  readonly keys: Uint8Array;
  /** n digests of 32 bytes. */
  readonly digests: Uint8Array;
  /** n leaf hashes of 32 bytes. */
  readonly leafHashes: Uint8Array;
  /** n leaf indices. */
  readonly firstIndices: Float64Array;
}

/** A later entry (a yank, say) about an identifier that the ledger has, or that is new with the same batch. */
export interface LaterEvent {
  /** The identifier's key. */
  readonly key: Uint8Array;
  /** The entry's leaf index. */
  readonly newestIndex: number;
  /** The entry's leaf hash. */
  readonly newestHash: Uint8Array;
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
  /** Identifiers seen for the first time. */
  readonly identifiers: NewIdentifiers;
  /** Later entries about identifiers; at most one per identifier counts, the one with the highest index. */
  readonly laterEvents: readonly LaterEvent[];
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
   * Asks what is known of a batch's identifiers: one question per batch.
   *
   * @param keys n identifier keys of 32 bytes.
   * @returns The identifiers that are known, in the order of their positions.
   */
  lookup(keys: Uint8Array): Promise<Known[]>;
  /**
   * The commit point: identifiers, later events, staged objects and the signed
   * head, all or nothing, if the head is still the one with `oldSize`.
   *
   * @param batch What to commit.
   * @throws {HeadMoved} If the head has another size.
   * @throws {Error} If an identifier is not new, or a later event has no identifier.
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
 * @throws {RangeError} If lengths, sizes or indices do not fit together.
 */
export function checkBatch(batch: Batch): void {
  const { oldSize, next, identifiers, laterEvents } = batch;
  const count = identifiers.firstIndices.length;
  if (!isIndex(oldSize) || !isIndex(next.size) || next.size < oldSize) {
    throw new RangeError(
      `Cannot commit batch: size ${oldSize} to ${next.size}`,
    );
  }
  for (const name of ["keys", "digests", "leafHashes"] as const) {
    if (identifiers[name].length !== count * HASH_LENGTH) {
      throw new RangeError(
        `Cannot commit batch: ${name} do not hold ${count} hashes`,
      );
    }
  }
  // An index outside the batch's own leaves would claim a leaf of another batch.
  const inBatch = (index: number) => isIndex(index) && index >= oldSize && index < next.size;
  if (!identifiers.firstIndices.every(inBatch)) {
    throw new RangeError("Cannot commit batch: first index outside the batch");
  }
  for (const { key, newestIndex, newestHash } of laterEvents) {
    if (
      key.length !== HASH_LENGTH || newestHash.length !== HASH_LENGTH ||
      !inBatch(newestIndex)
    ) {
      throw new RangeError(
        "Cannot commit batch: later event outside the batch",
      );
    }
  }
}

/**
 * Checks that a list of keys holds whole keys.
 *
 * @param keys n identifier keys of 32 bytes.
 * @throws {RangeError} If the length is not a multiple of 32.
 */
export function checkKeys(keys: Uint8Array): void {
  if (keys.length % HASH_LENGTH !== 0) {
    throw new RangeError(
      `Cannot look up: ${keys.length} bytes are no whole number of keys`,
    );
  }
}

/** Hash i of a list, without copying. Not core's: a driver's worker may read nothing but this folder. */
export function hashAt(hashes: Uint8Array, i: number): Uint8Array {
  return hashes.subarray(i * HASH_LENGTH, (i + 1) * HASH_LENGTH);
}

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
