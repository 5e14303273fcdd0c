/**
 * Which files have been fetched and when: so that the check goes on where it was stopped,
 * the ones looked at longest ago first, and asks a registry no more after a restart.
 *
 * @module
 */

import { DatabaseSync } from "node:sqlite";
import type { Bucket, BucketStore } from "../recover/budget.ts";

const VERSION = 1;
const SCHEMA = `
  CREATE TABLE watched (leaf INTEGER PRIMARY KEY, checked INTEGER NOT NULL) STRICT;
  CREATE INDEX watched_checked ON watched (checked, leaf);
  CREATE TABLE roll (next INTEGER NOT NULL, began INTEGER NOT NULL) STRICT;
  CREATE TABLE budget (tokens REAL NOT NULL, at INTEGER NOT NULL) STRICT;
  INSERT INTO roll VALUES (0, 0);
`;

/** The state of one log's artifacts. */
export class ArtifactState implements BucketStore, Disposable {
  readonly #database: DatabaseSync;

  /**
   * Opens it, or begins one.
   *
   * @param path Its file.
   * @throws {Error} If it is of another version.
   */
  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: 5_000 });
    this.#database.exec("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;");
    const { user_version: version } = this.#database.prepare("PRAGMA user_version").get()!;
    if (version === 0) {
      this.#database.exec(`BEGIN; ${SCHEMA} PRAGMA user_version=${VERSION}; COMMIT;`);
    } else if (version !== VERSION) {
      this.#database.close();
      throw new Error(`Cannot use ${path}: its version is not ${VERSION}`);
    }
  }

  /** Adds entries that are to be looked at. */
  watch(leafIndexes: readonly number[]): void {
    if (leafIndexes.length === 0) return;
    const insert = this.#database.prepare("INSERT OR IGNORE INTO watched VALUES (?, 0)");
    this.#database.exec("BEGIN");
    for (const leafIndex of leafIndexes) insert.run(leafIndex);
    this.#database.exec("COMMIT");
  }

  /** The watched entry that was looked at longest ago, if that was before a time. */
  nextWatched(before: number): number | null {
    const row = this.#database.prepare(
      "SELECT leaf FROM watched WHERE checked < ? ORDER BY checked, leaf LIMIT 1",
    ).get(before);
    return row ? row["leaf"] as number : null;
  }

  /** It was looked at. */
  checked(leafIndex: number, at: number): void {
    this.#database.prepare("UPDATE watched SET checked = ? WHERE leaf = ?").run(at, leafIndex);
  }

  /** How far it is with all entries, and since when it has been going through them. */
  get roll(): { next: number; began: number } {
    const { next, began } = this.#database.prepare("SELECT next, began FROM roll").get()!;
    return { next: next as number, began: began as number };
  }

  set roll({ next, began }: { next: number; began: number }) {
    this.#database.prepare("UPDATE roll SET next = ?, began = ?").run(next, began);
  }

  /** See {@linkcode BucketStore}. */
  loadBucket(): Bucket | null {
    const row = this.#database.prepare("SELECT tokens, at FROM budget").get();
    return row ? { tokens: row["tokens"] as number, at: row["at"] as number } : null;
  }

  /** See {@linkcode BucketStore}. */
  saveBucket({ tokens, at }: Bucket): void {
    this.#database.exec("BEGIN; DELETE FROM budget");
    this.#database.prepare("INSERT INTO budget VALUES (?, ?)").run(tokens, at);
    this.#database.exec("COMMIT");
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    this.#database.close();
  }
}
