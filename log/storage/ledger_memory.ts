/**
 * The {@linkcode Ledger} contract in memory: for tests and for logs that need
 * not outlive their process. It keeps the contract to the letter, so that a
 * test on it says something about the other drivers.
 *
 * @module
 */

import { HeadMoved } from "./failure.ts";
import {
  type Batch,
  checkBatch,
  type Head,
  type Ledger,
  type Loaded,
  MAX_REFUSALS,
  type Refusal,
} from "./ledger.ts";
import type { StoredObject } from "./objects.ts";

class MemoryLedger implements Ledger {
  #origin: string | null = null;
  #head: Head | null = null;
  #published: { checkpoint: Uint8Array; size: number } | null = null;
  #staged: { size: number; object: StoredObject }[] = [];
  /** By ecosystem, file, checksum and publisher; a Map keeps the order of arrival. */
  readonly #refusals = new Map<string, Refusal>();

  // deno-lint-ignore require-await -- a thrown error must become a rejection
  async load(): Promise<Loaded> {
    return {
      origin: this.#origin,
      head: this.#head === null ? null : copyHead(this.#head),
      published: this.#published?.checkpoint.slice() ?? null,
      staged: this.#staged.map(({ object }) => copyObject(object)),
    };
  }

  // deno-lint-ignore require-await -- a thrown error must become a rejection
  async initialize(origin: string, head: Head): Promise<void> {
    if (this.#origin !== null) {
      throw new Error(
        `Cannot initialize ledger: it is bound to ${this.#origin}`,
      );
    }
    if (head.size !== 0) {
      throw new RangeError("Cannot initialize ledger: head is not of size 0");
    }
    this.#origin = origin;
    this.#head = copyHead(head);
  }

  // deno-lint-ignore require-await -- a thrown error must become a rejection
  async commit(batch: Batch): Promise<void> {
    checkBatch(batch);
    if (this.#head === null) {
      throw new Error("Cannot commit batch: ledger is not initialized");
    }
    if (this.#head.size !== batch.oldSize) {
      throw new HeadMoved(
        `Cannot commit batch on size ${batch.oldSize}: head is at ${this.#head.size}`,
      );
    }
    const { size } = batch.next;
    this.#staged.push(
      ...batch.staged.map((object) => ({ size, object: copyObject(object) })),
    );
    this.#head = copyHead(batch.next);
  }

  applied(size: number): Promise<void> {
    this.#staged = this.#staged.filter((staged) => staged.size > size);
    return Promise.resolve();
  }

  async publish(checkpoint: Uint8Array, size: number): Promise<void> {
    const [least, most] = [this.#published?.size ?? 0, this.#head?.size ?? -1];
    if (!Number.isSafeInteger(size) || size < least || size > most) {
      throw new RangeError(
        `Cannot publish size ${size}: not within ${least} to ${most}`,
      );
    }
    this.#published = { checkpoint: checkpoint.slice(), size };
    await this.applied(size);
  }

  // deno-lint-ignore require-await -- a thrown error must become a rejection
  async refuse(refusals: readonly Refusal[]): Promise<void> {
    for (const refusal of refusals) {
      const key = JSON.stringify([
        refusal.ecosystem,
        refusal.filename,
        refusal.checksum,
        refusal.publisher,
      ]);
      this.#refusals.delete(key);
      this.#refusals.set(key, structuredClone(refusal));
    }
    for (const key of this.#refusals.keys()) {
      if (this.#refusals.size <= MAX_REFUSALS) break;
      this.#refusals.delete(key);
    }
  }

  // deno-lint-ignore require-await -- a thrown error must become a rejection
  async refusals(limit: number): Promise<Refusal[]> {
    return structuredClone(
      [...this.#refusals.values()].reverse().slice(0, limit),
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * Opens an empty ledger in memory.
 *
 * @returns The ledger.
 */
export function openMemoryLedger(): Ledger {
  return new MemoryLedger();
}

function copyHead({ size, checkpoint }: Head): Head {
  return { size, checkpoint: checkpoint.slice() };
}

function copyObject({ path, bytes }: StoredObject): StoredObject {
  return { path, bytes: bytes.slice() };
}
