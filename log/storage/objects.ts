/**
 * The contract for the public side of storage: immutable objects named by
 * their C2SP tlog-tiles path, and one mutable object, `checkpoint`. Drivers:
 * `objects_fs.ts`, `objects_memory.ts`; one suite for all in `objects_conformance.ts`.
 *
 * Place in the flow: after the ledger's commit, *apply* writes the batch's tiles
 * and entry bundles here, and *publish* replaces `checkpoint`. What is written
 * is a pure function of what was committed, so writing it again is harmless.
 *
 * @module
 */

import { parseTilePath } from "../../core/tile.ts";

/** An object's path and its bytes. */
export interface StoredObject {
  /** A tlog-tiles path: `tile/0/x001/234.p/7`, `tile/entries/000`. */
  readonly path: string;
  /** The whole object. */
  readonly bytes: Uint8Array;
}

/** How {@linkcode Objects.write} treats an object that exists. */
export interface WriteOptions {
  /**
   * Recovery: write again even if equal bytes are there. After a failed fsync
   * the page cache may show bytes that never reached the disk.
   */
  readonly fresh?: boolean;
}

/**
 * A store of immutable objects. Buffers handed in are never detached or kept;
 * buffers handed out are the caller's.
 */
export interface Objects {
  /**
   * Reads an object.
   *
   * @param path The object's path, or `checkpoint`.
   * @returns Its bytes, or null when there is none.
   * @throws {SyntaxError} If the path is not one that tlog-tiles defines.
   * @throws {Damaged} If something other than a plain file is in its place.
   * @throws {NotStored} If it cannot be read now (`busy`).
   */
  read(path: string): Promise<Uint8Array | null>;
  /**
   * Writes immutable objects; durable when resolved. An object that exists
   * keeps its bytes. When it rejects, some of the objects may be written: call
   * again with the same ones.
   *
   * @param objects The objects, in any order.
   * @param options See {@linkcode WriteOptions}.
   * @throws {SyntaxError} If a path is not one that tlog-tiles defines.
   * @throws {ObjectDiffers} If an object exists with other bytes.
   * @throws {NotStored} If the store is full or not writable.
   */
  write(
    objects: readonly StoredObject[],
    options?: WriteOptions,
  ): Promise<void>;
  /**
   * Atomically replaces the one mutable object; durable when resolved. Readers
   * see the old bytes or the new ones, never a mixture.
   *
   * @param path Always `checkpoint`.
   * @param bytes The new bytes.
   * @throws {NotStored} If the store is full or not writable.
   */
  replace(path: "checkpoint", bytes: Uint8Array): Promise<void>;
  /** Bytes free for this process, or null when the store cannot tell. */
  freeBytes(): Promise<number | null>;
  /** Releases what the store holds. Calls that are under way finish first. */
  close(): Promise<void>;
}

/**
 * Checks that a path names an immutable object of a tlog-tiles log. Nothing
 * that passes can leave the store's folder or name a file of the store's own.
 *
 * @param path The path to check.
 * @throws {SyntaxError} If it does not.
 */
export function checkObjectPath(path: string): void {
  parseTilePath(path);
}
