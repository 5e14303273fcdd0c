/**
 * The objects of the committed tree, whether they are applied yet or not. A batch is
 * in the tree from its commit on; its objects reach the public store a moment later,
 * or, when the disk is full, much later. Who must know what is in the tree, above all
 * whether a file is logged, reads through this.
 *
 * The sequencer tells it what it committed and what it has applied.
 *
 * @module
 */

import type { Objects, StoredObject } from "./storage/objects.ts";

/** Reads objects as they will be once all that is committed is applied. */
export class CommittedObjects implements Pick<Objects, "read"> {
  readonly #objects: Pick<Objects, "read">;
  #unapplied: ReadonlyMap<string, StoredObject> = new Map();

  /**
   * @param objects The public store.
   * @param unapplied What is committed and may not be in it.
   */
  constructor(objects: Pick<Objects, "read">, unapplied: readonly StoredObject[]) {
    this.#objects = objects;
    this.committed(unapplied);
  }

  /** What is committed and not applied. */
  get unapplied(): readonly StoredObject[] {
    return [...this.#unapplied.values()];
  }

  /** A batch with these objects is committed; those before it are applied. */
  committed(objects: readonly StoredObject[]): void {
    this.#unapplied = new Map(objects.map((object) => [object.path, object]));
  }

  /** All that is committed is in the public store. */
  applied(): void {
    this.#unapplied = new Map();
  }

  /** See {@linkcode Objects.read}. */
  async read(path: string): Promise<Uint8Array | null> {
    return this.#unapplied.get(path)?.bytes ?? await this.#objects.read(path);
  }
}
