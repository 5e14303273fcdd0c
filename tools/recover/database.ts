/**
 * The database under what `recover` knows: made, opened, held against its subject.
 * Each step of a run is one transaction, so that a process that is killed loses at
 * most the fetch that was under way. One process at a time.
 *
 * @module
 */

import { encodeHex, sha256, utf8 } from "@indelible/core";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";

const VERSION = 1;
const SCHEMA = `
  CREATE TABLE subject (version INTEGER NOT NULL, origin TEXT NOT NULL, registry TEXT NOT NULL) STRICT;
  CREATE TABLE tree (taken INTEGER NOT NULL, size INTEGER NOT NULL, root BLOB NOT NULL) STRICT;
  CREATE TABLE logged (
    file TEXT PRIMARY KEY,
    project TEXT,
    digest BLOB NOT NULL,
    leaf INTEGER NOT NULL,
    newest INTEGER NOT NULL,
    yanked INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX logged_project ON logged (project);
  CREATE TABLE page (
    project TEXT PRIMARY KEY, at INTEGER NOT NULL, tree_size INTEGER NOT NULL, trouble TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE listed (
    project TEXT NOT NULL,
    file TEXT NOT NULL,
    url TEXT NOT NULL,
    sha256 TEXT,
    yanked INTEGER NOT NULL,
    reason TEXT,
    times INTEGER NOT NULL,
    served TEXT,
    served_sha256 TEXT,
    served_size INTEGER,
    served_why TEXT,
    served_at INTEGER,
    PRIMARY KEY (project, file)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX listed_file ON listed (file);
  CREATE TABLE pass (scope TEXT PRIMARY KEY, since INTEGER NOT NULL, done INTEGER NOT NULL) STRICT;
  CREATE TABLE budget (tokens REAL NOT NULL, at INTEGER NOT NULL) STRICT;
`;

/** Which log and which registry a state is about. */
export interface Subject {
  /** The log's origin. */
  readonly origin: string;
  /** The registry's index, without credentials; empty when none is asked. */
  readonly registry: string;
}

/** A row. */
export type Row = Record<string, SQLInputValue>;

/** An open database. */
export class RecoverDatabase implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  private constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /**
   * Opens the state of a log and a registry, or makes one.
   *
   * @param folder The folder of all such states.
   * @param subject What it is about.
   * @throws {Error} If it is damaged, or in use.
   */
  static async open(folder: string, subject: Subject): Promise<RecoverDatabase> {
    await Deno.mkdir(folder, { recursive: true, mode: 0o700 });
    const name = sha256(utf8(`${subject.origin}\n${subject.registry}`)).subarray(0, 8);
    const path = join(folder, `${encodeHex(name)}.sqlite`);
    let database: RecoverDatabase | null = null;
    try {
      database = new RecoverDatabase(new DatabaseSync(path, { timeout: 1_000 }));
      database.#prepare(subject);
      return database;
    } catch (error) {
      database?.[Symbol.dispose]();
      const why = /database is locked/.test((error as Error).message)
        ? "another process is using it"
        : (error as Error).message;
      throw new Error(`Cannot use the state ${path}: ${why}`, { cause: error });
    }
  }

  #prepare({ origin, registry }: Subject): void {
    this.#database.exec("PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL;");
    this.transaction(() => {
      const there = this.get("SELECT name FROM sqlite_master WHERE name = 'subject'");
      if (!there) {
        this.#database.exec(SCHEMA);
        this.run("INSERT INTO subject VALUES (?, ?, ?)", VERSION, origin, registry);
        return;
      }
      const found = this.get("SELECT * FROM subject")!;
      if (found["version"] !== VERSION) throw new Error(`its version is not ${VERSION}`);
      if (found["origin"] !== origin || found["registry"] !== registry) {
        throw new Error(`it is about ${found["origin"]} and ${found["registry"]}`);
      }
    });
  }

  /** Does several writes as one. */
  transaction(write: () => void): void {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      write();
      this.#database.exec("COMMIT");
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, statement = this.#database.prepare(sql));
    return statement;
  }

  /** Runs a statement that writes. */
  run(sql: string, ...values: SQLInputValue[]): void {
    this.#statement(sql).run(...values);
  }

  /** The first row of a query; `null` when there is none. */
  get(sql: string, ...values: SQLInputValue[]): Row | null {
    return (this.#statement(sql).get(...values) ?? null) as Row | null;
  }

  /** Makes tables of this connection alone: they are on disk, and gone when it is closed. */
  makeTemporary(sql: string): void {
    this.#database.exec(sql);
  }

  /** The rows of a query one by one, so that there may be any number of them. */
  *each(sql: string, ...values: SQLInputValue[]): Generator<Row> {
    // A statement of its own: the caller may come back with the same question meanwhile.
    yield* this.#database.prepare(sql).iterate(...values) as Iterable<Row>;
  }

  /** All rows of a query. */
  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }
}
