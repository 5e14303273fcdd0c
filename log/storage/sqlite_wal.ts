/**
 * Applies a SQLite write-ahead log to the bytes of its database, in memory:
 * how a ledger is read on a disk that cannot be written. Pure.
 *
 * The format is fixed for ever by https://www.sqlite.org/fileformat2.html,
 * §4.1 (header and frames), §4.2 (checksums), §4.3 (what a reader believes).
 *
 * @module
 */

import { Damaged } from "./failure.ts";

const HEADER_LENGTH = 32;
const FRAME_HEADER_LENGTH = 24;
/** With the lowest bit set the checksums read big-endian words, else little-endian. */
const MAGIC = 0x377f0682;

/**
 * Applies the committed frames of a WAL.
 *
 * @param path The database's name, for errors.
 * @param database The database file; its bytes are not changed.
 * @param wal The WAL file, or null when there is none.
 * @returns A database file in rollback-journal mode, complete without a WAL.
 * @throws {Damaged} If the database is not one, or does not fit its WAL.
 */
export function mergeWal(
  path: string,
  database: Uint8Array,
  wal: Uint8Array | null,
): Uint8Array {
  if (
    new TextDecoder().decode(database.subarray(0, 16)) !== "SQLite format 3\0"
  ) {
    throw new Damaged(path, "it is not a SQLite database");
  }
  const view = new DataView(
    database.buffer,
    database.byteOffset,
    database.byteLength,
  );
  if (database.length < 100) throw new Damaged(path, "it is cut short");
  const pageSize = view.getUint16(16) === 1 ? 65_536 : view.getUint16(16);
  const committed = wal === null ? null : committedFrames(path, wal, pageSize);
  const pages = committed?.pages ?? Math.floor(database.length / pageSize);

  // Only a crash while moving the WAL leaves part of a page, and then the WAL.
  if (committed === null && (pages === 0 || database.length % pageSize !== 0)) {
    throw new Damaged(path, "it is cut short");
  }
  const merged = new Uint8Array(pages * pageSize);
  merged.set(database.subarray(0, merged.length));
  for (const [page, bytes] of committed?.frames ?? []) {
    // A later commit may have made the database shorter than an earlier frame.
    if (page <= pages) merged.set(bytes, (page - 1) * pageSize);
  }
  // Format versions for writing and reading: 1 is a rollback journal, 2 a WAL.
  merged.set([1, 1], 18);
  return merged;
}

interface Committed {
  /** Size of the database in pages after the last commit. */
  readonly pages: number;
  /** Page number (from 1) and its newest bytes. */
  readonly frames: ReadonlyMap<number, Uint8Array>;
}

/** Reads up to the last commit whose checksums hold; null when there is none. */
function committedFrames(
  path: string,
  wal: Uint8Array,
  pageSize: number,
): Committed | null {
  if (wal.length < HEADER_LENGTH) return null;
  const view = new DataView(wal.buffer, wal.byteOffset, wal.byteLength);
  const bigEndian = (view.getUint32(0) & 1) === 1;
  if ((view.getUint32(0) & ~1) >>> 0 !== MAGIC) return null;
  const checksum = new Checksum(view, !bigEndian);
  checksum.add(0, 24);
  // A header that is not whole was never followed by a commit.
  if (!checksum.is(view.getUint32(24), view.getUint32(28))) return null;
  if (view.getUint32(8) !== pageSize) {
    throw new Damaged(path, "its WAL has another page size");
  }

  let pages = 0;
  const frames = new Map<number, Uint8Array>();
  const uncommitted = new Map<number, Uint8Array>();
  const length = FRAME_HEADER_LENGTH + pageSize;
  for (let at = HEADER_LENGTH; at + length <= wal.length; at += length) {
    // The salts tell this run's frames from older ones that lie behind them.
    if (view.getUint32(at + 8) !== view.getUint32(16)) break;
    if (view.getUint32(at + 12) !== view.getUint32(20)) break;
    checksum.add(at, 8);
    checksum.add(at + FRAME_HEADER_LENGTH, pageSize);
    if (!checksum.is(view.getUint32(at + 16), view.getUint32(at + 20))) break;
    uncommitted.set(
      view.getUint32(at),
      wal.subarray(at + FRAME_HEADER_LENGTH, at + length),
    );
    // Only the last frame of a transaction names the database's new size.
    const pagesAfter = view.getUint32(at + 4);
    if (pagesAfter === 0) continue;
    pages = pagesAfter;
    for (const [page, bytes] of uncommitted) frames.set(page, bytes);
    uncommitted.clear();
  }
  return pages === 0 ? null : { pages, frames };
}

/** The running checksum of §4.2. */
class Checksum {
  readonly #view: DataView;
  readonly #littleEndian: boolean;
  #a = 0;
  #b = 0;

  constructor(view: DataView, littleEndian: boolean) {
    this.#view = view;
    this.#littleEndian = littleEndian;
  }

  add(offset: number, length: number): void {
    for (let at = offset; at < offset + length; at += 8) {
      this.#a = (this.#a + this.#view.getUint32(at, this.#littleEndian) + this.#b) >>>
        0;
      this.#b = (this.#b + this.#view.getUint32(at + 4, this.#littleEndian) +
        this.#a) >>> 0;
    }
  }

  is(a: number, b: number): boolean {
    return this.#a === a && this.#b === b;
  }
}
