/**
 * Whether a log has kept its word: everything in its storage derived again
 * through core alone, and compared with all that its clients were ever told.
 * No part of the log's own code is used, so none can vouch for itself.
 */

import {
  allTiles,
  appendLeafHash,
  bundleCount,
  checkConsistency,
  checkInclusion,
  type Checkpoint,
  concat,
  EMPTY_EDGE,
  encodeBase64,
  encodeEntryBundle,
  encodeHex,
  equalBytes,
  type FetchResource,
  formatChecksum,
  type Hash,
  leafHash,
  LogReader,
  nodeHash,
  openCheckpoint,
  parseBase64,
  parseEntry,
  parseVkey,
  rootHash,
  tileAt,
  tilePath,
  verifierOf,
} from "@indelible/core";
import { nativeEd25519 } from "@indelible/core/ed25519_native";
import { deepEqual, equal, ok } from "node:assert/strict";

/** An entry that the log has acknowledged, with all that makes it provable. */
export interface Acknowledged {
  /** Its leaf index, for ever. */
  readonly index: number;
  /** Its digest, as `sha256:` and hex. */
  readonly checksum: string;
  /** Its bytes, where the answer carried them. */
  readonly entry: Uint8Array | null;
}

/** All that the clients of one log were told. */
export class Promises {
  /** The log's key. */
  readonly vkey: string;
  /** Every checkpoint that was seen, by its bytes in base64. */
  readonly checkpoints: Map<string, Checkpoint> = new Map();
  /** By file name: what was acknowledged. */
  readonly acknowledged: Map<string, Acknowledged> = new Map();
  /** By file name: the index that a 503 announced. */
  readonly announced: Map<string, number> = new Map();

  /** Starts with no promise. */
  constructor(vkey: string) {
    this.vkey = vkey;
  }

  /** Remembers a checkpoint, which must be signed by the log. */
  checkpoint(note: Uint8Array): Checkpoint {
    const key = encodeBase64(note);
    const known = this.checkpoints.get(key);
    if (known) return known;
    const opened = open(note, this.vkey);
    this.checkpoints.set(key, opened);
    return opened;
  }

  /** Remembers an acknowledgement; one that contradicts an earlier one throws. */
  acknowledge(file: string, { index, checksum, entry }: Acknowledged): void {
    const before = this.acknowledged.get(file);
    if (before) deepEqual([index, checksum], [before.index, before.checksum], file);
    this.acknowledged.set(file, { index, checksum, entry: entry ?? before?.entry ?? null });
  }

  /** Remembers a receipt with its proof, which must hold. */
  receipt(
    file: string,
    receipt: Acknowledged,
    note: Uint8Array,
    proof: readonly string[],
  ): void {
    const { size, root } = this.checkpoint(note);
    if (receipt.entry) {
      const proves = checkInclusion(
        BigInt(receipt.index),
        size,
        leafHash(receipt.entry),
        proof.map(parseBase64),
        root,
      );
      ok(proves, `${file}: the inclusion proof of index ${receipt.index} in ${size} fails`);
      const entry = parseEntry(receipt.entry);
      deepEqual([entry.file, formatChecksum(entry.digest)], [file, receipt.checksum]);
    }
    ok(BigInt(receipt.index) < size, `${file}: acknowledged at ${receipt.index}, beyond ${size}`);
    this.acknowledge(file, receipt);
  }
}

/** What a log holds. */
export interface Contents {
  /** The tree size. */
  readonly size: number;
  /** Its entries. */
  readonly entries: readonly Uint8Array[];
}

/**
 * Checks a log's published state: signature, every entry bundle, tile and the
 * root; consistency with every checkpoint ever seen; one digest per identifier;
 * every acknowledged entry at its index.
 *
 * @param read Reads what is published.
 * @param promises What clients were told; the checkpoint read here is added.
 */
export async function checkLog(read: FetchResource, promises: Promises): Promise<Contents> {
  const note = await read("checkpoint");
  ok(note, "there is no checkpoint");
  const head = promises.checkpoint(note);
  const { entries, roots } = await checkTree(read, head);
  await checkHistory(read, head, roots, promises);
  const standing = checkIdentifiers(entries);
  for (const [file, { index, checksum, entry }] of promises.acknowledged) {
    const stands = standing.get(`pypi\n${file}`);
    ok(stands, `${file} was acknowledged and is not in the tree of ${head.size}`);
    deepEqual([stands.index, stands.checksum], [index, checksum], file);
    if (entry) ok(equalBytes(entries[index]!, entry), `${file}: other bytes at ${index}`);
  }
  for (const [file, index] of promises.announced) {
    const stands = standing.get(`pypi\n${file}`);
    if (stands) equal(stands.index, index, `${file}: another index than announced`);
  }
  return { size: entries.length, entries };
}

/** Every bundle, every tile, the root; returns the root at each size on the way. */
async function checkTree(read: FetchResource, head: Checkpoint) {
  const { size, root } = head;
  const reader = new LogReader(head, read);
  const entries: Uint8Array[] = [];
  for (let bundle = 0n; bundle < bundleCount(size); bundle++) {
    const inBundle = await reader.readEntries(bundle);
    const path = tilePath(tileAt("entries", bundle, size)!);
    const stored = await read(path);
    ok(stored && equalBytes(stored, encodeEntryBundle(inBundle)), `${path} is not canonical`);
    entries.push(...inBundle);
  }
  equal(BigInt(entries.length), size);

  let edge = EMPTY_EDGE;
  const roots = [rootHash(edge)];
  const levels: Hash[][] = [[]];
  for (const entry of entries) {
    const leaf = leafHash(entry);
    levels[0]!.push(leaf);
    edge = appendLeafHash(edge, leaf);
    roots.push(rootHash(edge));
  }
  equal(encodeHex(roots.at(-1)!), encodeHex(root), `the root hash of size ${size}`);
  for (const tile of allTiles(size)) {
    const level = tile.level as number;
    const start = Number(tile.index) * 256;
    const hashes = levels[level]!.slice(start, start + tile.width);
    const stored = await read(tilePath(tile));
    ok(stored && equalBytes(stored, concat(...hashes)), `${tilePath(tile)} is wrong`);
    if (tile.width === 256) (levels[level + 1] ??= []).push(perfectRoot(hashes));
  }
  return { entries, roots };
}

/** No checkpoint ever seen contradicts the one that is published. */
async function checkHistory(
  read: FetchResource,
  head: Checkpoint,
  roots: readonly Hash[],
  { checkpoints }: Promises,
): Promise<void> {
  const reader = new LogReader(head, read);
  const proven = new Set<bigint>();
  for (const { size, root } of checkpoints.values()) {
    ok(size <= head.size, `a checkpoint of size ${size} was seen, now it is ${head.size}`);
    equal(encodeHex(root), encodeHex(roots[Number(size)]!), `the root hash of size ${size}`);
    if (proven.has(size)) continue;
    proven.add(size);
    const proof = await reader.proveConsistency(size);
    ok(checkConsistency(size, head.size, root, head.root, proof), `consistency with ${size}`);
  }
}

/** One digest per identifier, and nothing but publications first. */
function checkIdentifiers(
  entries: readonly Uint8Array[],
): Map<string, { index: number; checksum: string }> {
  const standing = new Map<string, { index: number; checksum: string }>();
  entries.forEach((bytes, index) => {
    const { ecosystem, file, digest, event } = parseEntry(bytes);
    const checksum = formatChecksum(digest);
    const first = standing.get(`${ecosystem}\n${file}`);
    if (first) equal(checksum, first.checksum, `${file} has two digests: ${first.index}, ${index}`);
    else {
      equal(event, "publish", `entry ${index} is about ${file}, which is not published`);
      standing.set(`${ecosystem}\n${file}`, { index, checksum });
    }
    if (first && event === "publish") throw new Error(`${file} is published twice: ${index}`);
  });
  return standing;
}

/** Reads a log's published objects from its folder. */
export function readerOf(folder: string): FetchResource {
  return async (path) => {
    try {
      return await Deno.readFile(`${folder}/${path}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return null;
      throw error;
    }
  };
}

function open(note: Uint8Array, vkey: string): Checkpoint {
  const key = parseVkey(vkey);
  const opened = openCheckpoint(note, key.name, [verifierOf(key, nativeEd25519)]);
  if (opened.kind === "verified") return opened.checkpoint;
  throw new Error(`The log showed a checkpoint that cannot be trusted: ${opened.why}`);
}

function perfectRoot(hashes: readonly Hash[]): Hash {
  if (hashes.length === 1) return hashes[0]!;
  const half = hashes.length / 2;
  return nodeHash(perfectRoot(hashes.slice(0, half)), perfectRoot(hashes.slice(half)));
}
