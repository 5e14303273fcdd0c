/**
 * The store's contract on PostgreSQL, and on what speaks its wire protocol: the
 * swap is one conditional UPDATE, which the server decides atomically.
 *
 * A connection that is lost during a commit leaves its outcome unknown: the swap
 * rejects, no signature is released, and the next request reads the truth.
 *
 * @module
 */

import postgres from "postgres";
import type { EvidenceKind, KnownHead } from "./judge.ts";
import {
  type Cosigned,
  type Evidence,
  type Kept,
  type KeptEvidence,
  logId,
  type LogRecord,
  type LogSettings,
  MAX_EVIDENCE,
  registered,
  SCHEMA_VERSION,
  type WitnessStore,
} from "./store.ts";

/** How to use a database. */
export interface PostgresOptions {
  /** Connections for single statements at most; one more is for transactions. */
  readonly connections?: number;
}

const CONNECTIONS = 8;
const CONNECT_TIMEOUT = 10;
/** Two witnesses may start at once; "InWi" makes one wait for the other. */
const SCHEMA_LOCK = 0x496e5769;

interface LogRow {
  readonly origin: string;
  readonly vkeys: string;
  readonly url: string | null;
  readonly disabled: boolean;
  readonly size: string | null;
  readonly root: Uint8Array;
  readonly time: string;
  readonly note: Uint8Array;
}

interface EvidenceRow {
  readonly origin: string;
  readonly kind: EvidenceKind;
  readonly size: string;
  readonly root: Uint8Array;
  readonly note: Uint8Array;
  readonly held: Uint8Array;
  readonly time: string;
  readonly count: string;
}

/** A store in PostgreSQL. */
export class PostgresStore implements WitnessStore {
  /** For single statements, each committed by itself. */
  readonly #sql: postgres.Sql;
  /** One connection that is used for transactions alone. */
  readonly #transactions: postgres.Sql;

  private constructor(connect: (connections: number) => postgres.Sql, connections: number) {
    this.#sql = connect(connections);
    // The driver pipelines. A BEGIN that follows a hundred other queries on a connection is
    // not taken for one (3.4.9), and what comes after it there would never be committed.
    this.#transactions = connect(1);
  }

  /**
   * Opens the store, making its tables on first use. All its names begin with
   * `witness_`.
   *
   * @param url `postgres://user:password@host:port/database`.
   * @param options How to use it.
   * @throws {Error} If the database cannot be used, naming why; never the URL,
   *   which holds the password.
   */
  static async open(
    url: string,
    { connections = CONNECTIONS }: PostgresOptions = {},
  ): Promise<PostgresStore> {
    return (await PostgresStore.#connect(url, connections, (store) => store.#createTables()))!;
  }

  /**
   * Opens the store if its tables are there.
   *
   * @param url As in {@linkcode PostgresStore.open}.
   * @returns The store; `null` without tables.
   * @throws {Error} If the database cannot be used.
   */
  static openExisting(url: string): Promise<PostgresStore | null> {
    return PostgresStore.#connect(url, 1, async (store) => {
      const [row] = await store.#sql`SELECT to_regclass('witness_schema') IS NOT NULL AS there`;
      if (!row?.there) return false;
      await store.#createTables();
      return true;
    });
  }

  /** Connects; `prepare` says `false` when there is nothing to use. */
  static async #connect(
    url: string,
    connections: number,
    prepare: (store: PostgresStore) => Promise<boolean | void>,
  ): Promise<PostgresStore | null> {
    const connect = (max: number) =>
      postgres(url, {
        max,
        connect_timeout: CONNECT_TIMEOUT,
        onnotice: () => {},
        connection: {
          application_name: "indelible-witness",
          // Set here, since a server may be configured to promise less.
          synchronous_commit: "on",
        },
      });
    const store = new PostgresStore(connect, connections);
    try {
      if (await prepare(store) !== false) return store;
      await store.close();
      return null;
    } catch (error) {
      await store.close();
      throw new Error(
        `Cannot open PostgreSQL store: ${(error as Error).message}`,
        { cause: error },
      );
    }
  }

  async #createTables(): Promise<void> {
    await this.#transactions.begin(async (sql) => {
      await sql`SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`;
      await sql`CREATE TABLE IF NOT EXISTS witness_schema (
        version integer NOT NULL, name text)`;
      const [row] = await sql`SELECT version FROM witness_schema`;
      if (row?.version === SCHEMA_VERSION) return;
      if (row?.version === 1) {
        await sql`ALTER TABLE witness_log ADD COLUMN url text`;
        await sql`UPDATE witness_schema SET version = ${SCHEMA_VERSION}`;
        return;
      }
      if (row) {
        throw new Error(
          `its schema version is ${row.version}, this program knows ${SCHEMA_VERSION}`,
        );
      }
      await sql`CREATE TABLE witness_log (
        id text PRIMARY KEY,
        origin text NOT NULL,
        vkeys text NOT NULL,
        url text,
        disabled boolean NOT NULL,
        size bigint,
        root bytea,
        time bigint,
        note bytea)`;
      await sql`CREATE TABLE witness_evidence (
        ordinal bigint GENERATED ALWAYS AS IDENTITY,
        id text NOT NULL,
        origin text NOT NULL,
        kind text NOT NULL,
        size bigint NOT NULL,
        root bytea NOT NULL,
        note bytea NOT NULL,
        held bytea NOT NULL,
        time bigint NOT NULL,
        count bigint NOT NULL,
        PRIMARY KEY (id, size, root))`;
      await sql`INSERT INTO witness_schema VALUES (${SCHEMA_VERSION}, NULL)`;
    });
  }

  async read(id: string): Promise<LogRecord | null> {
    const [row] = await this.#sql<LogRow[]>`
      SELECT * FROM witness_log WHERE id = ${id}`;
    return row ? recordOf(row) : null;
  }

  async swap(
    origin: string,
    expected: KnownHead | null,
    next: Cosigned,
  ): Promise<boolean> {
    const id = logId(origin);
    const size = `${next.size}`;
    const time = `${next.time}`;
    const { root, note } = next;
    const { count } = expected
      ? await this.#sql`
        UPDATE witness_log
        SET size = ${size}, root = ${root}, time = ${time}, note = ${note}
        WHERE id = ${id} AND size = ${`${expected.size}`}
          AND root = ${expected.root} AND time <= ${time}`
      : await this.#sql`
        INSERT INTO witness_log
          (id, origin, vkeys, disabled, size, root, time, note)
        VALUES (${id}, ${origin}, '', false, ${size}, ${root}, ${time}, ${note})
        ON CONFLICT (id) DO UPDATE SET size = excluded.size,
          root = excluded.root, time = excluded.time, note = excluded.note
        WHERE witness_log.size IS NULL`;
    return count === 1;
  }

  async register(
    origin: string,
    vkeys: readonly string[],
    url: string | null = null,
  ): Promise<boolean> {
    return await this.#configure(origin, (before) => registered(before, vkeys, url));
  }

  async disable(origin: string, disabled: boolean): Promise<boolean> {
    return await this.#configure(
      origin,
      (before) => before && before.disabled !== disabled ? { ...before, disabled } : null,
    );
  }

  /** Changes how a log is configured; what was cosigned of it stays. */
  async #configure(
    origin: string,
    decide: (before: LogRecord | null) => LogSettings | null,
  ): Promise<boolean> {
    const id = logId(origin);
    return await this.#transactions.begin(async (sql) => {
      await sql`SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`;
      const [row] = await sql<LogRow[]>`
        SELECT * FROM witness_log WHERE id = ${id}`;
      const next = decide(row ? recordOf(row) : null);
      if (next === null) return false;
      await sql`
        INSERT INTO witness_log (id, origin, vkeys, url, disabled)
        VALUES (${id}, ${origin}, ${next.vkeys.join("\n")}, ${next.url}, ${next.disabled})
        ON CONFLICT (id) DO UPDATE
        SET vkeys = excluded.vkeys, url = excluded.url, disabled = excluded.disabled`;
      return true;
    });
  }

  async list(): Promise<LogRecord[]> {
    const rows = await this.#sql<LogRow[]>`
      SELECT * FROM witness_log ORDER BY origin COLLATE "C"`;
    return rows.map(recordOf);
  }

  async keepEvidence(evidence: Evidence): Promise<Kept> {
    const { origin, kind, root, note, held } = evidence;
    const id = logId(origin);
    const size = `${evidence.size}`;
    const time = `${evidence.time}`;
    return await this.#transactions.begin(async (sql): Promise<Kept> => {
      await sql`SELECT pg_advisory_xact_lock(${SCHEMA_LOCK})`;
      const { count } = await sql`
        UPDATE witness_evidence SET count = count + 1
        WHERE id = ${id} AND size = ${size} AND root = ${root}`;
      if (count > 0) return "repeated";
      const [alike] = await sql`
        SELECT count(*) AS n FROM witness_evidence
        WHERE id = ${id} AND kind = ${kind}`;
      if (Number(alike!.n) >= MAX_EVIDENCE) return "full";
      await sql`
        INSERT INTO witness_evidence
          (id, origin, kind, size, root, note, held, time, count)
        VALUES (${id}, ${origin}, ${kind}, ${size}, ${root}, ${note}, ${held},
          ${time}, 1)`;
      return "kept";
    });
  }

  async evidence(limit: number): Promise<KeptEvidence[]> {
    const rows = await this.#sql<EvidenceRow[]>`
      SELECT * FROM witness_evidence ORDER BY ordinal DESC LIMIT ${limit}`;
    return rows.map(({ origin, kind, size, root, note, held, time, count }) => ({
      origin,
      kind,
      size: BigInt(size),
      root: Uint8Array.from(root),
      note: Uint8Array.from(note),
      held: Uint8Array.from(held),
      time: BigInt(time),
      count: BigInt(count),
    }));
  }

  async bindName(name: string | null): Promise<string | null> {
    return await this.#transactions.begin(async (sql) => {
      const [row] = await sql<{ name: string | null }[]>`
        SELECT name FROM witness_schema FOR UPDATE`;
      const before = row!.name;
      if (before === null && name !== null) {
        await sql`UPDATE witness_schema SET name = ${name}`;
      }
      return before;
    });
  }

  async close(): Promise<void> {
    await Promise.all([this.#sql, this.#transactions].map((sql) => sql.end({ timeout: 5 })));
  }
}

/** A row of `witness_log`; its vkeys stand one a line. */
function recordOf(row: LogRow): LogRecord {
  const { origin, vkeys, url, disabled, size, root, time, note } = row;
  return {
    origin,
    vkeys: vkeys === "" ? [] : vkeys.split("\n"),
    url,
    disabled,
    cosigned: size === null ? null : {
      size: BigInt(size),
      // The driver gives a Buffer; nobody here should see Node's type.
      root: Uint8Array.from(root),
      time: BigInt(time),
      note: Uint8Array.from(note),
    },
  };
}
