/**
 * Tiles and entry bundles as they are served: from memory those that were asked for
 * lately, within a bound, all others from storage. A read of storage keeps no other
 * request waiting, and is made once for all who ask for the same meanwhile.
 *
 * @module
 */

import { Resource } from "./resource.ts";
import type { Objects } from "./storage/objects.ts";
import { gzip } from "./zip.ts";

/** What the memory for tiles is bounded by. */
const CACHE_BYTES = 64 * 1024 * 1024;
/** What a resource takes besides its bytes: a partial tile can have 32 of them. */
const BYTES_BESIDES = 4096;
/** A larger entry bundle would drive out hundreds of tiles. */
const CACHED_AT_MOST = 1024 * 1024;
const IMMUTABLE = "public, max-age=31536000, immutable";

/** Serves stored tiles. */
export class TileCache {
  readonly #objects: Pick<Objects, "read">;
  readonly #bound: number;
  /** By key, least recently used first. */
  readonly #cached = new Map<string, Resource>();
  #bytes = 0;
  /** What is being read from storage, by key. */
  readonly #underway = new Map<string, Promise<Resource | null>>();

  /**
   * @param objects Where the tiles are.
   * @param bound Bytes of memory to use at most.
   */
  constructor(objects: Pick<Objects, "read">, bound: number = CACHE_BYTES) {
    this.#objects = objects;
    this.#bound = bound;
  }

  /** What it holds, in bytes. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * A tile that is in memory. Any path may be asked for: only those that were read,
   * in their one spelling, lead to something.
   */
  recall(path: string, zipped: boolean): Resource | undefined {
    const key = keyOf(path, zipped);
    const resource = this.#cached.get(key);
    if (resource) {
      this.#cached.delete(key);
      this.#cached.set(key, resource);
    }
    return resource;
  }

  /**
   * Reads a tile.
   *
   * @param path Its path, checked: storage is asked for it.
   * @param zipped Whether its bytes are to be compressed.
   * @returns `null` when there is none.
   */
  async read(path: string, zipped: boolean): Promise<Resource | null> {
    const key = keyOf(path, zipped);
    let reading = this.#underway.get(key);
    if (!reading) {
      reading = this.#read(path, zipped).finally(() => this.#underway.delete(key));
      this.#underway.set(key, reading);
    }
    return await reading;
  }

  async #read(path: string, zipped: boolean): Promise<Resource | null> {
    const stored = await this.#objects.read(path);
    if (!stored) return null;
    const bytes = zipped ? await gzip(stored) : new Uint8Array(stored);
    const resource = new Resource({
      bytes,
      type: "application/octet-stream",
      caching: IMMUTABLE,
      // The path names the bytes for ever.
      etag: zipped ? `"${path}-gzip"` : `"${path}"`,
      ...(zipped && { encoding: "gzip" }),
    });
    if (bytes.length <= CACHED_AT_MOST) this.#keep(keyOf(path, zipped), resource);
    return resource;
  }

  #keep(key: string, resource: Resource): void {
    // One that was read though it was there counts once.
    if (!this.#cached.has(key)) this.#bytes += sizeOf(resource);
    this.#cached.set(key, resource);
    for (const [oldest, resource] of this.#cached) {
      if (this.#bytes <= this.#bound) break;
      this.#cached.delete(oldest);
      this.#bytes -= sizeOf(resource);
    }
  }
}

/** No path that anyone can ask for begins like the key of a zipped one. */
function keyOf(path: string, zipped: boolean): string {
  return zipped ? `gzip ${path}` : path;
}

function sizeOf(resource: Resource): number {
  return resource.length + BYTES_BESIDES;
}
