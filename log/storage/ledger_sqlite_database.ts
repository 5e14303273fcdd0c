/**
 * The SQLite database under the ledger: how it is created, opened, checked,
 * kept tidy, and what its errors mean. The tables' meaning is next door in
 * `ledger_sqlite_tables.ts`. Runs in the ledger's worker.
 *
 * - WAL with `synchronous=FULL`: a commit is one append and one fsync.
 * - `locking_mode=EXCLUSIVE`, taken at open: a second process is refused then,
 *   not at its first write, and no shared-memory file is needed. (The lock is
 *   POSIX: this process must never open and close the file by other means.)
 * - Moving the WAL into the database ("checkpoint" in SQLite's words) is done
 *   by hand: SQLite's own automatic one does not report its errors, and an
 *   fsync that failed there must stop us.
 *
 * @module
 */

import { DatabaseSync, type StatementSync } from "node:sqlite";
import { Damaged, NotStored, type NotStoredReason } from "./failure.ts";
import {
  APPLICATION_ID,
  MIGRATION,
  READABLE_VERSIONS,
  SCHEMA,
  SCHEMA_VERSION,
  schemaVersion,
} from "./ledger_sqlite_schema.ts";
import { mergeWal } from "./sqlite_wal.ts";

/** Deno 2.9.6 has this method, its type does not. */
type ArrayStatement = StatementSync & {
  setReturnArrays(enabled: boolean): void;
};

/** WAL pages after which a publish tidies, and after which a commit does too: 16 and 128 MiB. */
const TIDY_PAGES = 4_096;
const TIDY_PAGES_IN_COMMIT = 32_768;

/** Primary result codes, https://www.sqlite.org/rescode.html. */
const [BUSY, READONLY, CORRUPT, FULL, CONSTRAINT, NOTADB] = [
  5,
  8,
  11,
  13,
  19,
  26,
];
/** The file was renamed or removed under us: not a matter of trying again. */
const READONLY_DBMOVED = 1032;
/** The file is shorter than it says. */
const IOERR_SHORT_READ = 522;

/** An open ledger database. Owned by the worker; every method is synchronous. */
export class LedgerDatabase {
  readonly #path: string;
  readonly #database: DatabaseSync;
  readonly #readOnly: boolean;
  /** Whether what an earlier process left in the WAL was written again: see `#settle`. */
  #settled = false;
  /** The error after which nothing here can be believed. */
  #lost: unknown = null;

  /**
   * @param path The database, which must exist.
   * @param readOnly Whether to work on a copy in memory, see `openCopy`.
   */
  constructor(path: string, readOnly: boolean) {
    this.#path = path;
    this.#readOnly = readOnly;
    this.#database = this.run(() => readOnly ? openCopy(path) : openExclusively(path));
    try {
      this.run(() => check(this.#database, path));
      if (!readOnly) this.#settleIfRoom();
    } catch (error) {
      this.#database.close();
      throw error;
    }
  }

  /** Prepares a statement whose rows come as arrays. */
  prepare(sql: string): StatementSync {
    const statement: ArrayStatement = this.#database.prepare(
      sql,
    ) as ArrayStatement;
    statement.setReturnArrays(true);
    return statement;
  }

  /**
   * Runs a read, giving its errors their meaning.
   *
   * @param read What to do.
   */
  run<T>(read: () => T): T {
    if (this.#lost !== null) {
      throw new Error(
        `Cannot use ledger: an earlier failure left it unknown: ${this.#lost}`,
      );
    }
    try {
      return read();
    } catch (error) {
      throw this.#judge(error);
    }
  }

  /**
   * Runs a write as one transaction: all of it or nothing.
   *
   * @param write What to do.
   */
  transaction(write: () => void): void {
    if (this.#readOnly) {
      throw new NotStored(
        "read-only",
        `Cannot write ${this.#path}: ledger is open for reading only`,
      );
    }
    this.run(() => {
      this.#settle();
      this.#atOnce(write);
    });
  }

  #atOnce(write: () => void): void {
    run(this.#database, "BEGIN IMMEDIATE");
    try {
      write();
      run(this.#database, "COMMIT");
    } catch (error) {
      // SQLite ends the transaction itself after some errors. If it cannot be
      // ended, that error replaces this one, and is unknown.
      if (this.#database.isTransaction) run(this.#database, "ROLLBACK");
      throw error;
    }
  }

  /**
   * Moves the WAL into the database when it has grown; the cheap moment is
   * after a publish. An error shows at the next call.
   *
   * @param after The method just answered.
   */
  tidy(after: string): void {
    if (this.#readOnly || this.#lost !== null || !this.#database.isOpen) return;
    const limit = after === "publish"
      ? TIDY_PAGES
      : after === "commit"
      ? TIDY_PAGES_IN_COMMIT
      : Infinity;
    if (limit === Infinity) return;
    try {
      const { log } = this.#database.prepare("PRAGMA wal_checkpoint(NOOP)")
        .get() as { log: number };
      if (log >= limit) {
        this.#database.prepare("PRAGMA wal_checkpoint(PASSIVE)").get();
      }
    } catch (error) {
      this.#judge(error);
    }
  }

  /** Closes the database. */
  close(): void {
    if (this.#database.isOpen) this.#database.close();
  }

  /**
   * Writes what is in the WAL again, into the database, and fsyncs it. If the
   * process before us died of a failed fsync, the page cache shows a WAL that
   * the disk does not have; building on it would lose what is built.
   */
  #settle(): void {
    if (this.#settled) return;
    const result = this.#database.prepare("PRAGMA wal_checkpoint(TRUNCATE)")
      .get();
    if (result?.busy !== 0) {
      throw new Error("Cannot move WAL into the ledger: it is in use");
    }
    // Nothing is written to the tables of an older program before they are today's.
    if (schemaVersion(this.#database) !== SCHEMA_VERSION) {
      this.#atOnce(() => MIGRATION.forEach((sql) => run(this.#database, sql)));
    }
    this.#settled = true;
  }

  /** At open a full disk is no reason to refuse reads: `transaction` tries again. */
  #settleIfRoom(): void {
    try {
      this.run(() => this.#settle());
    } catch (error) {
      if (!(error instanceof NotStored)) throw error;
    }
  }

  #judge(error: unknown): unknown {
    const judged = judge(error, this.#path);
    if (judged.lost) this.#lost = judged.error;
    return judged.error;
  }
}

/**
 * Creates a complete, empty ledger database. The caller gives it its final
 * name, so that a crash never leaves half a ledger under that name.
 *
 * @param path The file to create; it must not exist.
 */
export function createDatabase(path: string): void {
  try {
    using database = new DatabaseSync(path);
    run(database, "PRAGMA locking_mode = EXCLUSIVE");
    run(database, "PRAGMA journal_mode = WAL");
    run(database, "PRAGMA synchronous = FULL");
    run(database, "BEGIN");
    run(database, `PRAGMA application_id = ${APPLICATION_ID}`);
    for (const sql of SCHEMA) run(database, sql);
    run(database, `INSERT INTO schema_version VALUES (${SCHEMA_VERSION})`);
    run(database, "COMMIT");
    // Moves all into the one file, fsyncs it, and lets go of the WAL.
    run(database, "PRAGMA wal_checkpoint(TRUNCATE)");
  } catch (error) {
    throw judge(error, path).error;
  }
}

function openExclusively(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    set(database, "locking_mode", "EXCLUSIVE", "exclusive");
    set(database, "synchronous", "FULL", 2);
    set(database, "journal_mode", "WAL", "wal");
    set(database, "wal_autocheckpoint", 0, 0);
    set(database, "cell_size_check", "ON", 1);
    // Takes the lock, and finds out whether the file can be written.
    run(database, "BEGIN IMMEDIATE");
    run(database, "ROLLBACK");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/**
 * Opens a copy in memory of the database and of what its WAL has committed.
 * SQLite opens no WAL database on a read-only disk unless told that it is
 * immutable, and then ignores the WAL: it would show an old head. So this
 * takes memory for the whole ledger, until the disk can be written again.
 */
function openCopy(path: string): DatabaseSync {
  const image = mergeWal(
    path,
    Deno.readFileSync(path),
    readOrNull(`${path}-wal`),
  );
  const database = new DatabaseSync(":memory:");
  try {
    database.deserialize(image);
    run(database, "PRAGMA query_only = ON");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function check(database: DatabaseSync, path: string): void {
  const read = (sql: string): unknown => Object.values(database.prepare(sql).get() ?? {})[0];
  const id = read("PRAGMA application_id");
  if (id !== APPLICATION_ID) throw new Damaged(path, "it is not a ledger");
  const version = schemaVersion(database);
  if (!READABLE_VERSIONS.includes(version)) {
    throw new Error(
      `Cannot open ledger ${path}: its schema version is ${version}, this program knows ${SCHEMA_VERSION}`,
    );
  }
  // Reads every page once: a damaged one stops us now rather than in the middle of a batch.
  const state = read("PRAGMA quick_check(1)");
  if (state !== "ok") throw new Damaged(path, String(state));
}

function set(
  database: DatabaseSync,
  name: string,
  value: string | number,
  expected: unknown,
): void {
  run(database, `PRAGMA ${name} = ${value}`);
  const actual = database.prepare(`PRAGMA ${name}`).get()?.[name];
  if (actual !== expected) {
    throw new Error(
      `Cannot open ledger: SQLite keeps ${name} at ${actual} instead of ${value}`,
    );
  }
}

/** What a SQLite error means, and whether the database is lost with it. */
function judge(
  error: unknown,
  path: string,
): { error: unknown; lost: boolean } {
  if (!isSqliteError(error)) return { error, lost: false };
  const act = `Cannot use ledger ${path}`;
  const options = { cause: error };
  const refused = (reason: NotStoredReason, state: string) => ({
    error: new NotStored(reason, `${act}: ${state}`, options),
    lost: false,
  });
  const { errcode = 0 } = error;
  const damaged = () => ({
    error: new Damaged(path, error.message, options),
    lost: true,
  });
  if (errcode === IOERR_SHORT_READ) return damaged();
  switch (errcode & 0xff) {
    // ENOSPC. What else a full disk may bring (an fsync that fails) is unknown.
    case FULL:
      return refused("full", "no space left");
    case BUSY:
      return refused("busy", "another process is using it");
    case READONLY:
      if (errcode === READONLY_DBMOVED) break;
      return refused("read-only", "not writable");
    // Rolled back, and known to be so: our caller's fault, not the disk's.
    case CONSTRAINT:
      return { error, lost: false };
    case CORRUPT:
    case NOTADB:
      return damaged();
  }
  return {
    error: new Error(`${act}: ${error.message} (SQLite ${errcode})`, options),
    lost: true,
  };
}

/** Unlike `exec`, whose errors on Deno 2.9.6 lack SQLite's code. */
function run(database: DatabaseSync, sql: string): void {
  database.prepare(sql).run();
}

function isSqliteError(error: unknown): error is Error & { errcode?: number } {
  return error instanceof Error && "code" in error &&
    error.code === "ERR_SQLITE_ERROR";
}

function readOrNull(path: string): Uint8Array | null {
  try {
    return Deno.readFileSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return null;
    throw error;
  }
}
