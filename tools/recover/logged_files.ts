/**
 * What the log says, by file and by project: a table that entries are taken into in
 * the log's order. It only saves work: the tree that its entries were proven under is
 * kept beside it, and held against the log's newest before the rest is used.
 *
 * @module
 */

import { encodeHex, type Entry, equalBytes, formatChecksum, type TreeHead } from "@indelible/core";
import type { RecoverDatabase, Row } from "./database.ts";

/** What the log says of a file, with its project. */
export interface LoggedFile {
  /** Its name. */
  readonly file: string;
  /** Its project; `null` when the name does not tell. */
  readonly project: string | null;
  /** The one SHA-256, in hex. */
  readonly sha256: string;
  /** Whether the log says that it was removed. */
  readonly removed: boolean;
}

/** The table. */
export class LoggedFiles {
  readonly #database: RecoverDatabase;

  /** @param database Where it is. */
  constructor(database: RecoverDatabase) {
    this.#database = database;
  }

  /** How many entries are taken, and the tree that they were proven under. */
  get tree(): { readonly taken: number; readonly head: TreeHead } | null {
    const row = this.#database.get("SELECT * FROM tree");
    return row && {
      taken: row["taken"] as number,
      head: { size: BigInt(row["size"] as number), root: row["root"] as Uint8Array },
    };
  }

  /** Remembers how many entries are taken, and under which tree. */
  setTree(taken: number, { size, root }: TreeHead): void {
    this.#database.run("DELETE FROM tree");
    this.#database.run("INSERT INTO tree VALUES (?, ?, ?)", taken, Number(size), root);
  }

  /** Does several writes as one. */
  transaction(write: () => void): void {
    this.#database.transaction(write);
  }

  /** Forgets all of it. */
  forget(): void {
    this.#database.run("DELETE FROM tree");
    this.#database.run("DELETE FROM logged");
  }

  /**
   * Takes an entry of the log.
   *
   * @throws {Error} If the log has another digest for that file.
   */
  take(leafIndex: number, entry: Entry, project: string | null): void {
    const { file, digest, event } = entry;
    const known = this.#database.get("SELECT digest, leaf FROM logged WHERE file = ?", file);
    if (known && !equalBytes(known["digest"] as Uint8Array, digest)) {
      throw new Error(
        `the log has two digests for ${file}: entries ${known["leaf"]} and ${leafIndex} ` +
          `(${formatChecksum(digest)}); run fsck, and rely on nothing that this log says`,
      );
    }
    if (!known) {
      const sql = "INSERT INTO logged (file, project, digest, leaf, newest) VALUES (?, ?, ?, ?, ?)";
      this.#database.run(sql, file, project, digest, leafIndex, leafIndex);
    }
    const change = CHANGES[event];
    if (change) {
      this.#database.run(`UPDATE logged SET newest = ?, ${change} WHERE file = ?`, leafIndex, file);
    }
  }

  /** How many files of the log have names that do not tell their project. */
  get unplaced(): number {
    return this.#database.get(
      "SELECT count(*) AS n FROM logged WHERE project IS NULL",
    )!["n"] as number;
  }

  /** The files of a project that the log has. */
  ofProject(project: string): Map<string, LoggedFile> {
    const rows = this.#database.all("SELECT * FROM logged WHERE project = ?", project);
    return new Map(rows.map((row) => [row["file"] as string, loggedFile(row)]));
  }

  /** Whether the log has a file of a project. */
  knowsProject(project: string): boolean {
    return this.#database.get("SELECT 1 FROM logged WHERE project = ? LIMIT 1", project) !== null;
  }

  /** What the log says of a file. */
  file(file: string): LoggedFile | null {
    const row = this.#database.get("SELECT * FROM logged WHERE file = ?", file);
    return row && loggedFile(row);
  }
}

const CHANGES: Partial<Record<Entry["event"], string>> = {
  yank: "yanked = 1",
  unyank: "yanked = 0",
  remove: "removed = 1",
  restore: "removed = 0",
};

function loggedFile(row: Row): LoggedFile {
  return {
    file: row["file"] as string,
    project: row["project"] as string | null,
    sha256: encodeHex(row["digest"] as Uint8Array),
    removed: row["removed"] === 1,
  };
}
