/**
 * The SQLite database under `store_sqlite.ts`: how it is made, opened and
 * checked, and what its errors mean.
 *
 * - WAL with `synchronous=FULL`: a commit is one write and one fsync.
 * - Not exclusive, so that a log can be added while the witness runs.
 * - The WAL is moved into the database by hand (SQLite's own automatic move does
 *   not report its errors) and is then written over from its start, which makes
 *   a commit a third cheaper than one that lengthens the file (measured).
 *
 * @module
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { SCHEMA_VERSION, StoreLost } from "./store.ts";

/** "InWi": says that a database is a witness's. */
const APPLICATION_ID = 0x496e5769n;

const SCHEMA = [
  "CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT",
  "CREATE TABLE witness (name TEXT NOT NULL) STRICT",
  `CREATE TABLE log (
    id TEXT PRIMARY KEY,
    origin TEXT NOT NULL,
    vkeys TEXT NOT NULL,
    url TEXT,
    disabled INTEGER NOT NULL,
    size INTEGER,
    root BLOB,
    time INTEGER,
    note BLOB
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE evidence (
    ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    origin TEXT NOT NULL,
    kind TEXT NOT NULL,
    size INTEGER NOT NULL,
    root BLOB NOT NULL,
    note BLOB NOT NULL,
    held BLOB NOT NULL,
    time INTEGER NOT NULL,
    count INTEGER NOT NULL,
    UNIQUE (id, size, root)
  ) STRICT`,
];

/** Commits after which the WAL is moved into the database. */
const COMMITS_IN_WAL = 1_000;
/** How long to wait for another process that is writing, in milliseconds. */
const BUSY_TIMEOUT = 5_000;

/** Primary result codes, https://www.sqlite.org/rescode.html. */
const [BUSY, READONLY, FULL, CONSTRAINT, NOTADB] = [5, 8, 13, 19, 26];

/** Makes the file for its owner alone; those that SQLite puts beside it take its mode. */
function makeFile(path: string): void {
  try {
    // Never opened where it is there: closing it would end the locks that this process has on it.
    Deno.openSync(path, { write: true, createNew: true, mode: 0o600 }).close();
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) return;
    const why = error instanceof Deno.errors.NotFound
      ? "there is no such folder"
      : (error as Error).message;
    throw new Error(`Cannot use --database-path ${path}: ${why}`, { cause: error });
  }
}

/** An open witness database; every method is synchronous. */
export class WitnessDatabase {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  #commits = 0;
  /** Why nothing here can be believed any more. */
  #lost: StoreLost | null = null;

  /**
   * Opens the database.
   *
   * @param path The file; made if there is no such file, or an empty one.
   * @throws {Error} If it is another program's, damaged, or cannot be used.
   */
  constructor(path: string) {
    this.#path = path;
    makeFile(path);
    try {
      this.#database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT });
    } catch (error) {
      throw this.#judge(error);
    }
    try {
      this.run(() => this.#open());
      this.#begin = this.#database.prepare("BEGIN IMMEDIATE");
      this.#commit = this.#database.prepare("COMMIT");
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Prepares a statement; its integers come as `bigint`. */
  prepare(sql: string): StatementSync {
    const statement = this.#database.prepare(sql);
    statement.setReadBigInts(true);
    return statement;
  }

  /** Runs a read, giving its errors their meaning. */
  run<T>(read: () => T): T {
    if (this.#lost) throw this.#lost;
    try {
      return read();
    } catch (error) {
      throw this.#judge(error);
    }
  }

  /** Runs a write as one transaction, durable when it returns. */
  transaction<T>(write: () => T): T {
    return this.statement(() => {
      this.#begin.run();
      try {
        const result = write();
        this.#commit.run();
        return result;
      } catch (error) {
        if (this.#database.isTransaction) this.#exec("ROLLBACK");
        throw error;
      }
    });
  }

  /** Runs a single statement that writes, durable when it returns. */
  statement<T>(write: () => T): T {
    return this.run(() => {
      const result = write();
      if (++this.#commits % COMMITS_IN_WAL === 0) {
        this.#exec("PRAGMA wal_checkpoint(PASSIVE)");
      }
      return result;
    });
  }

  /** Closes the database. */
  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  #open(): void {
    // Before anything is changed: a database of another program stays as it is.
    const id = this.#pragma("application_id");
    const tables = this.#read("SELECT count(*) FROM sqlite_schema");
    const isNew = id === 0n && tables === 0n;
    if (!isNew && id !== APPLICATION_ID) {
      throw new Error(
        `Cannot open --database-path ${this.#path}: it is not a witness's database`,
      );
    }
    this.#set("journal_mode", "WAL", "wal");
    this.#set("synchronous", "FULL", 2n);
    this.#set("wal_autocheckpoint", 0, 0n);
    if (isNew) this.#create();
    const version = this.#migrate();
    if (version !== BigInt(SCHEMA_VERSION)) {
      throw new Error(
        `Cannot open --database-path ${this.#path}: its schema version is ${version}, this program knows ${SCHEMA_VERSION}`,
      );
    }
    const state = this.#pragma("quick_check(1)");
    if (state !== "ok") {
      throw new Error(
        `Cannot open --database-path ${this.#path}: it is damaged: ${
          `${state}`.replaceAll("\n", " ")
        }`,
      );
    }
    // If the process before us died of a failed fsync, the page cache may show a
    // WAL that the disk does not have: it is written again, into the database.
    this.#exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  #create(): void {
    this.#exec("BEGIN IMMEDIATE");
    // Two processes may have found it empty; the second one finds it made.
    if (this.#read("SELECT count(*) FROM sqlite_schema") === 0n) {
      this.#exec(`PRAGMA application_id = ${APPLICATION_ID}`);
      for (const sql of SCHEMA) this.#exec(sql);
      this.#exec(`INSERT INTO schema_version VALUES (${SCHEMA_VERSION})`);
    }
    this.#exec("COMMIT");
  }

  /** Takes a database of version 1 on, whose logs have no URL; gives the version it has then. */
  #migrate(): unknown {
    const read = () => this.#read("SELECT version FROM schema_version");
    if (read() !== 1n) return read();
    this.#exec("BEGIN IMMEDIATE");
    // Two processes may have found it so; the second one finds it done.
    if (read() === 1n) {
      this.#exec("ALTER TABLE log ADD COLUMN url TEXT");
      this.#exec(`UPDATE schema_version SET version = ${SCHEMA_VERSION}`);
    }
    this.#exec("COMMIT");
    return read();
  }

  #set(name: string, value: string | number, expected: unknown): void {
    this.#exec(`PRAGMA ${name} = ${value}`);
    const actual = this.#pragma(name);
    if (actual !== expected) {
      throw new Error(
        `Cannot open --database-path ${this.#path}: SQLite keeps ${name} at ${actual} instead of ${value}`,
      );
    }
  }

  #pragma(name: string): unknown {
    return this.#read(`PRAGMA ${name}`);
  }

  #read(sql: string): unknown {
    return Object.values(this.prepare(sql).get() ?? {})[0];
  }

  /** Unlike `exec`, whose errors on Deno 2.9.6 lack SQLite's code. */
  #exec(sql: string): void {
    this.#database.prepare(sql).run();
  }

  /** What an error means. One that leaves the outcome unknown ends the store. */
  #judge(error: unknown): unknown {
    if (
      !(error instanceof Error) || !("code" in error) ||
      error.code !== "ERR_SQLITE_ERROR"
    ) return error;
    const { errcode = 0 } = error as Error & { errcode?: number };
    const act = `Cannot use --database-path ${this.#path}`;
    const options = { cause: error };
    switch (errcode & 0xff) {
      case BUSY:
        return new Error(`${act}: another process is writing it`, options);
      case FULL:
        return new Error(`${act}: no space left`, options);
      case READONLY:
        return new Error(`${act}: it is not writable`, options);
      case NOTADB:
        return new Error(`${act}: it is not a SQLite database`, options);
      case CONSTRAINT:
        return error; // Rolled back, and our own mistake.
      default:
        return this.#lost ??= new StoreLost(
          `${act}: ${error.message} (SQLite ${errcode})`,
          options,
        );
    }
  }
}
