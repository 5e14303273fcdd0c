/**
 * Evidence of a root mismatch: a monitor that computed another root than the log signed
 * knows that something is wrong, not what. Here the log's tiles and entries are read
 * once more, each against the signed checkpoint, until the first that is not under it.
 *
 * @module
 */

import {
  bundleCount,
  encodeBase64,
  equalBytes,
  type EvidenceHead,
  type FetchResource,
  HASH_SIZE,
  leafHash,
  LogMismatch,
  LogReader,
  parseTilePath,
  type RootMismatchEvidence,
  type ServedResource,
  TILE_WIDTH,
  tileAt,
  tilePath,
  type TreeHead,
} from "@indelible/core";

/** Where to look. */
export interface MismatchSearch {
  /** The signed note. */
  readonly note: string;
  /** Its size and root hash. */
  readonly head: TreeHead;
  /** Reads the log. */
  readonly fetch: FetchResource;
  /** The first leaf index that is not known to be right. */
  readonly from: bigint;
}

/**
 * Finds what the log serves that is not under its checkpoint.
 *
 * @returns Evidence, or `null` if now everything is, or a part is not served at all.
 */
export async function findRootMismatch(
  evidence: EvidenceHead,
  { note, head, fetch, from }: MismatchSearch,
): Promise<RootMismatchEvidence | null> {
  const found = (
    tiles: readonly ServedResource[],
    entry?: RootMismatchEvidence["entry"],
  ): RootMismatchEvidence => ({
    ...evidence,
    kind: "root-mismatch",
    checkpoint: note,
    tiles,
    ...(entry && { entry }),
  });
  for (let bundle = from / 256n; bundle < bundleCount(head.size); bundle++) {
    const tile = tileAt(0, bundle, head.size)!;
    // A reader that remembers nothing fetches all that vouches for this one tile.
    const served = new Served(fetch);
    let hashes: Uint8Array;
    try {
      hashes = await new LogReader(head, served.fetch).readTile(tile);
    } catch (error) {
      if (!(error instanceof LogMismatch)) throw error;
      const tiles = await served.upToFirstWrong(head);
      return tiles && found(tiles);
    }
    const entry = await wrongEntry(fetch, bundle, tile.width, hashes);
    if (entry) return found(served.tiles, entry);
  }
  return null;
}

async function wrongEntry(
  fetch: FetchResource,
  bundle: bigint,
  width: number,
  hashes: Uint8Array,
): Promise<RootMismatchEvidence["entry"]> {
  const path = (width: number) => tilePath({ level: "entries", index: bundle, width });
  // The full bundle may stand in for a partial one.
  const bytes = await fetch(path(width)) ?? await fetch(path(TILE_WIDTH));
  if (!bytes) return undefined;
  let at = 0;
  for (let i = 0; i < width; i++) {
    // Of a bundle whose lengths are wrong, the entry that its bytes give at that place.
    const start = at + 2;
    at = start + ((bytes[at] ?? 0) << 8 | (bytes[at + 1] ?? 0));
    const entry = bytes.subarray(start, at);
    if (equalBytes(leafHash(entry), hashes.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE))) continue;
    return { index: `${bundle * 256n + BigInt(i)}`, bytes: encodeBase64(entry) };
  }
  return undefined;
}

/** Remembers what was served. */
class Served {
  readonly #fetch: FetchResource;
  readonly #bytes = new Map<string, Uint8Array>();

  constructor(fetch: FetchResource) {
    this.#fetch = fetch;
  }

  readonly fetch: FetchResource = async (path) => {
    const bytes = await this.#fetch(path);
    if (bytes) this.#bytes.set(path, bytes);
    return bytes;
  };

  get tiles(): ServedResource[] {
    // From the root down: higher levels vouch for lower ones.
    const level = (path: string) => Number(parseTilePath(path).level);
    const paths = [...this.#bytes.keys()].sort((a, b) => level(b) - level(a));
    return paths.map((path) => ({ path, bytes: encodeBase64(this.#bytes.get(path)!) }));
  }

  /** The tiles that it takes to show the first wrong one, which is last. */
  async upToFirstWrong(head: TreeHead): Promise<ServedResource[] | null> {
    for (const { path } of this.tiles) {
      const { level, index } = parseTilePath(path);
      const needed = new Served((path) => Promise.resolve(this.#bytes.get(path) ?? null));
      try {
        await new LogReader(head, needed.fetch).readTile(tileAt(level, index, head.size)!);
      } catch (error) {
        if (!(error instanceof LogMismatch)) throw error;
        const tiles = needed.tiles.filter((tile) => tile.path !== path);
        const wrong = needed.#bytes.get(path);
        return wrong ? [...tiles, { path, bytes: encodeBase64(wrong) }] : null;
      }
    }
    return null;
  }
}
