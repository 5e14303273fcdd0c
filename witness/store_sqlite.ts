/**
 * The store's contract on SQLite. Swaps that arrive together are committed
 * together: one fsync for all requests of one turn of the event loop, and none
 * waits for company.
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
  MAX_EVIDENCE,
  type WitnessStore,
} from "./store.ts";

/** A swap that waits for the next commit. */
interface Swap {
  readonly origin: string;
  readonly expected: KnownHead | null;
  readonly next: Cosigned;
  readonly settle: PromiseWithResolvers<boolean>;
}

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
  readonly #swapHeld;
  readonly #swapFirst;
  #waiting: Swap[] = [];

  /**
   * Opens the database, making it on first use.
   *
   * @param path The file; `-wal` and `-shm` beside it belong to it.
   * @throws {Error} If it cannot be used, naming why.
   */
  constructor(path: string) {
    this.#database = new WitnessDatabase(path);
    this.#read = this.#database.prepare("SELECT * FROM log WHERE id = ?");
    this.#swapHeld = this.#database.prepare(HELD);
    this.#swapFirst = this.#database.prepare(FIRST);
  }

  async read(id: string): Promise<LogRecord | null> {
    const row = await this.#run(() => this.#read.get(id));
    return row ? recordOf(row) : null;
  }

  swap(
    origin: string,
    expected: KnownHead | null,
    next: Cosigned,
  ): Promise<boolean> {
    const settle = Promise.withResolvers<boolean>();
    if (this.#waiting.length === 0) setImmediate(() => this.#commit());
    this.#waiting.push({ origin, expected, next, settle });
    return settle.promise;
  }

  /** One transaction for all swaps that wait; none is settled before it is durable. */
  #commit(): void {
    const swaps = this.#waiting;
    this.#waiting = [];
    try {
      const [only] = swaps;
      const held = swaps.length === 1
        ? [this.#database.statement(() => this.#apply(only!))]
        : this.#database.transaction(() => swaps.map((swap) => this.#apply(swap)));
      swaps.forEach(({ settle }, i) => settle.resolve(held[i]!));
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

  register(origin: string, vkeys: readonly string[]): Promise<boolean> {
    return this.#write(() => {
      const before = this.#recordOf(origin);
      const all = [...new Set([...before?.vkeys ?? [], ...vkeys])];
      const changed = !before || before.disabled ||
        all.length > before.vkeys.length;
      this.#configure(origin, all, false);
      return changed;
    });
  }

  disable(origin: string, disabled: boolean): Promise<boolean> {
    return this.#write(() => {
      const before = this.#recordOf(origin);
      if ((before?.disabled ?? false) === disabled) return false;
      this.#configure(origin, before?.vkeys ?? [], disabled);
      return true;
    });
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

  #recordOf(origin: string): LogRecord | null {
    const row = this.#read.get(logId(origin));
    return row ? recordOf(row) : null;
  }

  #configure(
    origin: string,
    vkeys: readonly string[],
    disabled: boolean,
  ): void {
    this.#database.prepare(
      `INSERT INTO log (id, origin, vkeys, disabled) VALUES (?, ?, ?, ?)
       ON CONFLICT (id) DO UPDATE
       SET vkeys = excluded.vkeys, disabled = excluded.disabled`,
    ).run(logId(origin), origin, vkeys.join("\n"), disabled ? 1 : 0);
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
  const { origin, vkeys, disabled, size, root, time, note } = row as {
    origin: string;
    vkeys: string;
    disabled: bigint;
    size: bigint | null;
    root: Uint8Array;
    time: bigint;
    note: Uint8Array;
  };
  return {
    origin,
    vkeys: vkeys === "" ? [] : vkeys.split("\n"),
    disabled: disabled !== 0n,
    cosigned: size === null ? null : { size, root, time, note },
  };
}
