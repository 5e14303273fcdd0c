/**
 * A log's folder written directly: entry bundles, tiles and a signed checkpoint, as the
 * log would have left them, without HTTP, ledger and fsync. For benches and tests of what
 * reads a large log; core and its hash kernel make all of it.
 */

import {
  encodeEntryBundle,
  formatCheckpoint,
  type Hash,
  HASH_SIZE,
  nodeHash,
  type SignerKey,
  signerOf,
  signNote,
  TILE_WIDTH,
  tilePath,
  utf8,
} from "@indelible/core";
import { KernelMemory } from "@indelible/core/kernel";
import { dirname, join } from "node:path";
import { corpus } from "../tools/corpus.ts";

/** The first entries of the log that an import of a corpus makes. */
export function* corpusEntries(count: number, seed = 1): Generator<Uint8Array> {
  const files = corpus(seed);
  for (let i = 0; i < count; i++) {
    const { checksum, filename, publisher } = files.next().value;
    const head = `pypi-transparency/v1\n${checksum}\n${filename}`;
    yield utf8(publisher ? `${head}\npublisher ${publisher.issuer} ${publisher.subject}` : head);
  }
}

/**
 * Writes a log's folder.
 *
 * @param folder Where to; made when missing.
 * @param entries The log's entries, in order.
 * @param key The log's key; its name is the origin.
 * @returns The tree size.
 */
export function buildLog(folder: string, entries: Iterable<Uint8Array>, key: SignerKey): number {
  const writer = new LogWriter(folder);
  let bundle: Uint8Array[] = [];
  for (const entry of entries) {
    if (bundle.push(entry) < TILE_WIDTH) continue;
    writer.addBundle(bundle);
    bundle = [];
  }
  if (bundle.length > 0) writer.addBundle(bundle);
  const root = writer.finish();
  const { size } = writer;
  const { name: origin } = key;
  const text = formatCheckpoint({ origin, size: BigInt(size), root, extensions: [] });
  writer.write("checkpoint", signNote(text, [signerOf(key, () => 0n)]));
  return size;
}

class LogWriter {
  size = 0;
  readonly #folder: string;
  readonly #folders = new Set<string>();
  readonly #kernel = new KernelMemory();
  /** By level: the hashes of its tile under way, and how many of its tiles are full. */
  readonly #levels: { hashes: Uint8Array; width: number; full: number }[] = [];

  constructor(folder: string) {
    this.#folder = folder;
  }

  addBundle(entries: readonly Uint8Array[]): void {
    const index = BigInt(Math.floor(this.size / TILE_WIDTH));
    const path = tilePath({ level: "entries", index, width: entries.length });
    this.write(path, encodeEntryBundle(entries));
    const job = this.#kernel.placeEntries(entries);
    this.#kernel.hash(job);
    this.#push(0, this.#kernel.read(job));
    this.size += entries.length;
  }

  #push(level: number, hashes: Uint8Array): void {
    const tile = this.#levels[level] ??= {
      hashes: new Uint8Array(TILE_WIDTH * HASH_SIZE),
      width: 0,
      full: 0,
    };
    tile.hashes.set(hashes, tile.width * HASH_SIZE);
    tile.width += hashes.length / HASH_SIZE;
    if (tile.width < TILE_WIDTH) return;
    this.#writeTile(level);
    tile.width = 0;
    tile.full++;
    this.#push(level + 1, this.#perfectRoot(tile.hashes));
  }

  #writeTile(level: number): void {
    const { hashes, width, full } = this.#levels[level]!;
    const path = tilePath({ level, index: BigInt(full), width });
    this.write(path, hashes.subarray(0, width * HASH_SIZE));
  }

  /** Writes the partial tiles, and gives the root hash of at least one entry. */
  finish(): Hash {
    let root: Hash | undefined;
    for (const [level, { hashes, width }] of this.#levels.entries()) {
      if (width > 0) this.#writeTile(level);
      let end = width;
      for (let span = 1; span <= end; span *= 2) {
        if ((end & span) === 0) continue;
        const left = this.#perfectRoot(
          hashes.subarray((end - span) * HASH_SIZE, end * HASH_SIZE),
        );
        root = root === undefined ? left : nodeHash(left, root);
        end -= span;
      }
    }
    return root!;
  }

  #perfectRoot(hashes: Uint8Array): Hash {
    let row = hashes;
    while (row.length > HASH_SIZE) {
      const job = this.#kernel.placePairs(row);
      this.#kernel.hash(job);
      row = this.#kernel.read(job);
    }
    return row.slice();
  }

  write(path: string, bytes: Uint8Array): void {
    const file = join(this.#folder, path);
    const folder = dirname(file);
    if (!this.#folders.has(folder)) {
      Deno.mkdirSync(folder, { recursive: true });
      this.#folders.add(folder);
    }
    Deno.writeFileSync(file, bytes);
  }
}
