/**
 * Which store a program uses: the flags that say so, what they may touch, and
 * the store itself.
 *
 * @module
 */

import { type Permissions, UsageError } from "@indelible/core/command";
import { parseFile } from "./process.ts";
import type { WitnessStore } from "./store.ts";
import { SqliteStore } from "./store_sqlite.ts";

/** The flags that name a store: one of the two. */
export type DatabaseFlags = {
  /** A SQLite database. */
  readonly databasePath?: string | undefined;
  /** A file that holds the URL of a PostgreSQL database. */
  readonly databaseUrlFile?: string | undefined;
};

/** A flag that names a file. */
export const fileFlag = (brief: string) =>
  ({ kind: "parsed", parse: String, placeholder: "F", brief }) as const;

/** Their command line. */
export const DATABASE_FLAGS = {
  databasePath: {
    ...fileFlag("The witness's SQLite database, made on first use"),
    optional: true,
  },
  databaseUrlFile: {
    ...fileFlag("Instead of it, a file with the URL of a PostgreSQL database"),
    optional: true,
  },
} as const;

/** Checks that one store is named. */
function check({ databasePath, databaseUrlFile }: DatabaseFlags): void {
  if ((databasePath === undefined) === (databaseUrlFile === undefined)) {
    throw new UsageError(
      "One of --database-path and --database-url-file must say where the witness keeps its state",
    );
  }
}

/** The PostgreSQL driver reads variables of this name at its start. */
const POSTGRES_ENV = ["PG*"];

/**
 * What the store may touch.
 *
 * @param flags Which store.
 */
export async function databasePermissions(
  flags: DatabaseFlags,
): Promise<Permissions> {
  check(flags);
  const { databasePath: path, databaseUrlFile } = flags;
  if (path !== undefined) {
    const files = ["", "-wal", "-shm", "-journal"].map((end) => path + end);
    return { read: files, write: files };
  }
  const { hostname, port } = await readDatabaseUrl(databaseUrlFile!);
  return {
    read: [databaseUrlFile!],
    net: [`${hostname}:${port || 5432}`],
    env: POSTGRES_ENV,
  };
}

/**
 * Opens the store.
 *
 * @param flags Which store.
 * @throws {UsageError} If not exactly one is named.
 * @throws {Error} If it cannot be used.
 */
export async function openDatabase(
  flags: DatabaseFlags,
): Promise<WitnessStore> {
  check(flags);
  if (flags.databasePath !== undefined) {
    return new SqliteStore(flags.databasePath);
  }
  const url = await readDatabaseUrl(flags.databaseUrlFile!);
  // Loaded when asked for: its driver reads the environment.
  const { PostgresStore } = await import("./store_postgres.ts");
  return await PostgresStore.open(url.href);
}

/**
 * Opens a store that is there already, for those who only look or change: they
 * make none.
 *
 * @param flags Which store.
 * @returns The store; `null` if there is none.
 * @throws {UsageError} If not exactly one is named.
 * @throws {Error} If it cannot be used.
 */
export async function openExisting(
  flags: DatabaseFlags,
): Promise<WitnessStore | null> {
  check(flags);
  const { databasePath, databaseUrlFile } = flags;
  if (databasePath !== undefined) {
    const there = await Deno.stat(databasePath).then(() => true, (error) => {
      if (error instanceof Deno.errors.NotFound) return false;
      throw new Error(`Cannot read --database-path ${databasePath}: ${error.message}`);
    });
    return there ? new SqliteStore(databasePath) : null;
  }
  const url = await readDatabaseUrl(databaseUrlFile!);
  const { PostgresStore } = await import("./store_postgres.ts");
  return await PostgresStore.openExisting(url.href);
}

/** The same, where there must be one. */
export async function openOrFail(flags: DatabaseFlags): Promise<WitnessStore> {
  const store = await openExisting(flags);
  if (store) return store;
  const { databasePath, databaseUrlFile } = flags;
  throw new Error(
    databasePath === undefined
      ? `There is no witness's state in the database of --database-url-file ${databaseUrlFile}`
      : `There is no witness's database at --database-path ${databasePath}`,
  );
}

async function readDatabaseUrl(path: string): Promise<URL> {
  return await parseFile(path, "--database-url-file", (text) => {
    if (!URL.canParse(text) || !/^postgres(ql)?:/.test(text)) {
      // Not repeated: it may hold a password.
      throw new SyntaxError("it must hold one URL, postgres://…");
    }
    return new URL(text);
  });
}

/** Joins what two parts of a program may touch. */
export function joinPermissions(a: Permissions, b: Permissions): Permissions {
  const join = (x: readonly string[] = [], y: readonly string[] = []) => [
    ...x,
    ...y,
  ];
  return {
    read: join(a.read, b.read),
    write: join(a.write, b.write),
    net: a.net === true || b.net === true ? true : join(a.net, b.net),
    env: join(a.env, b.env),
  };
}
