/**
 * The tables of the ledger's SQLite database, and how those of older programs become
 * today's. Runs in the ledger's worker.
 *
 * @module
 */

import type { DatabaseSync } from "node:sqlite";

/** "Inde": says that a database is a ledger at all. */
export const APPLICATION_ID = 0x496e6465;
/** Version 1 also had a table of identifiers, which are now derived from the entries. */
export const SCHEMA_VERSION = 2;
/** What can be read as it is; before it is written to, it is brought to {@linkcode SCHEMA_VERSION}. */
export const READABLE_VERSIONS: readonly unknown[] = [1, SCHEMA_VERSION];

/** The statements that make an empty ledger. */
export const SCHEMA: readonly string[] = [
  `
    CREATE TABLE schema_version (version INTEGER NOT NULL) STRICT
  `,
  `
    CREATE TABLE head (
      one INTEGER PRIMARY KEY CHECK (one = 1),
      origin TEXT NOT NULL,
      size INTEGER NOT NULL,
      checkpoint BLOB NOT NULL,
      published_size INTEGER NOT NULL,
      published BLOB
    ) STRICT
  `,
  `
    CREATE TABLE staged (
      ordinal INTEGER PRIMARY KEY,
      size INTEGER NOT NULL,
      path TEXT NOT NULL,
      bytes BLOB NOT NULL
    ) STRICT
  `,
  `
    CREATE TABLE refusal (
      ordinal INTEGER PRIMARY KEY AUTOINCREMENT,
      time TEXT NOT NULL,
      ecosystem TEXT NOT NULL,
      filename TEXT NOT NULL,
      checksum TEXT NOT NULL,
      existing_index INTEGER NOT NULL,
      existing_checksum TEXT NOT NULL,
      publisher TEXT
    ) STRICT
  `,
  // To a plain UNIQUE every NULL is another one; no publisher is called "".
  `
    CREATE UNIQUE INDEX refusal_identity
      ON refusal (ecosystem, filename, checksum, ifnull(publisher, ''))
  `,
];

/** The version of a ledger's tables; null when it does not say one. */
export function schemaVersion(database: DatabaseSync): unknown {
  const versions = database.prepare("SELECT version FROM schema_version").all();
  return versions.length === 1 ? versions[0]?.version : null;
}

/**
 * The statements that bring the tables of version 1 to {@linkcode SCHEMA_VERSION}: one
 * transaction. From then on a program that knows only version 1 refuses the ledger; its
 * table of identifiers would lack what is logged now. The pages are used again, the file
 * does not shrink: SQLite's `VACUUM` needs a right that Deno gives only with all others.
 */
export const MIGRATION: readonly string[] = [
  "DROP TABLE identifier",
  `UPDATE schema_version SET version = ${SCHEMA_VERSION}`,
];
