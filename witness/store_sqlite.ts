/**
 * The store's contract on SQLite. Swaps that arrive together are committed
 * together: one fsync for all requests of one turn of the event loop. While they
 * come one by one, each is committed at once.
 *
 * @module
 */

import type { KnownHead } from "./judge.ts";
import { WitnessDatabase } from "./sqlite_database.ts";
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
  type WitnessStore,
} from "./store.ts";

/** A swap that waits for the next commit. */
interface Swap {
  readonly origin: string;
  readonly expected: KnownHead | null;
  readonly next: Cosigned;
  readonly settle: PromiseWithResolvers<boolean>;
}

/** How many turns of the event loop with one swap each show that they come one by one. */
const TURNS_ALONE = 8;

const HELD = `
  UPDATE log SET size = ?, root = ?, time = ?, note = ?
  WHERE id = ? AND size = ? AND root = ? AND time <= ?`;
const FIRST = `
  INSERT INTO log (id, origin, vkeys, disabled, size, root, time, note)
  VALUES (?, ?, '', 0, ?, ?, ?, ?)
  ON CONFLICT (id) DO UPDATE SET size = excluded.size, root = excluded.root,
    time = excluded.time, note = excluded.note
  WHERE log.size IS NULL`;

/** A store in a SQLite database. */
export class SqliteStore implements WitnessStore {
  readonly #database: WitnessDatabase;
  readonly #read;
  readonly #dataVersion;
  readonly #swapHeld;
  readonly #swapFirst;
  /** Those that are committed when this turn of the event loop ends. */
  #waiting: Swap[] = [];
  /** How many came in this turn, those committed at once included. */
  #arrived = 0;
  /** After how many more turns with one each the next one is committed at once. */
  #crowded = 0;
  /** Records as they stand in the database, while its data version is this one. */
  readonly #known = new Map<string, LogRecord>();
  #knownVersion: unknown;

  /**
   * Opens the database, making it on first use.
   *
   * @param path The file; `-wal` and `-shm` beside it belong to it.
   * @throws {Error} If it cannot be used, naming why.
   */
  constructor(path: string) {
    this.#database = new WitnessDatabase(path);
    this.#read = this.#database.prepare("SELECT * FROM log WHERE id = ?");
    this.#dataVersion = this.#database.prepare("PRAGMA data_version");
    this.#swapHeld = this.#database.prepare(HELD);
    this.#swapFirst = this.#database.prepare(FIRST);
  }

  read(id: string): Promise<LogRecord | null> {
    return this.#run(() => {
      // Another value as soon as another connection has committed anything. To ask for
      // it costs a third of reading the record (measured).
      const version = this.#dataVersion.get()!.data_version;
      if (version !== this.#knownVersion) this.#known.clear();
      this.#knownVersion = version;
      const known = this.#known.get(id);
      if (known) return known;
      const row = this.#read.get(id);
      if (!row) return null;
      const record = recordOf(row);
      this.#known.set(id, record);
      return record;
    });
  }

  swap(
    origin: string,
    expected: KnownHead | null,
    next: Cosigned,
  ): Promise<boolean> {
    const settle = Promise.withResolvers<boolean>();
    const swap = { origin, expected, next, settle };
    if (this.#arrived++ === 0) setImmediate(() => this.#endTurn());
    if (this.#arrived > 1 || this.#crowded > 0) this.#waiting.push(swap);
    else this.#commit([swap]);
    return settle.promise;
  }

  #endTurn(): void {
    const swaps = this.#waiting;
    this.#crowded = this.#arrived > 1 ? TURNS_ALONE : Math.max(0, this.#crowded - 1);
    this.#waiting = [];
    this.#arrived = 0;
    if (swaps.length > 0) this.#commit(swaps);
  }

  /** One transaction for all swaps; none is settled before it is durable. */
  #commit(swaps: readonly Swap[]): void {
    try {
      const [only] = swaps;
      const held = swaps.length === 1
        ? [this.#database.statement(() => this.#apply(only!))]
        : this.#database.transaction(() => swaps.map((swap) => this.#apply(swap)));
      swaps.forEach(({ origin, next, settle }, i) => {
        if (held[i]) this.#remember(origin, next);
        settle.resolve(held[i]!);
      });
    } catch (error) {
      for (const { settle } of swaps) settle.reject(error);
    }
  }

  #apply({ origin, expected, next }: Swap): boolean {
    const { size, root, time, note } = next;
    const id = logId(origin);
    const { changes } = expected
      ? this.#swapHeld.run(
        size,
        root,
        time,
        note,
        id,
        expected.size,
        expected.root,
        time,
      )
      : this.#swapFirst.run(id, origin, size, root, time, note);
    return Number(changes) === 1;
  }

  #remember(origin: string, cosigned: Cosigned): void {
    const id = logId(origin);
    const known = this.#known.get(id);
    if (known) this.#known.set(id, { ...known, cosigned });
  }

  register(
    origin: string,
    vkeys: readonly string[],
    url: string | null = null,
  ): Promise<boolean> {
    return this.#configure(origin, (before) => registered(before, vkeys, url));
  }

  disable(origin: string, disabled: boolean): Promise<boolean> {
    return this.#configure(
      origin,
      (before) => before && before.disabled !== disabled ? { ...before, disabled } : null,
    );
  }

  list(): Promise<LogRecord[]> {
    const sql = "SELECT * FROM log ORDER BY origin";
    return this.#run(() => this.#database.prepare(sql).all().map((row) => recordOf(row)));
  }

  keepEvidence(evidence: Evidence): Promise<Kept> {
    const { origin, kind, size, root, note, held, time } = evidence;
    const id = logId(origin);
    return this.#write(() => {
      const { changes } = this.#database.prepare(
        "UPDATE evidence SET count = count + 1 WHERE id = ? AND size = ? AND root = ?",
      ).run(id, size, root);
      if (Number(changes) > 0) return "repeated";
      const alike = this.#database.prepare(
        "SELECT count(*) AS n FROM evidence WHERE id = ? AND kind = ?",
      ).get(id, kind)?.n;
      if (Number(alike) >= MAX_EVIDENCE) return "full";
      this.#database.prepare(
        `INSERT INTO evidence (id, origin, kind, size, root, note, held, time, count)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1)`,
      ).run(id, origin, kind, size, root, note, held, time);
      return "kept";
    });
  }

  evidence(limit: number): Promise<KeptEvidence[]> {
    const sql = "SELECT * FROM evidence ORDER BY ordinal DESC LIMIT ?";
    return this.#run(() =>
      this.#database.prepare(sql).all(limit).map((row) => row as unknown as KeptEvidence)
    );
  }

  bindName(name: string | null): Promise<string | null> {
    return this.#write(() => {
      const before = this.#database.prepare("SELECT name FROM witness").get();
      if (name !== null && !before) {
        this.#database.prepare("INSERT INTO witness VALUES (?)").run(name);
      }
      return before ? before.name as string : null;
    });
  }

  close(): Promise<void> {
    return this.#run(() => this.#database.close());
  }

  /** Changes how a log is configured; what was cosigned of it stays. */
  #configure(
    origin: string,
    decide: (before: LogRecord | null) => LogSettings | null,
  ): Promise<boolean> {
    const id = logId(origin);
    return this.#write(() => {
      this.#known.delete(id);
      const row = this.#read.get(id);
      const next = decide(row ? recordOf(row) : null);
      if (next === null) return false;
      this.#database.prepare(
        `INSERT INTO log (id, origin, vkeys, url, disabled) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (id) DO UPDATE
         SET vkeys = excluded.vkeys, url = excluded.url, disabled = excluded.disabled`,
      ).run(id, origin, next.vkeys.join("\n"), next.url, next.disabled ? 1 : 0);
      return true;
    });
  }

  /** What throws here rejects there. */
  // deno-lint-ignore require-await
  async #run<T>(act: () => T): Promise<T> {
    return this.#database.run(act);
  }

  // deno-lint-ignore require-await
  async #write<T>(act: () => T): Promise<T> {
    return this.#database.transaction(act);
  }
}

/** A row of `log`; its vkeys stand one a line. */
function recordOf(row: Record<string, unknown>): LogRecord {
  const { origin, vkeys, url, disabled, size, root, time, note } = row as {
    origin: string;
    vkeys: string;
    url: string | null;
    disabled: bigint;
    size: bigint | null;
    root: Uint8Array;
    time: bigint;
    note: Uint8Array;
  };
  return {
    origin,
    vkeys: vkeys === "" ? [] : vkeys.split("\n"),
    url,
    disabled: disabled !== 0n,
    cosigned: size === null ? null : { size, root, time, note },
  };
}
