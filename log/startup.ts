/**
 * Start-up: finds out where the log stands before it listens. Everything that
 * must fit together is compared: key and ledger, ledger and objects, the signed
 * root and the tiles at the right edge. What a crash left half done after the
 * commit is handed to the sequencer, whose own code finishes it. What does not
 * fit stops the start, naming the object; nothing is ever made anew.
 *
 * @module
 */

import {
  checkConsistency,
  type Checkpoint,
  EMPTY_ROOT,
  equalBytes,
  leafHash,
  parseEntryBundle,
  TILE_WIDTH,
  tilePath,
} from "@indelible/core";
import { encodeBase64 } from "@indelible/core";
import { CommittedObjects } from "./committed_objects.ts";
import { treeFromStored } from "./integrate.ts";
import { type LogKeys, openOwn } from "./log_keys.ts";
import { type Published, type SignedTree, signTree } from "./publish.ts";
import { Damaged } from "./storage/failure.ts";
import type { Ledger } from "./storage/ledger.ts";
import type { Objects } from "./storage/objects.ts";
import { StoredLog } from "./stored_log.ts";
import { EMPTY_TREE, hashAt, shiftRight, type Tree } from "./tree.ts";

/** Where the log stands. */
export interface Standing {
  /** The committed tree. */
  readonly head: SignedTree;
  /** Its objects; those that may not be applied yet are to be written again, whatever is there. */
  readonly committed: CommittedObjects;
  /** The checkpoint published last; `null` before the first. */
  readonly published: Published | null;
}

/**
 * Reads where the log stands; a log that never was is initialised.
 *
 * @param ledger The transactional store.
 * @param objects The public store.
 * @param keys The log's keys.
 * @throws {Error} If anything does not fit together.
 */
export async function standingOf(
  ledger: Ledger,
  objects: Objects,
  keys: LogKeys,
): Promise<Standing> {
  let loaded = await ledger.load();
  const shown = await readCheckpoint(objects, keys);
  if (loaded.origin === null || loaded.head === null) {
    if (shown) {
      throw new Damaged(
        "ledger",
        "it is empty although the log has published a checkpoint",
      );
    }
    const note = signTree({ size: 0, root: EMPTY_ROOT }, keys);
    await ledger.initialize(keys.origin, { size: 0, checkpoint: note });
    loaded = await ledger.load();
  }
  if (loaded.origin !== keys.origin) {
    throw new Error(
      `The ledger belongs to the log ${loaded.origin}, the key to ${keys.origin}`,
    );
  }
  const head = openOwn(loaded.head!.checkpoint, keys, "the ledger's head");
  if (head.size !== BigInt(loaded.head!.size)) {
    throw new Damaged(
      "ledger",
      `its head says size ${loaded.head!.size}, signed is ${head.size}`,
    );
  }
  const published = checkPublished(loaded.published, shown, head, keys);
  // What is staged counts as stored: a full or read-only disk must not stop the start.
  const stored = new CommittedObjects(objects, loaded.staged);
  const tree = await readTree(stored, head);
  if (shown) await checkGrowth(shown.checkpoint, head, new StoredLog(stored));
  return { head: { tree, note: loaded.head!.checkpoint }, committed: stored, published };
}

interface Shown {
  readonly note: Uint8Array;
  readonly checkpoint: Checkpoint;
}

async function readCheckpoint(
  objects: Objects,
  keys: LogKeys,
): Promise<Shown | null> {
  const note = await objects.read("checkpoint");
  return note &&
    { note, checkpoint: openOwn(note, keys, "the object checkpoint") };
}

/** Ledger and objects each hold the published checkpoint; the object is written first. */
function checkPublished(
  recorded: Uint8Array | null,
  shown: Shown | null,
  head: Checkpoint,
  keys: LogKeys,
): Published | null {
  const inLedger = recorded ? openOwn(recorded, keys, "the ledger's published checkpoint") : null;
  if (!shown) {
    if (!inLedger) return null;
    throw new Damaged(
      "checkpoint",
      `it is missing, although size ${inLedger.size} was published`,
    );
  }
  const { size, root } = shown.checkpoint;
  if (
    size > head.size || (size === head.size && !equalBytes(root, head.root))
  ) {
    throw new Damaged(
      "ledger",
      `its head has size ${head.size}, but size ${size} was published: it is an older copy`,
    );
  }
  if (inLedger && size < inLedger.size) {
    throw new Damaged(
      "checkpoint",
      `it has size ${size}, but size ${inLedger.size} was published: the objects are an older copy`,
    );
  }
  return {
    size: Number(size),
    root,
    note: shown.note,
    base64: encodeBase64(shown.note),
  };
}

/** What is about to be published must be consistent with what was. */
async function checkGrowth(
  { size, root }: Checkpoint,
  head: Checkpoint,
  stored: StoredLog,
): Promise<void> {
  const proof = await stored.proveConsistency(Number(size), Number(head.size));
  if (checkConsistency(size, head.size, root, head.root, proof)) return;
  throw new Damaged(
    "checkpoint",
    `its tree of size ${size} is not a part of the ledger's of size ${head.size}`,
  );
}

/** The tree from the objects at its right edge, proven to have the signed root. */
async function readTree(objects: Pick<Objects, "read">, head: Checkpoint): Promise<Tree> {
  const size = Number(head.size);
  if (size === 0) {
    if (equalBytes(head.root, EMPTY_ROOT)) return EMPTY_TREE;
    throw new Damaged(
      "ledger",
      "its head has size 0 and a root hash that is not that of no entries",
    );
  }
  const partialTiles: Uint8Array[] = [];
  for (let level = 0; shiftRight(size, 8 * level) > 0; level++) {
    const width = shiftRight(size, 8 * level);
    partialTiles.push(await readPartial(objects, level, width));
  }
  const partialBundle = await readPartial(objects, "entries", size);
  const tree = treeFromStored(size, partialTiles, partialBundle);
  if (!equalBytes(tree.root, head.root)) {
    const tiles = partialTiles.flatMap((tile, level) =>
      tile.length === 0 ? [] : [partialPath(level, shiftRight(size, 8 * level))]
    );
    throw new Damaged(
      tiles.join(", "),
      `the root hash of size ${size} is not the signed one`,
    );
  }
  checkPartialBundle(partialBundle, partialTiles[0]!, size);
  return tree;
}

async function readPartial(
  objects: Pick<Objects, "read">,
  level: number | "entries",
  width: number,
): Promise<Uint8Array> {
  if (width % TILE_WIDTH === 0) return new Uint8Array(0);
  const path = partialPath(level, width);
  const bytes = await objects.read(path);
  if (!bytes) throw new Damaged(path, "it is missing");
  if (level !== "entries" && bytes.length !== width % TILE_WIDTH * 32) {
    throw new Damaged(
      path,
      `it has ${bytes.length} bytes, not ${width % TILE_WIDTH * 32}`,
    );
  }
  return bytes;
}

function partialPath(level: number | "entries", width: number): string {
  const index = BigInt(Math.floor(width / TILE_WIDTH));
  return tilePath({ level, index, width: width % TILE_WIDTH });
}

function checkPartialBundle(
  bundle: Uint8Array,
  leaves: Uint8Array,
  size: number,
): void {
  if (bundle.length === 0 && size % TILE_WIDTH === 0) return;
  const path = partialPath("entries", size);
  let entries: Uint8Array[];
  try {
    entries = parseEntryBundle(bundle, size % TILE_WIDTH);
  } catch (error) {
    throw new Damaged(path, (error as Error).message);
  }
  entries.forEach((entry, i) => {
    if (equalBytes(leafHash(entry), hashAt(leaves, i))) return;
    throw new Damaged(
      path,
      `entry ${size - size % TILE_WIDTH + i} is not the one in the tree`,
    );
  });
}
