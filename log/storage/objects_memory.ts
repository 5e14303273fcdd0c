/**
 * The {@linkcode Objects} contract in memory: for tests and for logs that need
 * not outlive their process. Bytes are copied in and out, so that a caller's
 * later change to a buffer cannot reach what is stored.
 *
 * @module
 */

import { equalBytes } from "@indelible/core";
import { ObjectDiffers } from "./failure.ts";
import { checkObjectPath, type Objects, type StoredObject } from "./objects.ts";

class MemoryObjects implements Objects {
  readonly #objects = new Map<string, Uint8Array>();

  // deno-lint-ignore require-await -- a thrown error must become a rejection
  async read(path: string): Promise<Uint8Array | null> {
    if (path !== "checkpoint") checkObjectPath(path);
    return this.#objects.get(path)?.slice() ?? null;
  }

  // deno-lint-ignore require-await -- a thrown error must become a rejection
  async write(objects: readonly StoredObject[]): Promise<void> {
    for (const { path } of objects) checkObjectPath(path);
    for (const { path, bytes } of objects) {
      const existing = this.#objects.get(path);
      if (existing !== undefined && !equalBytes(existing, bytes)) {
        throw new ObjectDiffers(path);
      }
      this.#objects.set(path, bytes.slice());
    }
  }

  // deno-lint-ignore require-await -- a thrown error must become a rejection
  async replace(path: "checkpoint", bytes: Uint8Array): Promise<void> {
    if (path !== "checkpoint") {
      throw new TypeError(`Cannot replace ${path}: it is immutable`);
    }
    this.#objects.set(path, bytes.slice());
  }

  freeBytes(): Promise<number | null> {
    return Promise.resolve(null);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * Opens an empty store of objects in memory.
 *
 * @returns The store.
 */
export function openMemoryObjects(): Objects {
  return new MemoryObjects();
}
