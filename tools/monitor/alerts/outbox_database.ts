/**
 * The outbox on disk: every alert's id for ever, the text of the latest and of those
 * still to be delivered, and the deliveries outstanding, a row each. A delivery that
 * succeeded is a row removed. One process at a time.
 *
 * @module
 */

import { parseHex } from "@indelible/core";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { Notice } from "./channel.ts";

const VERSION = 1;
const SCHEMA = `
  CREATE TABLE outbox (version INTEGER NOT NULL) STRICT;
  INSERT INTO outbox VALUES (${VERSION});
  CREATE TABLE alert (
    seq INTEGER PRIMARY KEY, id BLOB NOT NULL UNIQUE, notice TEXT, evidence TEXT
  ) STRICT;
  CREATE INDEX alert_evidence ON alert (seq) WHERE evidence IS NOT NULL;
  CREATE TABLE delivery (
    channel TEXT NOT NULL,
    seq INTEGER NOT NULL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (channel, seq)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX delivery_seq ON delivery (seq);
`;

/** How many alerts keep their text once they are delivered. */
const TEXTS_KEPT = 1_000;

/** A delivery outstanding. */
export interface Outstanding {
  /** Its alert's place. */
  readonly seq: number;
  /** How often it failed. */
  readonly attempts: number;
  /** What to tell. */
  readonly notice: Notice;
}

/** The open database. */
export class OutboxDatabase implements Disposable {
  readonly #database: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  /** How many deliveries are outstanding, by channel, also of channels that are gone. */
  readonly pending: Map<string, number>;

  /**
   * Opens it, or makes one.
   *
   * @throws {Error} If it is damaged, or in use by another process.
   */
  constructor(path: string) {
    let database: DatabaseSync | null = null;
    try {
      this.#database = database = new DatabaseSync(path, { timeout: 1_000 });
      this.#prepare();
      const rows = this.#all("SELECT channel, count(*) AS n FROM delivery GROUP BY channel");
      this.pending = new Map(rows.map(({ channel, n }) => [String(channel), Number(n)]));
    } catch (error) {
      database?.close();
      const why = /database is locked/.test((error as Error).message)
        ? "another process is using it"
        : (error as Error).message;
      throw new Error(`Cannot use the outbox ${path}: ${why}`, { cause: error });
    }
  }

  #prepare(): void {
    this.#database.exec(
      "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
    );
    this.#transaction(() => {
      if (!this.#get("SELECT name FROM sqlite_master WHERE name = 'outbox'")) {
        this.#database.exec(SCHEMA);
      }
      const version = this.#get("SELECT version FROM outbox")?.["version"];
      if (version !== VERSION) throw new Error(`its version is ${version}, not ${VERSION}`);
    });
  }

  /** Whether an alert of this id was ever taken. */
  has(id: string): boolean {
    return this.#get("SELECT 1 FROM alert WHERE id = ?", parseHex(id)) !== null;
  }

  /**
   * Takes an alert for some channels; on disk when this returns.
   *
   * @param notice The alert.
   * @param channels Who is to tell it.
   * @param forgettable Whether its evidence file may go when there are too many.
   * @returns Whether it is new.
   */
  take(notice: Notice, channels: readonly string[], forgettable: boolean): boolean {
    const isNew = this.#transaction(() => {
      if (this.has(notice.id)) return false;
      const { lastInsertRowid: seq } = this.#run(
        "INSERT INTO alert (id, notice, evidence) VALUES (?, ?, ?)",
        parseHex(notice.id),
        JSON.stringify(notice),
        forgettable ? notice.evidenceFile! : null,
      );
      for (const channel of channels) {
        this.#run("INSERT INTO delivery (channel, seq) VALUES (?, ?)", channel, seq);
      }
      this.#forgetText(Number(seq) - TEXTS_KEPT);
      return true;
    });
    if (isNew) { for (const channel of channels) this.#count(channel, 1); }
    return isNew;
  }

  /** A channel's next delivery that is due; `null` when there is none. */
  next(channel: string, now: number, longest: number): Outstanding | null {
    const row = this.#get(
      `SELECT seq, attempts, notice FROM delivery JOIN alert USING (seq)
       WHERE channel = ? AND (next <= ? OR next > ?) ORDER BY attempts, seq LIMIT 1`,
      channel,
      now,
      // What waits for longer than anything may was written under another clock.
      now + longest,
    );
    return row && {
      seq: Number(row["seq"]),
      attempts: Number(row["attempts"]),
      notice: JSON.parse(String(row["notice"])),
    };
  }

  /** When a channel's next delivery is due; `null` when none is outstanding. */
  nextTime(channel: string): number | null {
    const row = this.#get("SELECT min(next) AS next FROM delivery WHERE channel = ?", channel);
    return row?.["next"] == null ? null : Number(row["next"]);
  }

  /** Records that a delivery succeeded. */
  delivered(channel: string, seq: number): void {
    this.#transaction(() => {
      this.#run("DELETE FROM delivery WHERE channel = ? AND seq = ?", channel, seq);
      const newest = Number(this.#get("SELECT max(seq) AS seq FROM alert")!["seq"]);
      if (seq <= newest - TEXTS_KEPT) this.#forgetText(seq);
    });
    this.#count(channel, -1);
  }

  #count(channel: string, change: number): void {
    this.pending.set(channel, (this.pending.get(channel) ?? 0) + change);
  }

  /** Records that one failed, and when it is due again. */
  failed(channel: string, seq: number, next: number): void {
    this.#run(
      "UPDATE delivery SET attempts = attempts + 1, next = ? WHERE channel = ? AND seq = ?",
      next,
      channel,
      seq,
    );
  }

  /** Makes all of a channel's deliveries due; gives their alerts and how often each failed. */
  makeDue(channel: string): Map<number, number> {
    this.#run("UPDATE delivery SET next = 0 WHERE channel = ?", channel);
    return this.attempts(channel);
  }

  /** A channel's outstanding deliveries: their alerts and how often each failed. */
  attempts(channel: string): Map<number, number> {
    const rows = this.#all("SELECT seq, attempts FROM delivery WHERE channel = ?", channel);
    return new Map(rows.map(({ seq, attempts }) => [Number(seq), Number(attempts)]));
  }

  /** How many alerts were ever taken. */
  get taken(): number {
    return Number(this.#get("SELECT coalesce(max(seq), 0) AS n FROM alert")!["n"]);
  }

  /** The latest alerts, newest first. */
  recent(count: number): Notice[] {
    const rows = this.#all(
      "SELECT notice FROM alert WHERE notice IS NOT NULL ORDER BY seq DESC LIMIT ?",
      Math.min(count, TEXTS_KEPT),
    );
    return rows.map(({ notice }) => JSON.parse(String(notice)));
  }

  /** Forgets the evidence files beyond the newest so many, a few at a time; gives their names. */
  surplusEvidence(keep: number): string[] {
    const rows = this.#all(
      `SELECT seq, evidence FROM alert WHERE evidence IS NOT NULL
       ORDER BY seq DESC LIMIT 100 OFFSET ?`,
      keep,
    );
    for (const { seq } of rows) this.#run("UPDATE alert SET evidence = NULL WHERE seq = ?", seq!);
    return rows.map(({ evidence }) => String(evidence));
  }

  #forgetText(seq: number): void {
    this.#run(
      `UPDATE alert SET notice = NULL WHERE seq = ?
       AND NOT EXISTS (SELECT 1 FROM delivery WHERE delivery.seq = alert.seq)`,
      seq,
    );
  }

  #transaction<T>(write: () => T): T {
    this.#database.exec("BEGIN IMMEDIATE");
    try {
      const value = write();
      this.#database.exec("COMMIT");
      return value;
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec("ROLLBACK");
      throw error;
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) this.#statements.set(sql, statement = this.#database.prepare(sql));
    return statement;
  }

  #run(sql: string, ...values: SQLInputValue[]) {
    return this.#statement(sql).run(...values);
  }

  #get(sql: string, ...values: SQLInputValue[]): Record<string, SQLInputValue> | null {
    return (this.#statement(sql).get(...values) ?? null) as Record<string, SQLInputValue> | null;
  }

  #all(sql: string, ...values: SQLInputValue[]): Record<string, SQLInputValue>[] {
    return this.#statement(sql).all(...values) as Record<string, SQLInputValue>[];
  }

  /** Closes it. */
  [Symbol.dispose](): void {
    if (this.#database.isOpen) this.#database.close();
  }
}
